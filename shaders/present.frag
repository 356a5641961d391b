in vec2 uv;
uniform sampler2D picture;     // premultiplied
uniform float brightest = 1.0; // the colour that it holds as 1
out vec4 premultiplied;

void main() {
    premultiplied = texture(picture, uv) * vec4(vec3(brightest), 1.0);
}
