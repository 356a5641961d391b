// Premultiplied colour of one Gaussian; the target blends it over what lies behind, in sRGB as displayed.

in vec2 deviations;
flat in vec4 color_opacity;
uniform float cutoff, alpha_max;
layout(location = 0) out vec4 premultiplied;
#ifdef DEPTH
flat in float camera_z;
layout(location = 1) out vec4 depth; // times alpha, and alpha; metres, blended as the colour is
#endif

void main() {
    float alpha = min(alpha_max, color_opacity.a * exp(-0.5 * dot(deviations, deviations)));
    if (alpha < cutoff) alpha = 0.0; // no discard: where nothing is added nothing changes, and it costs more
    premultiplied = vec4(color_opacity.rgb * alpha, alpha);
#ifdef DEPTH
    depth = vec4(camera_z * alpha, alpha, 0.0, alpha);
#endif
}
