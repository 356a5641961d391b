// The order of drawing, in a worker: farthest first, splats before the near plane left out.

import { FRAME_FLOATS } from "./deform.js";

const DIGIT = 1 << 16; // a radix sort of two digits is exact for float32
let splats, depths, keys, orders, counts;

self.onmessage = ({ data }) => {
  if (data.splats) {
    splats = data.splats;
    depths = new Float32Array(splats.triangles.length);
    keys = new Uint32Array(depths.buffer); // the bits of positive floats count as the floats do
    orders = [0, 1].map(() => new Uint32Array(depths.length));
    counts = new Uint32Array(DIGIT);
    return;
  }
  const kept = inFront(data);
  scatter(orders[0], orders[1], kept, 0);
  scatter(orders[1], orders[0], kept, 16);
  const order = orders[0].slice(0, kept);
  self.postMessage({ frames: data.frames, order }, [order.buffer, data.frames.buffer]);
};

// Depths along the camera's axis; indices of what lies beyond the near plane into the first order.
function inFront({ frames, camera, nearPlane }) {
  const { triangles, means } = splats, [x, y, z, w] = camera.cameraFromWorld.slice(8, 12);
  let kept = 0;
  for (let s = 0; s < depths.length; s++) {
    const f = FRAME_FLOATS * triangles[s], a = means[3 * s], b = means[3 * s + 1], c = means[3 * s + 2];
    depths[s] = x * (frames[f] * a + frames[f + 3] * b + frames[f + 6] * c + frames[f + 9])
      + y * (frames[f + 1] * a + frames[f + 4] * b + frames[f + 7] * c + frames[f + 10])
      + z * (frames[f + 2] * a + frames[f + 5] * b + frames[f + 8] * c + frames[f + 11]) + w;
    if (depths[s] >= nearPlane) orders[0][kept++] = s;
  }
  return kept;
}

// One pass: by 16 bits of the key, the largest first, equal ones as they were.
function scatter(from, to, length, shift) {
  counts.fill(0);
  for (let i = 0; i < length; i++) counts[(keys[from[i]] >>> shift) % DIGIT]++;
  for (let digit = DIGIT - 1, total = 0; digit >= 0; digit--) {
    [counts[digit], total] = [total, total + counts[digit]];
  }
  for (let i = 0; i < length; i++) to[counts[(keys[from[i]] >>> shift) % DIGIT]++] = from[i];
}
