// The picture of a placed splat: where its triangle lies and how it fades. The numerics are those of the processor's rasteriser
// (toolkit/splatting). Functions alone, after deform.glsl.

uniform mat4 camera_from_world; // OpenCV axes
uniform vec2 focal, principal, size; // pixels
uniform float near_plane, low_pass, cutoff, sigma_clamp;
uniform bool antialiased; // opacity makes up for the low-pass filter (Mip-Splatting, Yu et al. 2024, equation 9)

struct SplatInstance {
    vec4 place; // centre in pixels, rows downwards; reach: standard deviations to where it fades out, 0: not drawn; camera z, metres
    vec4 axes;  // the two half axes of the ellipse where it fades out, pixels
    vec4 color; // sRGB as displayed; opacity
};

mat3 rotation_from_wxyz(vec4 q) {
    float w = q.x, x = q.y, y = q.z, z = q.w;
    return mat3(1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y + w * z), 2.0 * (x * z - w * y),
                2.0 * (x * y - w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z + w * x),
                2.0 * (x * z + w * y), 2.0 * (y * z - w * x), 1.0 - 2.0 * (x * x + y * y));
}

// xx, xy, yy of the covariance in square pixels (Zwicker et al. 2002, EWA splatting), linearised inside the clamped field of view
vec3 projected_covariance(PlacedSplat splat, vec3 center) {
    vec2 margin = sigma_clamp * 0.5 * size / focal;
    vec2 slope = clamp(center.xy / center.z, -principal / focal - margin, (size - principal) / focal + margin);
    vec3 x_row = vec3(focal.x, 0.0, -focal.x * slope.x) / center.z;
    vec3 y_row = vec3(0.0, focal.y, -focal.y * slope.y) / center.z;
    mat3 axes = mat3(camera_from_world) * rotation_from_wxyz(splat.rotation_wxyz);
    vec3 x = (x_row * axes) * splat.scales, y = (y_row * axes) * splat.scales;
    return vec3(dot(x, x), dot(x, y), dot(y, y));
}

SplatInstance project_splat(PlacedSplat splat, vec4 color_opacity) {
    SplatInstance none = SplatInstance(vec4(0.0), vec4(0.0), vec4(0.0));
    vec3 center = (camera_from_world * vec4(splat.mean, 1.0)).xyz;
    if (center.z < near_plane) return none;

    vec3 bare = projected_covariance(splat, center), c = bare + vec3(low_pass, 0.0, low_pass);
    float opacity = color_opacity.a;
    if (antialiased) opacity *= sqrt(max(0.0, (bare.x * bare.z - bare.y * bare.y) / (c.x * c.z - c.y * c.y)));
    if (!(opacity >= cutoff)) return none;

    float middle = 0.5 * (c.x + c.z), spread = length(vec2(0.5 * (c.x - c.z), c.y));
    float major = middle + spread, minor = max(middle - spread, low_pass);
    vec2 axis = c.x >= c.z ? vec2(major - c.z, c.y) : vec2(c.y, major - c.x);
    axis = spread > 0.0 ? normalize(axis) : vec2(1.0, 0.0);
    float reach = sqrt(2.0 * log(opacity / cutoff));
    vec4 axes = reach * vec4(sqrt(major) * axis, sqrt(minor) * vec2(-axis.y, axis.x));

    vec2 pixel = focal * center.xy / center.z + principal, half_box = sqrt(axes.xy * axes.xy + axes.zw * axes.zw);
    if (any(lessThan(pixel + half_box, vec2(0.0))) || any(greaterThan(pixel - half_box, size))) return none;
    return SplatInstance(vec4(pixel, reach, center.z), axes, vec4(max(color_opacity.rgb, 0.0), opacity));
}
