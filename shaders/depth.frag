// The depth of what is seen, where it is at least half opaque.

in vec2 uv;
uniform sampler2D depth; // camera z times alpha, metres; alpha
uniform vec2 clip;       // near and far plane, metres
out vec4 nothing;

void main() {
    vec2 seen = texture(depth, uv).rg;
    if (seen.g < 0.5) discard;
    float z = seen.r / seen.g, ndc = (clip.y + clip.x - 2.0 * clip.y * clip.x / z) / (clip.y - clip.x);
    gl_FragDepth = 0.5 + 0.5 * ndc;
    nothing = vec4(0.0);
}
