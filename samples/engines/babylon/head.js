// A talking head in Babylon.js: a GaussianSplattingMesh that gets its splats anew for each pose (updateData). Copy this file; it needs
// nothing but an avatar (avatar.js) and its splats at rest (deform.js).

import { GaussianSplattingMesh } from "@babylonjs/core/Meshes/GaussianSplatting/gaussianSplattingMesh.js";

/** Bytes of a splat: mean and scale (6 floats), colour and opacity (4 bytes), rotation wxyz (4 bytes). */
const ROW = 32, FLOATS = ROW / 4, COLOUR = 24, ROTATION = 28;

/** A mesh of the avatar's splats in a right-handed scene. `rest` and what `place` gets are {means, rotationsWxyz, scales}, metres;
 * `look` {colors, opacities}. */
export class BabylonHead {
  constructor(scene, rest, look) {
    this.count = look.opacities.length;
    this.bytes = new Uint8Array(ROW * this.count);
    for (let i = 0; i < this.count; i++) {
      for (let channel = 0; channel < 3; channel++) this.bytes[ROW * i + COLOUR + channel] = Math.round(255 * look.colors[3 * i + channel]);
      this.bytes[ROW * i + COLOUR + 3] = Math.round(255 * look.opacities[i]);
    }
    this.mesh = new GaussianSplattingMesh("head", null, scene);
    this.place(rest);
  }

  /** Moves, turns and stretches every splat. */
  place({ means, rotationsWxyz, scales }) {
    const floats = new Float32Array(this.bytes.buffer);
    for (let i = 0; i < this.count; i++) {
      for (let axis = 0; axis < 3; axis++) {
        floats[FLOATS * i + axis] = means[3 * i + axis];
        floats[FLOATS * i + 3 + axis] = scales[3 * i + axis];
      }
      for (let part = 0; part < 4; part++) this.bytes[ROW * i + ROTATION + part] = Math.round(127.5 + 127.5 * rotationsWxyz[4 * i + part]);
    }
    this.mesh.updateData(this.bytes.buffer, undefined, { flipY: false }); // our +Y is up, as in a right-handed scene
  }
}
