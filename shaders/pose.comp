// Poses the vertices.

layout(local_size_x = 64) in;
layout(std430, binding = 0) writeonly buffer Posed { vec4 posed[]; };
uniform int count;

vec3 posed_corner(int vertex) {
    return vec3(0.0); // nothing is posed yet
}

void main() {
    int vertex = int(gl_GlobalInvocationID.x);
    if (vertex < count) posed[vertex] = vec4(pose_vertex(vertex), 1.0);
}
