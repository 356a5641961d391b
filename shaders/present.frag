in vec2 uv;
uniform sampler2D picture; // premultiplied
out vec4 premultiplied;

void main() {
    premultiplied = texture(picture, uv);
}
