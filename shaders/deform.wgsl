// The deformation of an avatar: turns joints, skins a vertex, frames a triangle, places a splat. Functions alone: put them before or after
// your own source. Metres, radians, quaternions wxyz, column vectors.
// docs/embedding.md says how they fit together, samples/parity.json what they must give.

struct TriangleFrame {
    rotation: mat3x3f, // world_from_triangle
    scale: f32,
    middle: vec3f,
}

struct PlacedSplat {
    mean: vec3f,
    rotation_wxyz: vec4f,
    scales: vec3f, // standard deviations
}

const LEAST_LENGTH = 1e-15; // metres; what is shorter has no direction

fn unit_or_zero(v: vec3f) -> vec3f {
    let size = length(v);
    return select(vec3f(0.0), v / max(size, LEAST_LENGTH), size > LEAST_LENGTH);
}

// sin(x) / x, by its series where that is exact to rounding
fn sin_over(x: f32) -> f32 {
    if (abs(x) > 1e-3) {
        return sin(x) / x;
    }
    return 1.0 - x * x / 6.0;
}

// Rodrigues' formula
fn rotation_from_axis_angle(r: vec3f) -> mat3x3f {
    let angle = length(r);
    let half_sin = sin_over(0.5 * angle);
    let identity = mat3x3f(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0);
    let cross_r = mat3x3f(0.0, r.z, -r.y, -r.z, 0.0, r.x, r.y, -r.x, 0.0);
    return identity + sin_over(angle) * cross_r + 0.5 * half_sin * half_sin * (cross_r * cross_r);
}

// posed_from_bind of a joint that turns about its bind position; the parent of the root is the pose's translation
fn joint_transform(parent: mat4x4f, axis_angle: vec3f, position: vec3f) -> mat4x4f {
    let turn = rotation_from_axis_angle(axis_angle);
    let shift = position - turn * position;
    return parent * mat4x4f(vec4f(turn[0], 0.0), vec4f(turn[1], 0.0), vec4f(turn[2], 0.0), vec4f(shift, 1.0));
}

// Linear blend skinning by the four joints that hold the vertex
fn skinned_vertex(shaped: vec3f, joints: array<mat4x4f, 4>, weights: vec4f) -> vec3f {
    let blended = weights.x * joints[0] + weights.y * joints[1] + weights.z * joints[2] + weights.w * joints[3];
    return (blended * vec4f(shaped, 1.0)).xyz;
}

// Qian et al. 2024, GaussianAvatars, section 3.1; corners counter-clockwise seen from outside
fn triangle_frame(v0: vec3f, v1: vec3f, v2: vec3f) -> TriangleFrame {
    let first = v1 - v0;
    let second = v2 - v0;
    let a0 = unit_or_zero(first);
    let a1 = unit_or_zero(cross(a0, second));
    let a2 = cross(a0, a1);
    let scale = 0.5 * (length(first) + abs(dot(a2, second)));
    return TriangleFrame(mat3x3f(a0, a1, a2), scale, (v0 + v1 + v2) / 3.0);
}

// The largest of the four components first, so that nothing is divided by little
fn wxyz_from_rotation(m: mat3x3f) -> vec4f {
    let trace = m[0][0] + m[1][1] + m[2][2];
    let most = max(m[0][0], max(m[1][1], m[2][2]));
    let difference = vec3f(m[1][2] - m[2][1], m[2][0] - m[0][2], m[0][1] - m[1][0]);
    let total = vec3f(m[1][2] + m[2][1], m[2][0] + m[0][2], m[0][1] + m[1][0]);
    if (trace > most) {
        return normalize(vec4f(1.0 + trace, difference));
    }
    let square = 1.0 + 2.0 * most - trace;
    if (m[0][0] == most) {
        return normalize(vec4f(difference.x, square, total.z, total.y));
    }
    if (m[1][1] == most) {
        return normalize(vec4f(difference.y, total.z, square, total.x));
    }
    return normalize(vec4f(difference.z, total.y, total.x, square));
}

// Hamilton product: turns by b first
fn multiply_wxyz(a: vec4f, b: vec4f) -> vec4f {
    return vec4f(a.x * b.x - dot(a.yzw, b.yzw), a.x * b.yzw + b.x * a.yzw + cross(a.yzw, b.yzw));
}

// A splat from its triangle's frame to the world
fn place_splat(frame: TriangleFrame, mean: vec3f, rotation_wxyz: vec4f, log_scales: vec3f) -> PlacedSplat {
    let turn = multiply_wxyz(wxyz_from_rotation(frame.rotation), normalize(rotation_wxyz));
    return PlacedSplat(frame.scale * (frame.rotation * mean) + frame.middle, normalize(turn), frame.scale * exp(log_scales));
}
