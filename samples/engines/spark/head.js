// A talking head in Spark: its splats are moved by a modifier of Spark's shader graph (dyno) that reads posed means, rotations and
// scales from textures. Copy this file; it needs nothing but an avatar (avatar.js) and its splats at rest (deform.js).

import * as THREE from "three";
import { SplatMesh, dyno } from "@sparkjsdev/spark";

const WIDTH = 1024; // texels in a row
/** Per splat: mean, rotation, scale. */
const PARTS = ["means", "rotations", "scales"];

/** A SplatMesh of the avatar's splats. `rest` and what `place` gets are {means, rotationsWxyz, scales}, metres; `look` {colors, opacities}. */
export class SparkHead {
  constructor(rest, look) {
    this.count = look.opacities.length;
    this.textures = PARTS.map(() => floatTexture(this.count));
    this.object = new SplatMesh({ constructSplats: (splats) => pushSplats(splats, rest, look), objectModifier: placing(this.textures) });
    this.place(rest);
  }

  /** Moves, turns and stretches every splat. */
  place({ means, rotationsWxyz, scales }) {
    const [mean, rotation, scale] = this.textures.map((texture) => texture.image.data);
    for (let i = 0; i < this.count; i++) {
      for (let axis = 0; axis < 3; axis++) {
        mean[4 * i + axis] = means[3 * i + axis];
        scale[4 * i + axis] = scales[3 * i + axis];
        rotation[4 * i + axis] = rotationsWxyz[4 * i + 1 + axis]; // Spark wants xyzw
      }
      rotation[4 * i + 3] = rotationsWxyz[4 * i];
    }
    for (const texture of this.textures) texture.needsUpdate = true;
    if (this.object.isInitialized) this.object.updateVersion(); // computes and sorts anew
  }
}

function floatTexture(count) {
  const height = Math.ceil(count / WIDTH);
  return new THREE.DataTexture(new Float32Array(4 * WIDTH * height), WIDTH, height, THREE.RGBAFormat, THREE.FloatType);
}

// The order of Spark's splats is the order in which they are pushed, so that `gsplat.index` counts like the avatar.
function pushSplats(splats, { means, rotationsWxyz, scales }, { colors, opacities }) {
  const vector = (values, i) => new THREE.Vector3(values[3 * i], values[3 * i + 1], values[3 * i + 2]);
  for (let i = 0; i < opacities.length; i++) {
    const [w, x, y, z] = rotationsWxyz.subarray(4 * i, 4 * i + 4), color = vector(colors, i);
    splats.pushSplat(vector(means, i), vector(scales, i), new THREE.Quaternion(x, y, z, w), opacities[i], new THREE.Color(color.x, color.y, color.z));
  }
}

// Absolute values, not differences: Spark keeps means as 16 bit floats, and its SplatSkinning turns about the origin of the mesh
// instead of the joint; neither touches what comes from here.
function placing(textures) {
  const samplers = Object.fromEntries(PARTS.map((part, i) => [part, new dyno.DynoSampler2D({ key: part, value: textures[i] })]));
  return dyno.dynoBlock({ gsplat: dyno.Gsplat }, { gsplat: dyno.Gsplat }, ({ gsplat }) => {
    const placed = new dyno.Dyno({
      inTypes: { gsplat: dyno.Gsplat, ...Object.fromEntries(PARTS.map((part) => [part, "sampler2D"])) },
      outTypes: { gsplat: dyno.Gsplat },
      statements: ({ inputs, outputs }) => dyno.unindentLines(`
        ${outputs.gsplat} = ${inputs.gsplat};
        ivec2 texel = ivec2(${inputs.gsplat}.index % ${WIDTH}, ${inputs.gsplat}.index / ${WIDTH});
        ${outputs.gsplat}.center = texelFetch(${inputs.means}, texel, 0).xyz;
        ${outputs.gsplat}.quaternion = texelFetch(${inputs.rotations}, texel, 0);
        ${outputs.gsplat}.scales = texelFetch(${inputs.scales}, texel, 0).xyz;
      `),
    });
    return { gsplat: placed.apply({ gsplat, ...samplers }).gsplat };
  });
}
