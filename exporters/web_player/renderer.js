// Draws an avatar's splats with WebGL2: the graphics card carries them by the frames of their triangles, from back to front.

export const NEAR_PLANE = 0.01; // metres; splats before it are left out
export const SETTINGS = { nearPlane: NEAR_PLANE, lowPass: 0.3, cutoff: 1 / 255, sigmaClamp: 0.3, alphaMax: 0.999 }; // gsplat 1.5.3's
const TEXELS_WIDE = 2048; // of every texture that holds numbers: the least that WebGL2 promises
const BINDING_FLOATS = 16; // of a splat: four texels
const PICTURE = 0, BINDING = 1, FRAMES = 2; // texture units

/** The GLSL that lies beside this module, by name. */
export async function loadShaders() {
  const names = ["splat.vert", "splat.frag", "present.vert", "present.frag"];
  const texts = await Promise.all(names.map(async (name) => (await fetch(new URL(name, import.meta.url))).text()));
  return Object.fromEntries(names.map((name, i) => [name, texts[i]]));
}

export class Renderer {
  constructor(canvas, avatar, shaders) {
    const gl = canvas.getContext("webgl2", { alpha: true, antialias: false, depth: false, powerPreference: "high-performance" });
    if (!gl) throw new Error("this browser or machine has no WebGL2");
    this.gl = gl;
    this.splats = program(gl, shaders["splat.vert"], shaders["splat.frag"]);
    this.present = program(gl, shaders["present.vert"], shaders["present.frag"]);
    // half floats: with 8 bits every layer of the blend would round, and colours above 1 would clip
    this.format = gl.getExtension("EXT_color_buffer_float") ? gl.RGBA16F : gl.RGBA8;
    this.target = gl.createFramebuffer();
    this.order = gl.createBuffer();
    this.cells = gl.createVertexArray();
    this.textures = [];
    this.upload(BINDING, bindingOf(avatar.splats));
    gl.bindVertexArray(this.cells);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.order);
    gl.bufferData(gl.ARRAY_BUFFER, 4 * avatar.splats.count, gl.DYNAMIC_DRAW);
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
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.useProgram(splats.program);
    gl.uniformMatrix4fv(splats.at("cameraFromWorld"), true, camera.cameraFromWorld);
    gl.uniform2f(splats.at("focal"), camera.focal, camera.focal);
    gl.uniform2f(splats.at("principal"), width / 2, height / 2);
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
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  /** Give back what lies on the graphics card. */
  dispose() {
    const { gl } = this;
    this.textures.forEach((texture) => gl.deleteTexture(texture));
    gl.deleteFramebuffer(this.target);
    gl.deleteBuffer(this.order);
    gl.deleteVertexArray(this.cells);
    [this.splats, this.present].forEach((each) => gl.deleteProgram(each.program));
  }

  // The picture that is blended into, as large as the canvas.
  fit(width, height) {
    if (this.width === width && this.height === height) return;
    [this.width, this.height] = [width, height];
    const { gl } = this;
    this.replace(PICTURE, this.format, width, height);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.target);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, this.textures[PICTURE], 0);
  }

  // Numbers as texels, row by row.
  upload(unit, values) {
    const { gl } = this, texels = values.length / 4, rows = Math.ceil(texels / TEXELS_WIDE), whole = Math.floor(texels / TEXELS_WIDE);
    if (rows > gl.getParameter(gl.MAX_TEXTURE_SIZE)) throw new Error("the avatar has more splats than this graphics card can hold");
    if (!this.textures[unit]) this.replace(unit, gl.RGBA32F, TEXELS_WIDE, rows);
    gl.activeTexture(gl.TEXTURE0 + unit);
    if (whole) gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, TEXELS_WIDE, whole, gl.RGBA, gl.FLOAT, values);
    const rest = texels - whole * TEXELS_WIDE, after = values.subarray(4 * whole * TEXELS_WIDE);
    if (rest) gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, whole, rest, 1, gl.RGBA, gl.FLOAT, after);
  }

  replace(unit, format, width, height) {
    const { gl } = this;
    gl.deleteTexture(this.textures[unit] ?? null);
    this.textures[unit] = gl.createTexture();
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_2D, this.textures[unit]);
    for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, filter, gl.NEAREST);
    gl.texStorage2D(gl.TEXTURE_2D, 1, format, width, height);
  }
}

// A splat's numbers in the order in which the shader reads them.
function bindingOf(splats) {
  const out = new Float32Array(BINDING_FLOATS * splats.count);
  for (let s = 0, at = 0; s < splats.count; s++, at += BINDING_FLOATS) {
    for (let i = 0; i < 3; i++) {
      out[at + i] = splats.means[3 * s + i];
      out[at + 8 + i] = splats.logScales[3 * s + i];
      out[at + 12 + i] = splats.colors[3 * s + i];
    }
    out[at + 3] = splats.triangles[s];
    out.set(splats.rotationsWxyz.subarray(4 * s, 4 * s + 4), at + 4);
    out[at + 11] = splats.opacityLogits[s];
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
  if (!gl.getProgramParameter(made, gl.LINK_STATUS) && !gl.isContextLost()) throw new Error(gl.getProgramInfoLog(made));
  const at = (name) => places.get(name) ?? places.set(name, gl.getUniformLocation(made, name)).get(name);
  return { program: made, at };
}
