// Places and projects one splat, in drawing order; captured by transform feedback as the instances that splat.vert draws.

in int splat;
uniform sampler2D posed;

out vec4 place, axes, color;

vec3 posed_corner(int vertex) {
    return texel(posed, vertex).xyz;
}

void main() {
    SplatInstance instance = project_splat(place_bound(splat), color_opacity(splat));
    place = instance.place;
    axes = instance.axes;
    color = instance.color;
}
