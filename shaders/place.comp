// Places and projects the splats in their own order, and says how they are sorted: by descending camera z, those not drawn last.

layout(local_size_x = 64) in;
layout(std430, binding = 0) readonly buffer Posed { vec4 posed[]; };
layout(std430, binding = 1) writeonly buffer Projected { vec4 projected[]; }; // place, axes, color of each
layout(std430, binding = 2) writeonly buffer Keys { uint keys[]; };
layout(std430, binding = 3) writeonly buffer Order { uint order[]; };
uniform int count;

vec3 posed_corner(int vertex) {
    return posed[vertex].xyz;
}

void main() {
    int splat = int(gl_GlobalInvocationID.x);
    if (splat >= count) return;
    SplatInstance instance = project_splat(place_bound(splat), color_opacity(splat));
    projected[3 * splat] = instance.place;
    projected[3 * splat + 1] = instance.axes;
    projected[3 * splat + 2] = instance.color;
    keys[splat] = instance.place.z > 0.0 ? ~floatBitsToUint(instance.place.w) : 0xffffffffu; // bits of floats above 0 are in their order
    order[splat] = uint(splat);
}
