#version 300 es
// The finished picture; a page blends no colour that is brighter than its alpha.
precision highp float; precision highp sampler2D;
uniform sampler2D picture;
out vec4 premultiplied;
void main() {
  vec4 color = texelFetch(picture, ivec2(gl_FragCoord.xy), 0);
  premultiplied = vec4(min(color.rgb, color.a), color.a);
}
