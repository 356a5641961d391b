// Moves the rig and the frames of its triangles: the twin of toolkit/core/rigging.py, checked against it to 1e-5.

const TINY = 1e-20; // a vector shorter than that has no direction; it stays zero
export const FRAME_FLOATS = 12; // of a triangle: scale * rotation (columns), then the centroid

/** Rotation matrix (row-major, 9) of an axis-angle vector in radians: Rodrigues' formula, exact at zero. */
function rotationFromAxisAngle([x, y, z]) {
  const angle = Math.hypot(x, y, z), half = angle / 2;
  const a = angle > 0 ? Math.sin(angle) / angle : 1, b = 0.5 * (half > 0 ? Math.sin(half) / half : 1) ** 2;
  return [
    1 - b * (y * y + z * z), b * x * y - a * z, b * x * z + a * y,
    b * x * y + a * z, 1 - b * (x * x + z * z), b * y * z - a * x,
    b * x * z - a * y, b * y * z + a * x, 1 - b * (x * x + y * y),
  ];
}

export class Deformer {
  constructor({ rig, splats }) {
    Object.assign(this, { rig, bound: splats, shaped: Float64Array.from(rig.vertices), posed: rig.vertices.slice() });
    this.carriers = new Float32Array(FRAME_FLOATS * rig.triangles.length / 3);
  }

  /** Posed vertices, metres, world: displacements, correctives, linear blend skinning. Valid until the next call. pose:
   * {expressions: {name: weight}, joints: {name: [x, y, z], radians}, translation: [x, y, z], metres}, all optional. */
  vertices(pose) {
    const { rig, shaped, posed } = this, width = rig.jointNames.length, blended = new Float64Array(12);
    const transforms = this.shape(pose);
    for (let v = 0; v < posed.length / 3; v++) {
      blended.fill(0);
      for (let j = 0; j < width; j++) {
        const share = rig.skinWeights[v * width + j];
        if (share !== 0) for (let i = 0; i < 12; i++) blended[i] += share * transforms[j][i];
      }
      const x = shaped[3 * v], y = shaped[3 * v + 1], z = shaped[3 * v + 2];
      for (let i = 0; i < 3; i++) {
        posed[3 * v + i] = blended[4 * i] * x + blended[4 * i + 1] * y + blended[4 * i + 2] * z + blended[4 * i + 3];
      }
    }
    return posed;
  }

  /** What carries the splats (GaussianAvatars, Qian et al. 2024, section 3.1): FRAME_FLOATS for each triangle. */
  frames(pose) {
    const { triangles } = this.rig, p = this.vertices(pose), out = this.carriers;
    for (let corner = 0, at = 0; at < out.length; corner += 3, at += FRAME_FLOATS) {
      const i = 3 * triangles[corner], j = 3 * triangles[corner + 1], k = 3 * triangles[corner + 2];
      let ax = p[j] - p[i], ay = p[j + 1] - p[i + 1], az = p[j + 2] - p[i + 2];
      const bx = p[k] - p[i], by = p[k + 1] - p[i + 1], bz = p[k + 2] - p[i + 2];
      const edge = Math.sqrt(ax * ax + ay * ay + az * az), per = 1 / Math.max(edge, TINY);
      ax *= per; ay *= per; az *= per;
      let nx = ay * bz - az * by, ny = az * bx - ax * bz, nz = ax * by - ay * bx;
      const area = 1 / Math.max(Math.sqrt(nx * nx + ny * ny + nz * nz), TINY);
      nx *= area; ny *= area; nz *= area;
      const cx = ay * nz - az * ny, cy = az * nx - ax * nz, cz = ax * ny - ay * nx;
      const scale = 0.5 * (edge + Math.abs(cx * bx + cy * by + cz * bz));
      out[at] = scale * ax; out[at + 1] = scale * ay; out[at + 2] = scale * az;
      out[at + 3] = scale * nx; out[at + 4] = scale * ny; out[at + 5] = scale * nz;
      out[at + 6] = scale * cx; out[at + 7] = scale * cy; out[at + 8] = scale * cz;
      for (let axis = 0; axis < 3; axis++) out[at + 9 + axis] = (p[i + axis] + p[j + axis] + p[k + axis]) / 3;
    }
    return out;
  }

