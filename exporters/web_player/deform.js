// Moves the rig and the frames of its triangles: the twin of toolkit/core/rigging.py, checked against it to 1e-5.

const TINY = 1e-20; // a vector shorter than that has no direction; it stays zero
export const FRAME_FLOATS = 12; // scale * rotation (columns), then the centroid

/** Rotation matrix (row-major, 9) of an axis-angle vector in radians: Rodrigues' formula, exact at zero. */
export function rotationFromAxisAngle([x, y, z]) {
  const angle = Math.hypot(x, y, z), half = angle / 2;
  const a = angle > 0 ? Math.sin(angle) / angle : 1, b = 0.5 * (half > 0 ? Math.sin(half) / half : 1) ** 2;
  return [
    1 - b * (y * y + z * z), b * x * y - a * z, b * x * z + a * y,
    b * x * y + a * z, 1 - b * (x * x + z * z), b * y * z - a * x,
    b * x * z - a * y, b * y * z + a * x, 1 - b * (x * x + y * y),
  ];
}

/** Unit quaternion (wxyz, w >= 0) of a rotation matrix (row-major), stable for every angle. */
export function wxyzFromRotation(m) {
  const trace = m[0] + m[4] + m[8], [a, b, c] = [m[7] - m[5], m[2] - m[6], m[3] - m[1]];
  const [d, e, f] = [m[3] + m[1], m[2] + m[6], m[7] + m[5]];
  const squares = [1 + trace, 1 + 2 * m[0] - trace, 1 + 2 * m[4] - trace, 1 + 2 * m[8] - trace];
  const rows = [[squares[0], a, b, c], [a, squares[1], d, e], [b, d, squares[2], f], [c, e, f, squares[3]]];
  const best = rows[squares.indexOf(Math.max(...squares))], sign = best[0] < 0 ? -1 : 1;
  const length = Math.hypot(...best) * sign;
  return best.map((value) => value / length);
}

export class Deformer {
  constructor(avatar) {
    this.rig = avatar.rig;
    this.bound = avatar.splats;
    this.shaped = new Float64Array(this.rig.vertices.length);
    this.posed = new Float32Array(this.rig.vertices.length);
    this.frameValues = new Float32Array(FRAME_FLOATS * this.rig.triangles.length / 3);
  }

  /** Posed vertices, metres, world: displacements, pose correctives where there are any, then linear blend skinning.
   * pose: {expressions: {name: weight}, joints: {name: [x, y, z] in radians}, translation: [x, y, z] in metres}; valid until the next call. */
  vertices(pose) {
    const { rig, shaped, posed } = this, weights = this.weights(pose), rotations = this.rotations(pose);
    shaped.set(rig.vertices);
    weights.forEach((weight, k) => addDeltas(shaped, rig.expressionDeltas[k], weight));
    rig.poseDeltas?.forEach((delta, i) => {
      addDeltas(shaped, delta, rotations[1 + Math.floor(i / 9)][i % 9] - (i % 9 % 4 === 0 ? 1 : 0));
    });
    const transforms = this.transforms(rotations, weights, pose.translation ?? [0, 0, 0]), joints = rig.jointNames.length;
    const blended = new Float64Array(12);
    for (let v = 0; v < posed.length / 3; v++) {
      blended.fill(0);
      for (let j = 0; j < joints; j++) {
        const share = rig.skinWeights[v * joints + j];
        if (share !== 0) for (let i = 0; i < 12; i++) blended[i] += share * transforms[j][i];
      }
      const x = shaped[3 * v], y = shaped[3 * v + 1], z = shaped[3 * v + 2];
      for (let i = 0; i < 3; i++) {
        posed[3 * v + i] = blended[4 * i] * x + blended[4 * i + 1] * y + blended[4 * i + 2] * z + blended[4 * i + 3];
      }
    }
    return posed;
  }

  /** What carries the splats, FRAME_FLOATS for each triangle (GaussianAvatars, Qian et al. 2024, section 3.1); valid until the next call. */
  frames(pose) {
    const { triangles } = this.rig, p = this.vertices(pose), out = this.frameValues;
    for (let face = 0, at = 0; at < out.length; face += 3, at += FRAME_FLOATS) {
      const i = 3 * triangles[face], j = 3 * triangles[face + 1], k = 3 * triangles[face + 2];
      let ax = p[j] - p[i], ay = p[j + 1] - p[i + 1], az = p[j + 2] - p[i + 2];
      const bx = p[k] - p[i], by = p[k + 1] - p[i + 1], bz = p[k + 2] - p[i + 2];
      const edge = Math.sqrt(ax * ax + ay * ay + az * az), shorter = 1 / Math.max(edge, TINY);
      ax *= shorter; ay *= shorter; az *= shorter;
      let nx = ay * bz - az * by, ny = az * bx - ax * bz, nz = ax * by - ay * bx;
      const unit = 1 / Math.max(Math.sqrt(nx * nx + ny * ny + nz * nz), TINY);
      nx *= unit; ny *= unit; nz *= unit;
      const cx = ay * nz - az * ny, cy = az * nx - ax * nz, cz = ax * ny - ay * nx;
      const scale = 0.5 * (edge + Math.abs(cx * bx + cy * by + cz * bz));
      out[at] = scale * ax; out[at + 1] = scale * ay; out[at + 2] = scale * az;
      out[at + 3] = scale * nx; out[at + 4] = scale * ny; out[at + 5] = scale * nz;
      out[at + 6] = scale * cx; out[at + 7] = scale * cy; out[at + 8] = scale * cz;
      for (let axis = 0; axis < 3; axis++) out[at + 9 + axis] = (p[i + axis] + p[j + axis] + p[k + axis]) / 3;
    }
    return out;
  }

