// A triangle over the whole picture.

in vec2 at;
out vec2 uv;

void main() {
    uv = 0.5 + 0.5 * vec2(at.x, -at.y); // row 0 of the picture is its top
    gl_Position = vec4(at, 0.0, 1.0);
}
