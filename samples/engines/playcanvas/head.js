// A talking head in PlayCanvas: a GSplatContainer, the engine's own home for splats that a program makes, whose textures are written
// anew for each pose. Copy this file; it needs nothing but an avatar (avatar.js) and its splats at rest (deform.js).

import * as pc from "playcanvas";

/** Floats for everything: the engine's default format keeps rotations and scales as 16 bit floats. */
const STREAMS = ["color", "center", "rotation", "scale"].map((name) => ({ name: `data${name[0].toUpperCase()}${name.slice(1)}`, format: pc.PIXELFORMAT_RGBA32F }));
const READ_GLSL = `
  vec3 getCenter() { return loadDataCenter().xyz; }
  vec4 getColor() { return loadDataColor(); }
  vec4 getRotation() { return loadDataRotation(); }
  vec3 getScale() { return loadDataScale().xyz; }
`;
const READ_WGSL = `
  fn getCenter() -> vec3f { return loadDataCenter().xyz; }
  fn getColor() -> vec4f { return loadDataColor(); }
  fn getRotation() -> vec4f { return loadDataRotation(); }
  fn getScale() -> vec3f { return loadDataScale().xyz; }
`;

/** An entity of the avatar's splats. `rest` and what `place` gets are {means, rotationsWxyz, scales}, metres; `look` {colors, opacities}. */
export class PlayCanvasHead {
  constructor(device, rest, look) {
    this.count = look.opacities.length;
    this.container = new pc.GSplatContainer(device, this.count, new pc.GSplatFormat(device, STREAMS, { readGLSL: READ_GLSL, readWGSL: READ_WGSL }));
    this.write("dataColor", (pixels) => {
      for (let i = 0; i < this.count; i++) pixels.set([look.colors[3 * i], look.colors[3 * i + 1], look.colors[3 * i + 2], look.opacities[i]], 4 * i);
    });
    this.place(rest);
    this.entity = new pc.Entity("head");
    this.entity.addComponent("gsplat", { resource: this.container });
    this.entity.gsplat.workBufferUpdate = pc.WORKBUFFER_UPDATE_ALWAYS; // the engine draws a copy: it must copy each frame
  }

  /** Moves, turns and stretches every splat. */
  place({ means, rotationsWxyz, scales }) {
    this.write("dataCenter", (pixels) => spread(means, pixels));
    this.write("dataScale", (pixels) => spread(scales, pixels));
    this.write("dataRotation", (pixels) => pixels.set(rotationsWxyz)); // PlayCanvas reads wxyz here, as we have it
    this.container.centers.set(means); // the engine sorts by these
    this.container.aabb = bounds(means);
    this.container.update();
  }

  write(stream, fill) {
    const texture = this.container.getTexture(stream);
    fill(texture.lock());
    texture.unlock();
  }
}

function spread(triples, pixels) {
  for (let i = 0, n = triples.length / 3; i < n; i++) for (let axis = 0; axis < 3; axis++) pixels[4 * i + axis] = triples[3 * i + axis];
}

function bounds(means) {
  const box = new pc.BoundingBox();
  box.compute(means);
  return box;
}
