// Draws splats with WebGL2: the graphics card carries them by the frames of their triangles, from back to front.

// the numbers that define the picture, gsplat 1.5.3's: metres, square pixels, alpha, part of the field of view, alpha
export const SETTINGS = { nearPlane: 0.01, lowPass: 0.3, cutoff: 1 / 255, sigmaClamp: 0.3, alphaMax: 0.999 };
const TEXELS_WIDE = 2048; // of every texture that holds numbers: the least that WebGL2 promises
const BINDING_FLOATS = 16; // of a splat: four texels
const PICTURE = 0, BINDING = 1, FRAMES = 2; // texture units

/** The GLSL that lies beside this module, by name. */
export async function loadShaders() {
  const load = async (name) => [name, await (await fetch(new URL(name, import.meta.url))).text()];
  const names = ["splat.vert", "splat.frag", "present.vert", "present.frag"];
  return Object.fromEntries(await Promise.all(names.map(load)));
}

export class Renderer {
  constructor(canvas, bound, shaders) {
    const gl = canvas.getContext("webgl2", { antialias: false, depth: false, powerPreference: "high-performance" });
    if (!gl) throw new Error("this browser or machine has no WebGL2");
    Object.assign(this, { gl, textures: [], target: gl.createFramebuffer(), order: gl.createBuffer() });
    this.splats = program(gl, shaders["splat.vert"], shaders["splat.frag"]);
    this.present = program(gl, shaders["present.vert"], shaders["present.frag"]);
    // half floats: with 8 bits every layer of the blend would round, and colours above 1 would clip
    const halves = ["EXT_color_buffer_float", "EXT_color_buffer_half_float"].some((name) => gl.getExtension(name));
    this.format = halves ? gl.RGBA16F : gl.RGBA8;
    this.upload(BINDING, bindingOf(bound));
    gl.bindBuffer(gl.ARRAY_BUFFER, this.order);
    gl.bufferData(gl.ARRAY_BUFFER, 4 * bound.count, gl.DYNAMIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribIPointer(0, 1, gl.UNSIGNED_INT, 0, 0);
    gl.vertexAttribDivisor(0, 1);
  }

  /** Draw the splats `order` (from back to front) over a transparent ground. */
  draw(frames, order, camera) {
    const { gl, splats, present } = this, { width, height } = gl.canvas;
    this.upload(FRAMES, frames);
    this.fit(width, height);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.target);
    gl.viewport(0, 0, width, height);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.useProgram(splats.program);
    gl.uniformMatrix4fv(splats.at("cameraFromWorld"), true, camera.cameraFromWorld);
    gl.uniform1f(splats.at("focal"), camera.focal);
    gl.uniform2f(splats.at("size"), width, height);
    gl.uniform1i(splats.at("binding"), BINDING);
    gl.uniform1i(splats.at("frames"), FRAMES);
    for (const [name, value] of Object.entries(SETTINGS)) gl.uniform1f(splats.at(name), value);
    gl.bufferSubData(gl.ARRAY_BUFFER, 0, order);
    gl.drawArraysInstanced(gl.TRIANGLES, 0, 3, order.length);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.disable(gl.BLEND);
    gl.useProgram(present.program);
    gl.uniform1i(present.at("picture"), PICTURE);
    gl.drawArraysInstanced(gl.TRIANGLES, 0, 3, 1);
  }

  /** Give back what lies on the graphics card. */
  dispose() {
    const { gl } = this;
    this.textures.forEach((texture) => gl.deleteTexture(texture));
    gl.deleteFramebuffer(this.target);
    gl.deleteBuffer(this.order);
    for (const { program } of [this.splats, this.present]) gl.deleteProgram(program);
  }

  // The picture that is blended into, as large as the canvas.
  fit(width, height) {
    if (this.width === width && this.height === height) return;
    const { gl } = this;
    Object.assign(this, { width, height });
    this.replace(PICTURE, this.format, width, height);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.target);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, this.textures[PICTURE], 0);
  }

  // Numbers as texels, row by row.
  upload(unit, values) {
    const { gl } = this, texels = values.length / 4, whole = Math.floor(texels / TEXELS_WIDE);
    const from = 4 * whole * TEXELS_WIDE, rest = texels % TEXELS_WIDE, rows = Math.ceil(texels / TEXELS_WIDE);
    if (rows > gl.getParameter(gl.MAX_TEXTURE_SIZE)) throw new Error("more splats than this graphics card can hold");
    if (!this.textures[unit]) this.replace(unit, gl.RGBA32F, TEXELS_WIDE, rows);
    gl.activeTexture(gl.TEXTURE0 + unit);
    if (whole) gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, TEXELS_WIDE, whole, gl.RGBA, gl.FLOAT, values);
    if (rest) gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, whole, rest, 1, gl.RGBA, gl.FLOAT, values, from);
  }

  replace(unit, format, width, height) {
    const { gl } = this;
    gl.deleteTexture(this.textures[unit] ?? null);
    this.textures[unit] = gl.createTexture();
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_2D, this.textures[unit]);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    gl.texStorage2D(gl.TEXTURE_2D, 1, format, width, height);
  }
}

// A splat's numbers in the order in which the shader reads them.
function bindingOf({ count, means, triangles, rotationsWxyz, logScales, opacityLogits, colors }) {
  const out = new Float32Array(BINDING_FLOATS * count), three = (from, s) => from.subarray(3 * s, 3 * s + 3);
  for (let s = 0; s < count; s++) {
    const moved = [...three(means, s), triangles[s], ...rotationsWxyz.subarray(4 * s, 4 * s + 4)];
    out.set([...moved, ...three(logScales, s), opacityLogits[s], ...three(colors, s)], BINDING_FLOATS * s);
  }
  return out;
}

function program(gl, vertex, fragment) {
  const made = gl.createProgram(), places = new Map();
  for (const [type, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(made, shader);
    gl.deleteShader(shader); // once the program is
  }
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS)) throw new Error(`no shader: ${gl.getProgramInfoLog(made)}`);
  const at = (name) => places.get(name) ?? places.set(name, gl.getUniformLocation(made, name)).get(name);
  return { program: made, at };
}
