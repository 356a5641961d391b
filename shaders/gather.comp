// Lays projected splats in drawing order.

layout(local_size_x = 64) in;
layout(std430, binding = 1) readonly buffer Projected { vec4 projected[]; };
layout(std430, binding = 3) readonly buffer Order { uint order[]; };
layout(std430, binding = 4) writeonly buffer Instances { vec4 instances[]; };
uniform int count;

void main() {
    int at = int(gl_GlobalInvocationID.x);
    if (at >= count) return;
    int splat = int(order[at]);
    for (int part = 0; part < 3; part++) instances[3 * at + part] = projected[3 * splat + part];
}
