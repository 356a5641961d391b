// Premultiplied colour of one Gaussian; the target blends it over what lies behind, in sRGB as displayed.

in vec2 from_centre;        // in half axes: length 1 where it fades to the cutoff
flat in vec4 color_fading;  // sRGB as displayed, of the brightest; binary logarithm of the opacity
uniform float log2_cutoff, alpha_max;
layout(location = 0) out vec4 premultiplied;
#ifdef DEPTH
flat in float camera_z;
layout(location = 1) out vec4 depth; // times alpha, and alpha; metres, blended as the colour is
#endif

void main() {
    float squared = dot(from_centre, from_centre); // the logarithm falls evenly with it: from the opacity's to the cutoff's
    float alpha = squared > 1.0 ? 0.0 : min(alpha_max, exp2(mix(color_fading.a, log2_cutoff, squared))); // a discard costs more
    premultiplied = vec4(color_fading.rgb * alpha, alpha);
#ifdef DEPTH
    depth = vec4(camera_z * alpha, alpha, 0.0, alpha);
#endif
}
