#version 300 es
// Premultiplied colour of one Gaussian, to be blended over what lies behind, in sRGB as displayed.
precision highp float;
in vec2 deviations;
flat in vec4 colorOpacity;
uniform float cutoff, alphaMax;
out vec4 premultiplied;
void main() {
  float alpha = min(alphaMax, colorOpacity.a * exp(-0.5 * dot(deviations, deviations)));
  if (alpha < cutoff) discard;
  premultiplied = vec4(colorOpacity.rgb * alpha, alpha);
}
