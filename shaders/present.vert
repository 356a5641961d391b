// A rectangle of the window, filled with a picture whose row 0 is its top.

in vec2 corner;      // 0..1, origin at the top left
uniform vec4 place;  // left, top, width, height in fractions of the window
out vec2 uv;

void main() {
    uv = corner;
    vec2 at = place.xy + corner * place.zw;
    gl_Position = vec4(2 * at.x - 1, 1 - 2 * at.y, 0, 1);
}
