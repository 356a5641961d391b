// One pass of a stable radix sort by 8 bits of the keys, in three stages (Satish, Harris and Garland 2009): count the digits of each block,
// sum the counts, scatter. No subgroup operations, so that every OpenGL 4.3 runs it.

layout(local_size_x = 256) in;
layout(std430, binding = 2) readonly buffer KeysIn { uint keys_in[]; };
layout(std430, binding = 3) readonly buffer OrderIn { uint order_in[]; };
layout(std430, binding = 5) writeonly buffer KeysOut { uint keys_out[]; };
layout(std430, binding = 6) writeonly buffer OrderOut { uint order_out[]; };
layout(std430, binding = 7) buffer Counts { uint counts[]; }; // of digit d in block b at d * blocks + b; then where they begin
uniform int count, blocks, shift, stage;

const uint DIGITS = 256u;
shared uint local[DIGITS];

uint digit_of(uint key) {
    return (key >> uint(shift)) & (DIGITS - 1u);
}

void count_digits(uint at, uint lane, uint block) {
    local[lane] = 0u;
    barrier();
    if (at < uint(count)) atomicAdd(local[digit_of(keys_in[at])], 1u);
    barrier();
    counts[lane * uint(blocks) + block] = local[lane];
}

// One work group: each lane sums a digit's counts over the blocks, the sums are added up, and each lane writes its beginnings
void sum_counts(uint lane) {
    uint total = 0u, first = lane * uint(blocks);
    for (uint block = 0u; block < uint(blocks); block++) total += counts[first + block];
    local[lane] = total;
    barrier();
    uint begin = 0u;
    for (uint digit = 0u; digit < lane; digit++) begin += local[digit];
    for (uint block = 0u; block < uint(blocks); block++) {
        uint here = counts[first + block];
        counts[first + block] = begin;
        begin += here;
    }
}

void scatter(uint at, uint lane, uint block) {
    uint key = at < uint(count) ? keys_in[at] : 0xffffffffu, digit = digit_of(key), rank = 0u;
    local[lane] = digit;
    barrier();
    if (at >= uint(count)) return;
    for (uint before = 0u; before < lane; before++) rank += uint(local[before] == digit);
    uint to = counts[digit * uint(blocks) + block] + rank;
    keys_out[to] = key;
    order_out[to] = order_in[at];
}

void main() {
    uint at = gl_GlobalInvocationID.x, lane = gl_LocalInvocationID.x, block = gl_WorkGroupID.x;
    if (stage == 0) count_digits(at, lane, block);
    else if (stage == 1) sum_counts(lane);
    else scatter(at, lane, block);
}
