// The deformation of an avatar: turns joints, skins a vertex, frames a triangle, places a splat. Functions alone, for shader model 5 and up:
// #include them. Metres, radians, quaternions wxyz, column vectors: mul(matrix, vector).
// docs/embedding.md says how they fit together, samples/parity.json what they must give.
#ifndef FACECRAFT4D_DEFORM
#define FACECRAFT4D_DEFORM

struct TriangleFrame {
    float3x3 rotation; // world_from_triangle
    float scale;
    float3 middle;
};

struct PlacedSplat {
    float3 mean;
    float4 rotation_wxyz;
    float3 scales; // standard deviations
};

static const float LEAST_LENGTH = 1e-15; // metres; what is shorter has no direction

float3 unit_or_zero(float3 v) {
    float size = length(v);
    return size > LEAST_LENGTH ? v / max(size, LEAST_LENGTH) : float3(0, 0, 0);
}

// sin(x) / x, by its series where that is exact to rounding
float sin_over(float x) {
    return abs(x) > 1e-3 ? sin(x) / x : 1 - x * x / 6;
}

// Rodrigues' formula
float3x3 rotation_from_axis_angle(float3 r) {
    float angle = length(r), half_sin = sin_over(0.5 * angle);
    float3x3 identity = float3x3(1, 0, 0, 0, 1, 0, 0, 0, 1);
    float3x3 cross_r = float3x3(0, -r.z, r.y, r.z, 0, -r.x, -r.y, r.x, 0);
    return identity + sin_over(angle) * cross_r + 0.5 * half_sin * half_sin * mul(cross_r, cross_r);
}

// posed_from_bind of a joint that turns about its bind position; the parent of the root is the pose's translation
float4x4 joint_transform(float4x4 parent, float3 axis_angle, float3 position) {
    float3x3 turn = rotation_from_axis_angle(axis_angle);
    float3 shift = position - mul(turn, position);
    float4x4 local = float4x4(float4(turn[0], shift.x), float4(turn[1], shift.y), float4(turn[2], shift.z), float4(0, 0, 0, 1));
    return mul(parent, local);
}

// Linear blend skinning by the four joints that hold the vertex
float3 skinned_vertex(float3 shaped, float4x4 joints[4], float4 weights) {
    float4x4 blended = weights.x * joints[0] + weights.y * joints[1] + weights.z * joints[2] + weights.w * joints[3];
    return mul(blended, float4(shaped, 1)).xyz;
}

// Qian et al. 2024, GaussianAvatars, section 3.1; corners counter-clockwise seen from outside
TriangleFrame triangle_frame(float3 v0, float3 v1, float3 v2) {
    float3 first = v1 - v0, second = v2 - v0;
    float3 a0 = unit_or_zero(first);
    float3 a1 = unit_or_zero(cross(a0, second));
    float3 a2 = cross(a0, a1);
    TriangleFrame frame;
    frame.rotation = transpose(float3x3(a0, a1, a2)); // as columns
    frame.scale = 0.5 * (length(first) + abs(dot(a2, second)));
    frame.middle = (v0 + v1 + v2) / 3;
    return frame;
}

// The largest of the four components first, so that nothing is divided by little
float4 wxyz_from_rotation(float3x3 m) {
    float trace = m[0][0] + m[1][1] + m[2][2], most = max(m[0][0], max(m[1][1], m[2][2]));
    float3 difference = float3(m[2][1] - m[1][2], m[0][2] - m[2][0], m[1][0] - m[0][1]);
    float3 total = float3(m[2][1] + m[1][2], m[0][2] + m[2][0], m[1][0] + m[0][1]);
    if (trace > most) return normalize(float4(1 + trace, difference));
    float square = 1 + 2 * most - trace;
    if (m[0][0] == most) return normalize(float4(difference.x, square, total.z, total.y));
    if (m[1][1] == most) return normalize(float4(difference.y, total.z, square, total.x));
    return normalize(float4(difference.z, total.y, total.x, square));
}

// Hamilton product: turns by b first
float4 multiply_wxyz(float4 a, float4 b) {
    return float4(a.x * b.x - dot(a.yzw, b.yzw), a.x * b.yzw + b.x * a.yzw + cross(a.yzw, b.yzw));
}

// A splat from its triangle's frame to the world
PlacedSplat place_splat(TriangleFrame frame, float3 mean, float4 rotation_wxyz, float3 log_scales) {
    PlacedSplat placed;
    placed.mean = frame.scale * mul(frame.rotation, mean) + frame.middle;
    placed.rotation_wxyz = normalize(multiply_wxyz(wxyz_from_rotation(frame.rotation), normalize(rotation_wxyz)));
    placed.scales = frame.scale * exp(log_scales);
    return placed;
}

#endif
