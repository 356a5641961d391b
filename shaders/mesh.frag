// One colour, lit from where the viewer stands; premultiplied.

in vec3 seen;
uniform vec4 color; // straight alpha
uniform bool lit;
out vec4 premultiplied;

void main() {
    vec3 normal = normalize(cross(dFdx(seen), dFdy(seen)));
    float light = lit ? 0.25 + 0.75 * abs(normal.z) : 1.0;
    premultiplied = vec4(color.rgb * light, 1) * color.a;
}
