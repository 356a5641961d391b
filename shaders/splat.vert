// Spans the triangle that holds a projected splat's ellipse.

in vec2 corner; // of the triangle around the unit circle, same for every splat
in vec4 place, axes, color; // of a SplatInstance, see project.glsl

uniform vec2 size;       // of the picture, pixels
uniform float upwards;   // 1: row 0 of the target is the top of the picture; -1: its bottom, as windows have it
uniform vec2 clip;       // near and far plane of the target's depth buffer, metres
uniform float scale, gain; // times the axes, times the opacity
uniform float inscribed; // radius of the circle in the triangle; 1: where the splat fades to the cutoff
uniform float brightest = 1.0; // the colour that the target holds as 1

out vec2 from_centre;    // in half axes: length 1 where it fades to the cutoff
flat out vec4 color_fading; // sRGB as displayed, of the brightest; binary logarithm of the opacity
#ifdef DEPTH
flat out float camera_z;
#endif

void main() {
    float reach = sqrt(max(place.z * place.z + 2.0 * log(gain), 0.0)); // place.z is where the opacity falls to the cutoff
    float longer = scale * reach / max(place.z, 1e-6);
    from_centre = inscribed * corner;
    vec2 pixel = place.xy + longer * (from_centre.x * axes.xy + from_centre.y * axes.zw), at = 2.0 * pixel / size - 1.0;
    float z = (clip.y + clip.x - 2.0 * clip.y * clip.x / place.w) / (clip.y - clip.x);
    color_fading = vec4(color.rgb / brightest, log2(color.a * gain));
#ifdef DEPTH
    camera_z = place.w;
#endif
    gl_Position = place.z > 0.0 ? vec4(at.x, upwards * at.y, z, 1.0) : vec4(0.0, 0.0, 2.0, 1.0); // z 2: outside, nothing is drawn
}