  /** The splats in the world: mean = scale R mean + centroid, rotation = R rotation, sigma = scale exp(log scale); fresh arrays. */
  splats(pose) {
    const { bound } = this, frames = this.frames(pose), n = bound.count;
    const out = { means: new Float32Array(3 * n), rotationsWxyz: new Float32Array(4 * n), scales: new Float32Array(3 * n) };
    for (let s = 0; s < n; s++) {
      const f = frames.subarray(FRAME_FLOATS * bound.triangles[s], FRAME_FLOATS * (bound.triangles[s] + 1));
      const scale = Math.hypot(f[0], f[1], f[2]), inverse = 1 / Math.max(scale, TINY);
      const [x, y, z] = bound.means.subarray(3 * s, 3 * s + 3);
      for (let i = 0; i < 3; i++) {
        out.means[3 * s + i] = f[i] * x + f[3 + i] * y + f[6 + i] * z + f[9 + i];
        out.scales[3 * s + i] = scale * Math.exp(bound.logScales[3 * s + i]);
      }
      const rotation = wxyzFromRotation([f[0], f[3], f[6], f[1], f[4], f[7], f[2], f[5], f[8]].map((value) => value * inverse));
      out.rotationsWxyz.set(multiplied(rotation, bound.rotationsWxyz.subarray(4 * s, 4 * s + 4)), 4 * s);
    }
    return out;
  }

  weights(pose) {
    const given = new Map(Object.entries(pose.expressions ?? {}));
    return this.rig.expressionNames.map((name) => given.get(name) ?? 0);
  }

  rotations(pose) {
    const given = new Map(Object.entries(pose.joints ?? {}));
    return this.rig.jointNames.map((name) => rotationFromAxisAngle(given.get(name) ?? [0, 0, 0]));
  }

  // Posed from bind of each joint (row-major 3 x 4): rotations about the joints' positions down the chain, then the translation.
  transforms(rotations, weights, translation) {
    const { jointParents, jointPositions, jointDeltas } = this.rig, joints = jointParents.length, chain = [];
    for (let j = 0; j < joints; j++) {
      const r = rotations[j], at = [0, 1, 2].map((axis) => jointPositions[3 * j + axis]);
      if (jointDeltas) {
        weights.forEach((weight, k) => at.forEach((_, axis) => (at[axis] += weight * jointDeltas[3 * (k * joints + j) + axis])));
      }
      const local = [0, 1, 2].flatMap((i) => {
        const row = r.slice(3 * i, 3 * i + 3);
        return [...row, at[i] - row[0] * at[0] - row[1] * at[1] - row[2] * at[2]];
      });
      chain.push(jointParents[j] < 0 ? local : product(chain[jointParents[j]], local));
    }
    return chain.map((matrix) => matrix.map((value, i) => (i % 4 === 3 ? value + translation[(i - 3) / 4] : value)));
  }
}

function addDeltas(vertices, { rows, deltas }, weight) {
  if (weight === 0) return;
  for (let i = 0; i < rows.length; i++) {
    const at = 3 * rows[i];
    for (let axis = 0; axis < 3; axis++) vertices[at + axis] += weight * deltas[3 * i + axis];
  }
}

// Rigid transforms, row-major 3 x 4: `b` first.
function product(a, b) {
  return Array.from({ length: 12 }, (_, at) => {
    const i = 4 * Math.floor(at / 4), j = at % 4;
    return a[i] * b[j] + a[i + 1] * b[4 + j] + a[i + 2] * b[8 + j] + (j === 3 ? a[i + 3] : 0);
  });
}

// Unit Hamilton product: rotates by `b` first.
function multiplied([aw, ax, ay, az], [bw, bx, by, bz]) {
  const q = [
    aw * bw - ax * bx - ay * by - az * bz, aw * bx + ax * bw + ay * bz - az * by,
    aw * by - ax * bz + ay * bw + az * bx, aw * bz + ax * by - ay * bx + az * bw,
  ];
  const length = Math.hypot(...q);
  return q.map((value) => value / length);
}
