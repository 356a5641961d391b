// A talking head in three.js: the loader's GaussianSplat, whose buffers are written anew for each pose. three.js r187 has no public way
// to do so (mrdoob/three.js#34527): `_buffers` and `_sortInitialized` are private, so keep to the version that package.json pins.
// Copy this file; it needs nothing but what deform.js gives.

import { Discard, Fn, dot, exp, instanceIndex, unpackUnorm4x8, varyingProperty, vec4, vertexStage } from "three/tsl";
import { writeCovariance } from "three/addons/utils/GaussianSplatUtils.js";

/** Moves the splats of a GaussianSplat that GLTFGaussianSplatLoaderExtension made from the same avatar.glb: their order is the file's. */
export class ThreeHead {
  constructor(splat) {
    this.object = splat;
    this.positions = splat.splatGeometry.getAttribute("position").array; // three sorts by these
    this.covariance = new Float32Array(6);
  }

  /** Moves, turns and stretches every splat; {means, rotationsWxyz, scales}, metres. */
  place({ means, rotationsWxyz, scales }) {
    const { centerRead, covarianceARead, covarianceBRead } = this.object._buffers, c = this.covariance;
    const [center, upper, lower] = [centerRead, covarianceARead, covarianceBRead].map((buffer) => buffer.value.array);
    this.positions.set(means);
    for (let i = 0; i < means.length / 3; i++) {
      const s = 3 * i, q = 4 * i;
      writeCovariance(c, 0, scales[s], scales[s + 1], scales[s + 2], rotationsWxyz[q + 1], rotationsWxyz[q + 2], rotationsWxyz[q + 3], rotationsWxyz[q]);
      for (let axis = 0; axis < 3; axis++) center[q + axis] = means[s + axis];
      for (let entry = 0; entry < 4; entry++) upper[q + entry] = c[entry];
      lower[q] = c[4];
      lower[q + 1] = c[5];
    }
    for (const buffer of [centerRead, covarianceARead, covarianceBRead]) upload(buffer.value);
    this.object.computeBoundingSphere(); // the range of depths that three sorts in
    this.object._sortInitialized = false; // sorts at the next frame
  }
}

// WebGPU reads the attribute, WebGL a texture that three made of it at the first frame.
function upload(attribute) {
  attribute.needsUpdate = true;
  if (attribute.pbo) {
    attribute.pbo.image.data = attribute.array;
    attribute.pbo.needsUpdate = true;
  }
}

const FAINTEST = 1 / 255, EXTENT = Math.sqrt(2 * Math.log(1 / FAINTEST)); // standard deviations at which an opaque splat is that faint

/**
 * Draws a GaussianSplat as it was trained. three makes splats of less than a pixel more transparent (Mip-Splatting) and cuts all
 * at two standard deviations, which thins out hair and skin: here opacities are as they are, and the cut is at 1/255 of opacity.
 */
export function drawAsTrained(splat) {
  const corners = splat.geometry.getAttribute("position"), { orderRead } = splat._sort, { colorRead } = splat._buffers;
  corners.array.forEach((corner, i) => (corners.array[i] = Math.sign(corner) * EXTENT));
  const place = varyingProperty("vec2", "vSplatUv"), color = varyingProperty("vec4", "vSplatColor"); // the vertex shader's, by name
  const opacity = vertexStage(unpackUnorm4x8(colorRead.element(orderRead.element(instanceIndex))).w);
  splat.material.colorNode = Fn(() => {
    const alpha = exp(dot(place, place).mul(-0.5)).mul(opacity).toVar();
    Discard(alpha.lessThan(FAINTEST));
    return vec4(color.rgb, alpha);
  })();
  splat.material.needsUpdate = true;
}
