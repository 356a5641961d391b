// The three passes of an avatar's deformation in WebGPU's language: joints, vertices, splats. Layout of the buffers: docs/embedding.md.

struct Counts {
    expressions: u32,
    joints: u32,
    vertices: u32,
    splats: u32,
}

@group(0) @binding(0) var<uniform> counts: Counts;
@group(0) @binding(1) var<storage, read> pose: array<f32>;
@group(0) @binding(2) var<storage, read> bind_joints: array<f32>;
@group(0) @binding(3) var<storage, read> parents: array<i32>;
@group(0) @binding(4) var<storage, read_write> matrices: array<mat4x4f>;
@group(0) @binding(5) var<storage, read_write> coefficients: array<f32>;
@group(0) @binding(6) var<storage, read> mesh: array<vec4f>;
@group(0) @binding(7) var<storage, read> starts: array<u32>;
@group(0) @binding(8) var<storage, read> deltas: array<vec4f>;
@group(0) @binding(9) var<storage, read_write> posed: array<vec4f>;
@group(0) @binding(10) var<storage, read> triangles: array<u32>;
@group(0) @binding(11) var<storage, read> bound: array<vec4f>;
@group(0) @binding(12) var<storage, read_write> placed: array<vec4f>;

fn triple(first: u32) -> vec3f {
    return vec3f(pose[first], pose[first + 1], pose[first + 2]);
}

@compute @workgroup_size(1)
fn TurnJoints() {
    let rotations = counts.expressions;
    let shift = rotations + 3 * counts.joints;
    var corrective = counts.expressions;
    for (var k = 0u; k < counts.expressions; k++) {
        coefficients[k] = pose[k];
    }
    for (var j = 0u; j < counts.joints; j++) {
        var position = vec3f(bind_joints[3 * j], bind_joints[3 * j + 1], bind_joints[3 * j + 2]);
        for (var k = 0u; k < counts.expressions; k++) {
            let at = 3 * (counts.joints * (k + 1) + j);
            position += pose[k] * vec3f(bind_joints[at], bind_joints[at + 1], bind_joints[at + 2]);
        }
        var parent = mat4x4f(vec4f(1, 0, 0, 0), vec4f(0, 1, 0, 0), vec4f(0, 0, 1, 0), vec4f(triple(shift), 1));
        if (parents[j] >= 0) {
            parent = matrices[parents[j]];
        }
        matrices[j] = joint_transform(parent, triple(rotations + 3 * j), position);
        if (j == 0) { // the root has no correctives
            continue;
        }
        var turn = rotation_from_axis_angle(triple(rotations + 3 * j));
        for (var entry = 0u; entry < 9; entry++) { // row-major
            coefficients[corrective] = turn[entry % 3][entry / 3] - select(0.0, 1.0, entry % 4 == 0);
            corrective++;
        }
    }
}

@compute @workgroup_size(64)
fn PoseVertices(@builtin(global_invocation_id) id: vec3u) {
    let v = id.x;
    if (v >= counts.vertices) {
        return;
    }
    var shaped = mesh[3 * v].xyz;
    for (var row = starts[v]; row < starts[v + 1]; row++) {
        shaped += coefficients[u32(deltas[row].w)] * deltas[row].xyz;
    }
    let joints = vec4u(mesh[3 * v + 1]);
    let held = array<mat4x4f, 4>(matrices[joints.x], matrices[joints.y], matrices[joints.z], matrices[joints.w]);
    posed[v] = vec4f(skinned_vertex(shaped, held, mesh[3 * v + 2]), 0.0);
}

@compute @workgroup_size(64)
fn PlaceSplats(@builtin(global_invocation_id) id: vec3u) {
    let n = id.x;
    if (n >= counts.splats) {
        return;
    }
    let mean_triangle = bound[3 * n];
    let scales_logit = bound[3 * n + 2];
    let corner = 3 * u32(mean_triangle.w);
    let frame = triangle_frame(posed[triangles[corner]].xyz, posed[triangles[corner + 1]].xyz, posed[triangles[corner + 2]].xyz);
    let splat = place_splat(frame, mean_triangle.xyz, bound[3 * n + 1], scales_logit.xyz);
    placed[3 * n] = vec4f(splat.mean, 1.0 / (1.0 + exp(-scales_logit.w)));
    placed[3 * n + 1] = splat.rotation_wxyz;
    placed[3 * n + 2] = vec4f(splat.scales, 0.0);
}