  /** Fresh splats in the world: mean = scale R mean + centroid, rotation = R rotation, sigma = scale exp(log scale). */
  splats(pose) {
    const { count, triangles, means, rotationsWxyz, logScales } = this.bound, f = this.frames(pose);
    const [places, turns, scales] = [3, 4, 3].map((width) => new Float32Array(width * count));
    for (let s = 0; s < count; s++) { // without small arrays, which would take ten times as long
      const at = FRAME_FLOATS * triangles[s], m = 3 * s, x = means[m], y = means[m + 1], z = means[m + 2];
      const scale = Math.sqrt(f[at] * f[at] + f[at + 1] * f[at + 1] + f[at + 2] * f[at + 2]);
      for (let i = 0; i < 3; i++) {
        places[m + i] = f[at + i] * x + f[at + 3 + i] * y + f[at + 6 + i] * z + f[at + 9 + i];
        scales[m + i] = scale * Math.exp(logScales[m + i]);
      }
      turnInto(turns, rotationsWxyz, 4 * s, f, at, 1 / Math.max(scale, TINY));
    }
    return { means: places, rotationsWxyz: turns, scales };
  }

  // Fills `shaped`; returns posed from bind of each joint (row-major 3 x 4).
  shape({ expressions = {}, joints = {}, translation = [0, 0, 0] }) {
    const { rig, shaped } = this;
    const [weightOf, turnOf] = [expressions, joints].map((table) => new Map(Object.entries(table)));
    const weights = rig.expressionNames.map((name) => weightOf.get(name) ?? 0);
    const rotations = rig.jointNames.map((name) => rotationFromAxisAngle(turnOf.get(name) ?? [0, 0, 0]));
    shaped.set(rig.vertices);
    weights.forEach((weight, k) => addDeltas(shaped, rig.expressionDeltas[k], weight));
    rig.poseDeltas?.forEach((delta, i) => {
      addDeltas(shaped, delta, rotations[1 + Math.floor(i / 9)][i % 9] - (i % 9 % 4 === 0 ? 1 : 0));
    });
    return this.transforms(rotations, weights, translation);
  }

  // Rotations about the joints' positions, which the face may move, down the chain; the translation comes last.
  transforms(rotations, weights, translation) {
    const { jointParents, jointPositions, jointDeltas } = this.rig, chain = [];
    rotations.forEach((r, j) => {
      const at = Array.from(jointPositions.subarray(3 * j, 3 * j + 3)), parent = chain[jointParents[j]];
      jointDeltas?.forEach((delta, i) => {
        const row = Math.floor(i / 3), expression = Math.floor(row / rotations.length);
        if (row % rotations.length === j) at[i % 3] += weights[expression] * delta;
      });
      const local = at.flatMap((place, i) => {
        const row = r.slice(3 * i, 3 * i + 3);
        return [...row, place - row[0] * at[0] - row[1] * at[1] - row[2] * at[2]];
      });
      chain.push(parent ? product(parent, local) : local);
    });
    return chain.map((matrix) => matrix.map((value, i) => (i % 4 === 3 ? value + translation[(i - 3) / 4] : value)));
  }
}

function addDeltas(vertices, { rows, deltas }, weight) {
  if (weight === 0) return;
  for (let i = 0; i < deltas.length; i++) vertices[3 * rows[Math.floor(i / 3)] + (i % 3)] += weight * deltas[i];
}

// Rigid transforms, row-major 3 x 4: `b` first.
function product(a, b) {
  return a.map((last, at) => {
    const i = at - (at % 4), j = at % 4;
    return a[i] * b[j] + a[i + 1] * b[4 + j] + a[i + 2] * b[8 + j] + (j === 3 ? last : 0);
  });
}

// The quaternion (wxyz) at q of `local`, turned by the frame at `at` (columns unit over `per`); stable for every angle.
function turnInto(out, local, q, f, at, per) {
  const xx = f[at] * per, yy = f[at + 4] * per, zz = f[at + 8] * per, trace = xx + yy + zz, most = Math.max(xx, yy, zz);
  const a = (f[at + 5] - f[at + 7]) * per, b = (f[at + 6] - f[at + 2]) * per, c = (f[at + 1] - f[at + 3]) * per;
  const d = (f[at + 1] + f[at + 3]) * per, e = (f[at + 6] + f[at + 2]) * per, g = (f[at + 5] + f[at + 7]) * per;
  let w = 1 + trace, x = a, y = b, z = c; // the row of the largest component, so that nothing is divided by little
  if (trace < most) {
    const square = 1 + 2 * most - trace;
    if (xx === most) { w = a; x = square; y = d; z = e; }
    else if (yy === most) { w = b; x = d; y = square; z = g; }
    else { w = c; x = e; y = g; z = square; }
  }
  const lw = local[q], lx = local[q + 1], ly = local[q + 2], lz = local[q + 3];
  const length = Math.sqrt((w * w + x * x + y * y + z * z) * (lw * lw + lx * lx + ly * ly + lz * lz));
  out[q] = (w * lw - x * lx - y * ly - z * lz) / length;
  out[q + 1] = (w * lx + x * lw + y * lz - z * ly) / length;
  out[q + 2] = (w * ly - x * lz + y * lw + z * lx) / length;
  out[q + 3] = (w * lz + x * ly - y * lx + z * lw) / length;
}
