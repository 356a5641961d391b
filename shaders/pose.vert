// Poses one vertex; captured by transform feedback.

out vec4 posed;

vec3 posed_corner(int vertex) {
    return vec3(0.0); // nothing is posed yet
}

void main() {
    posed = vec4(pose_vertex(gl_VertexID), 1.0);
}
