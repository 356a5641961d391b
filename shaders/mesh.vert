// A mesh's vertex, posed already, seen by the camera that sees the splats.

in vec3 position;               // world, metres
uniform mat4 camera_from_world; // OpenCV axes
uniform vec2 focal, principal, size; // pixels
uniform vec2 planes;            // near and far, metres
out vec3 seen;                  // in the camera's frame

void main() {
    seen = (camera_from_world * vec4(position, 1)).xyz;
    vec2 at = 2 * (focal * seen.xy + principal * seen.z) / size - seen.z; // row 0 of the target is the top of the picture
    float depth = ((planes.y + planes.x) * seen.z - 2 * planes.y * planes.x) / (planes.y - planes.x);
    gl_Position = vec4(at, depth, seen.z);
}
