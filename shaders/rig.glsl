// Heads in textures of four floats a texel, and what a pose makes of them. After deform.glsl; whoever includes it says where posed
// vertices lie (`posed_corner`). runtime/gl/packing.py fills the textures.

const int ROW = 1024; // texels

uniform sampler2D mesh;      // of each vertex: bind position and its first delta; then joints and weights, by fours. One more ends the deltas
uniform sampler2D deltas;    // displacement, index of its coefficient
uniform sampler2D triangles; // corners
uniform sampler2D bound;     // of each splat: local mean and triangle; rotation wxyz; log scales and opacity logit; colour
uniform sampler2D moving;    // of this frame: four columns for each joint, then the coefficients, one a texel
uniform int vertex_texels, first_coefficient;

vec3 posed_corner(int vertex);

vec4 texel(sampler2D table, int index) {
    return texelFetch(table, ivec2(index % ROW, index / ROW), 0);
}

mat4 joint(float index) {
    int at = 4 * int(index);
    return mat4(texel(moving, at), texel(moving, at + 1), texel(moving, at + 2), texel(moving, at + 3));
}

vec3 pose_vertex(int vertex) {
    int first = vertex * vertex_texels, end = int(texel(mesh, first + vertex_texels).w);
    vec4 bind = texel(mesh, first);
    vec3 shaped = bind.xyz, posed = vec3(0.0);
    for (int row = int(bind.w); row < end; row++) {
        vec4 delta = texel(deltas, row);
        shaped += texel(moving, first_coefficient + int(delta.w)).x * delta.xyz;
    }
    for (int at = first + 1; at < first + vertex_texels; at += 2) { // the blend is a sum, so that fours of joints may be added
        vec4 of = texel(mesh, at);
        posed += skinned_vertex(shaped, mat4[4](joint(of.x), joint(of.y), joint(of.z), joint(of.w)), texel(mesh, at + 1));
    }
    return posed;
}

PlacedSplat place_bound(int splat) {
    vec4 mean_triangle = texel(bound, 4 * splat);
    ivec3 corners = ivec3(texel(triangles, int(mean_triangle.w)).xyz);
    TriangleFrame frame = triangle_frame(posed_corner(corners.x), posed_corner(corners.y), posed_corner(corners.z));
    return place_splat(frame, mean_triangle.xyz, texel(bound, 4 * splat + 1), texel(bound, 4 * splat + 2).xyz);
}

vec4 color_opacity(int splat) {
    return vec4(texel(bound, 4 * splat + 3).rgb, 1.0 / (1.0 + exp(-texel(bound, 4 * splat + 2).w)));
}
