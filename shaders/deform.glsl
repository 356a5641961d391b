// The deformation of an avatar: turns joints, skins a vertex, frames a triangle, places a splat. Functions alone, for GLSL 3.30, 4.x and
// ES 3.00 (with highp floats): put them after your #version line. Metres, radians, quaternions wxyz, column vectors.
// docs/embedding.md says how they fit together, samples/parity.json what they must give.

struct TriangleFrame {
    mat3 rotation; // world_from_triangle
    float scale;
    vec3 middle;
};

struct PlacedSplat {
    vec3 mean;
    vec4 rotation_wxyz;
    vec3 scales; // standard deviations
};

const float LEAST_LENGTH = 1e-15; // metres; what is shorter has no direction

vec3 unit_or_zero(vec3 v) {
    float size = length(v);
    return size > LEAST_LENGTH ? v / size : vec3(0.0);
}

// sin(x) / x, by its series where that is exact to rounding
float sin_over(float x) {
    return abs(x) > 1e-3 ? sin(x) / x : 1.0 - x * x / 6.0;
}

// Rodrigues' formula
mat3 rotation_from_axis_angle(vec3 r) {
    float angle = length(r), half_sin = sin_over(0.5 * angle);
    mat3 cross_r = mat3(0.0, r.z, -r.y, -r.z, 0.0, r.x, r.y, -r.x, 0.0);
    return mat3(1.0) + sin_over(angle) * cross_r + 0.5 * half_sin * half_sin * (cross_r * cross_r);
}

// posed_from_bind of a joint that turns about its bind position; the parent of the root is the pose's translation
mat4 joint_transform(mat4 parent, vec3 axis_angle, vec3 position) {
    mat3 turn = rotation_from_axis_angle(axis_angle);
    vec3 shift = position - turn * position;
    return parent * mat4(vec4(turn[0], 0.0), vec4(turn[1], 0.0), vec4(turn[2], 0.0), vec4(shift, 1.0));
}

// Linear blend skinning by the four joints that hold the vertex
vec3 skinned_vertex(vec3 shaped, mat4 joints[4], vec4 weights) {
    mat4 blended = weights.x * joints[0] + weights.y * joints[1] + weights.z * joints[2] + weights.w * joints[3];
    return (blended * vec4(shaped, 1.0)).xyz;
}

// Qian et al. 2024, GaussianAvatars, section 3.1; corners counter-clockwise seen from outside
TriangleFrame triangle_frame(vec3 v0, vec3 v1, vec3 v2) {
    vec3 first = v1 - v0, second = v2 - v0;
    vec3 a0 = unit_or_zero(first);
    vec3 a1 = unit_or_zero(cross(a0, second));
    vec3 a2 = cross(a0, a1);
    float scale = 0.5 * (length(first) + abs(dot(a2, second)));
    return TriangleFrame(mat3(a0, a1, a2), scale, (v0 + v1 + v2) / 3.0);
}

// The largest of the four components first, so that nothing is divided by little
vec4 wxyz_from_rotation(mat3 m) {
    float trace = m[0][0] + m[1][1] + m[2][2], most = max(m[0][0], max(m[1][1], m[2][2]));
    vec3 difference = vec3(m[1][2] - m[2][1], m[2][0] - m[0][2], m[0][1] - m[1][0]);
    vec3 total = vec3(m[1][2] + m[2][1], m[2][0] + m[0][2], m[0][1] + m[1][0]);
    if (trace > most) return normalize(vec4(1.0 + trace, difference));
    float square = 1.0 + 2.0 * most - trace;
    if (m[0][0] == most) return normalize(vec4(difference.x, square, total.z, total.y));
    if (m[1][1] == most) return normalize(vec4(difference.y, total.z, square, total.x));
    return normalize(vec4(difference.z, total.y, total.x, square));
}

// Hamilton product: turns by b first
vec4 multiply_wxyz(vec4 a, vec4 b) {
    return vec4(a.x * b.x - dot(a.yzw, b.yzw), a.x * b.yzw + b.x * a.yzw + cross(a.yzw, b.yzw));
}

// A splat from its triangle's frame to the world
PlacedSplat place_splat(TriangleFrame frame, vec3 mean, vec4 rotation_wxyz, vec3 log_scales) {
    vec4 turn = multiply_wxyz(wxyz_from_rotation(frame.rotation), normalize(rotation_wxyz));
    return PlacedSplat(frame.scale * (frame.rotation * mean) + frame.middle, normalize(turn), frame.scale * exp(log_scales));
}
