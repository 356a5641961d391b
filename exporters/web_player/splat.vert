#version 300 es
// Carries one splat by its triangle, projects it, and spans the triangle that holds its ellipse.
precision highp float; precision highp int; precision highp sampler2D;
layout(location = 0) in uint splat;
uniform sampler2D binding; // 4 texels a splat: local mean and triangle, rotation wxyz, log scales and opacity logit, colour
uniform sampler2D frames;  // 3 texels a triangle: scale * rotation (columns), centroid
uniform mat4 cameraFromWorld; // OpenCV axes
uniform float focal; // pixels; the principal point is the middle
uniform vec2 size;   // pixels
uniform float nearPlane, lowPass, cutoff, sigmaClamp;
out vec2 deviations; // from the centre, in standard deviations
flat out vec4 colorOpacity;

vec4 texel(sampler2D list, int at) {
  int width = textureSize(list, 0).x;
  return texelFetch(list, ivec2(at % width, at / width), 0);
}

mat3 rotation(vec4 q) {
  float w = q.x, x = q.y, y = q.z, z = q.w;
  return mat3(1. - 2. * (y * y + z * z), 2. * (x * y + w * z), 2. * (x * z - w * y),
              2. * (x * y - w * z), 1. - 2. * (x * x + z * z), 2. * (y * z + w * x),
              2. * (x * z + w * y), 2. * (y * z - w * x), 1. - 2. * (x * x + y * y));
}

// xx, xy, yy in square pixels (Zwicker et al. 2002, EWA splatting), linearised inside the clamped field of view
vec3 covariance(vec3 center, mat3 axes) {
  vec2 most = (1. + sigmaClamp) * 0.5 * size / focal, slope = clamp(center.xy / center.z, -most, most);
  vec3 x = vec3(1, 0, -slope.x) * axes * (focal / center.z), y = vec3(0, 1, -slope.y) * axes * (focal / center.z);
  return vec3(dot(x, x) + lowPass, dot(x, y), dot(y, y) + lowPass);
}

void main() {
  int at = 4 * int(splat);
  vec4 local = texel(binding, at), shape = texel(binding, at + 2);
  int face = 3 * int(local.w);
  vec4 f0 = texel(frames, face), f1 = texel(frames, face + 1), f2 = texel(frames, face + 2);
  mat3 frame = mat3(f0.xyz, vec3(f0.w, f1.xy), vec3(f1.zw, f2.x));
  vec3 center = (cameraFromWorld * vec4(frame * local.xyz + f2.yzw, 1)).xyz;
  colorOpacity = vec4(max(texel(binding, at + 3).rgb, 0.), 1. / (1. + exp(-shape.w)));
  deviations = vec2(0);
  gl_Position = vec4(0, 0, 2, 1); // outside: nothing is drawn
  if (center.z < nearPlane || colorOpacity.a < cutoff) return;

  mat3 axes = mat3(cameraFromWorld) * frame * rotation(normalize(texel(binding, at + 1)));
  vec3 c = covariance(center, mat3(axes[0] * exp(shape.x), axes[1] * exp(shape.y), axes[2] * exp(shape.z)));
  float middle = 0.5 * (c.x + c.z), spread = length(vec2(0.5 * (c.x - c.z), c.y));
  float major = middle + spread, minor = max(middle - spread, lowPass);
  vec2 axis = c.x >= c.z ? vec2(major - c.z, c.y) : vec2(c.y, major - c.x);
  axis = spread > 0. ? normalize(axis) : vec2(1, 0);

  vec2 corner = gl_VertexID == 0 ? vec2(-sqrt(3.), -1) : gl_VertexID == 1 ? vec2(sqrt(3.), -1) : vec2(0, 2);
  deviations = sqrt(2. * log(colorOpacity.a / cutoff)) * corner; // around the ellipse where opacity falls to the cutoff
  vec2 pixel = focal * center.xy / center.z + 0.5 * size
             + deviations.x * sqrt(major) * axis + deviations.y * sqrt(minor) * vec2(-axis.y, axis.x);
  gl_Position = vec4(2. * pixel.x / size.x - 1., 1. - 2. * pixel.y / size.y, 0, 1);
}
