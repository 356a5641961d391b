#[compute]
#version 450
// The three passes of an avatar's deformation, one dispatch each (PASS 0, 1, 2) with a barrier between: joints, vertices, splats.
// Layout of the buffers: docs/embedding.md, "Buffers".
#include "deform.glslinc"

layout(local_size_x = 64) in;
layout(push_constant, std430) uniform Counts {
    uint stage, expressions, joints, vertices, splats, pad_0, pad_1, pad_2; // whole rows of 16 bytes
} counts;

layout(set = 0, binding = 0, std430) readonly buffer Pose { float pose[]; };            // weights, joint rotations, translation
layout(set = 0, binding = 1, std430) readonly buffer Bind { float bind_joints[]; };     // positions, then those of each expression's delta
layout(set = 0, binding = 2, std430) readonly buffer Parents { int parents[]; };
layout(set = 0, binding = 3, std430) buffer Matrices { mat4 matrices[]; };
layout(set = 0, binding = 4, std430) buffer Coefficients { float coefficients[]; };     // of expressions, then of pose correctives
layout(set = 0, binding = 5, std430) readonly buffer Mesh { vec4 mesh[]; };             // bind position; joints; weights
layout(set = 0, binding = 6, std430) readonly buffer Starts { uint starts[]; };         // of each vertex's rows in deltas, and the end
layout(set = 0, binding = 7, std430) readonly buffer Deltas { vec4 deltas[]; };         // displacement, index of its coefficient
layout(set = 0, binding = 8, std430) buffer Posed { vec4 posed[]; };
layout(set = 0, binding = 9, std430) readonly buffer Triangles { uint triangles[]; };
layout(set = 0, binding = 10, std430) readonly buffer Bound { vec4 bound[]; };          // _BIND_0, _BIND_1, _BIND_2 of the GLB
layout(set = 0, binding = 11, std430) buffer Placed { vec4 placed[]; };                 // mean, opacity; rotation wxyz; scales, 0

vec3 triple(uint first) {
    return vec3(pose[first], pose[first + 1u], pose[first + 2u]);
}

void turn_joints() {
    uint rotations = counts.expressions, shift = rotations + 3u * counts.joints, corrective = counts.expressions;
    for (uint k = 0u; k < counts.expressions; k++) coefficients[k] = pose[k];
    for (uint j = 0u; j < counts.joints; j++) {
        vec3 position = vec3(bind_joints[3u * j], bind_joints[3u * j + 1u], bind_joints[3u * j + 2u]);
        for (uint k = 0u; k < counts.expressions; k++) {
            uint at = 3u * (counts.joints * (k + 1u) + j);
            position += pose[k] * vec3(bind_joints[at], bind_joints[at + 1u], bind_joints[at + 2u]);
        }
        mat4 parent = mat4(1.0);
        if (parents[j] < 0) parent[3].xyz = triple(shift); else parent = matrices[parents[j]];
        matrices[j] = joint_transform(parent, triple(rotations + 3u * j), position);
        if (j == 0u) continue; // the root has no correctives
        mat3 change = rotation_from_axis_angle(triple(rotations + 3u * j)) - mat3(1.0);
        for (int entry = 0; entry < 9; entry++) coefficients[corrective++] = change[entry % 3][entry / 3]; // row-major
    }
}

void pose_vertex(uint v) {
    vec3 shaped = mesh[3u * v].xyz;
    for (uint row = starts[v]; row < starts[v + 1u]; row++) shaped += coefficients[uint(deltas[row].w)] * deltas[row].xyz;
    uvec4 of = uvec4(mesh[3u * v + 1u]);
    mat4 joints[4] = mat4[4](matrices[of.x], matrices[of.y], matrices[of.z], matrices[of.w]);
    posed[v] = vec4(skinned_vertex(shaped, joints, mesh[3u * v + 2u]), 0.0);
}

void place(uint n) {
    vec4 mean_triangle = bound[3u * n], scales_logit = bound[3u * n + 2u];
    uint corner = 3u * uint(mean_triangle.w);
    TriangleFrame frame = triangle_frame(posed[triangles[corner]].xyz, posed[triangles[corner + 1u]].xyz, posed[triangles[corner + 2u]].xyz);
    PlacedSplat splat = place_splat(frame, mean_triangle.xyz, bound[3u * n + 1u], scales_logit.xyz);
    placed[3u * n] = vec4(splat.mean, 1.0 / (1.0 + exp(-scales_logit.w)));
    placed[3u * n + 1u] = splat.rotation_wxyz;
    placed[3u * n + 2u] = vec4(splat.scales, 0.0);
}

void main() {
    uint index = gl_GlobalInvocationID.x;
    if (counts.stage == 0u && index == 0u) turn_joints();
    if (counts.stage == 1u && index < counts.vertices) pose_vertex(index);
    if (counts.stage == 2u && index < counts.splats) place(index);
}
