#version 330 core
// Projects one Gaussian and spans the triangle that holds its ellipse; the numerics are those of the processor's rasteriser.

in vec2 corner;                 // of the triangle around the unit circle, same for every splat
in vec3 mean;                   // world, metres
in float opacity;
in vec4 rotation_wxyz;
in vec3 scales;                 // standard deviations, metres
in vec3 color;                  // sRGB as displayed

uniform mat4 camera_from_world; // OpenCV axes
uniform vec2 focal, principal, size; // pixels
uniform float near_plane, low_pass, cutoff, sigma_clamp;

out vec2 deviations;            // from the centre, in standard deviations
flat out vec4 color_opacity;

mat3 rotation(vec4 q) {
    float w = q.x, x = q.y, y = q.z, z = q.w;
    return mat3(1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y),
                2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x),
                2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y));
}

// xx, xy, yy of the covariance in square pixels (Zwicker et al. 2002, EWA splatting), linearised inside the clamped field of view
vec3 covariance(vec3 center) {
    vec2 margin = sigma_clamp * 0.5 * size / focal;
    vec2 slope = clamp(center.xy / center.z, -principal / focal - margin, (size - principal) / focal + margin);
    vec3 x_row = vec3(focal.x, 0, -focal.x * slope.x) / center.z;
    vec3 y_row = vec3(0, focal.y, -focal.y * slope.y) / center.z;
    mat3 axes = mat3(camera_from_world) * rotation(rotation_wxyz);
    vec3 x = (x_row * axes) * scales, y = (y_row * axes) * scales;
    return vec3(dot(x, x) + low_pass, dot(x, y), dot(y, y) + low_pass);
}

void main() {
    vec3 center = (camera_from_world * vec4(mean, 1)).xyz;
    color_opacity = vec4(max(color, 0), opacity);
    deviations = vec2(0);
    gl_Position = vec4(0, 0, 2, 1); // outside: nothing is drawn
    if (center.z < near_plane || opacity < cutoff) return;

    vec3 c = covariance(center);
    float middle = 0.5 * (c.x + c.z), spread = length(vec2(0.5 * (c.x - c.z), c.y));
    float major = middle + spread, minor = max(middle - spread, low_pass);
    vec2 axis = c.x >= c.z ? vec2(major - c.z, c.y) : vec2(c.y, major - c.x);
    axis = spread > 0 ? normalize(axis) : vec2(1, 0);

    deviations = sqrt(2 * log(opacity / cutoff)) * corner; // where opacity falls to the cutoff
    vec2 pixel = focal * center.xy / center.z + principal
               + deviations.x * sqrt(major) * axis + deviations.y * sqrt(minor) * vec2(-axis.y, axis.x);
    gl_Position = vec4(2 * pixel / size - 1, 0, 1); // row 0 of the target is the top of the picture
}
