#version 330 core
// Premultiplied colour of one Gaussian; the target blends it over what lies behind, in sRGB as displayed.

in vec2 deviations;
flat in vec4 color_opacity;
uniform float cutoff, alpha_max;
out vec4 premultiplied;

void main() {
    float alpha = min(alpha_max, color_opacity.a * exp(-0.5 * dot(deviations, deviations)));
    if (alpha < cutoff) discard;
    premultiplied = vec4(color_opacity.rgb * alpha, alpha);
}
