// A head on a canvas: const head = await createAvatar(canvas, "avatar.glb"); head.setExpression("jawOpen", 0.7);

import { readAvatar } from "./avatar.js";
import { control, framing, pinhole } from "./camera.js";
import { Deformer } from "./deform.js";
import { Idle, poseAt } from "./motion.js";
import { NEAR_PLANE, Renderer, loadShaders } from "./renderer.js";
import { readMessage } from "./stream.js";

const MOST_PIXEL_RATIO = 2; // Gaussians are smooth: more pixels cost and show nothing
const DEFAULTS = { camera: {}, idle: true, seed: 1, clip: null, controls: true, streamOrigins: [globalThis.location?.origin] };

/** Fetch an avatar and show it. options: camera {target, distance, yaw, pitch, fov} in metres and degrees, idle, seed of the idle life, clip
 * to play, controls (mouse and fingers turn the view), streamOrigins (whose messages move the face). Rejects with an Error in words. */
export async function createAvatar(canvas, url, options = {}) {
  const [response, shaders] = await Promise.all([fetch(url), loadShaders()]);
  if (!response.ok) throw new Error(`${url}: the server answers ${response.status}`);
  const player = new Player(canvas, readAvatar(await response.arrayBuffer()), shaders, { ...DEFAULTS, ...options });
  await player.drawn();
  return player;
}

class Player {
  constructor(canvas, avatar, shaders, options) {
    Object.assign(this, { canvas, avatar, shaders, waiting: [], sent: null, stream: null, stale: true });
    this.expressions = avatar.rig.expressionNames;
    this.clips = avatar.clips.map((clip) => clip.name);
    this.provenance = avatar.provenance;
    this.deformer = new Deformer(avatar);
    this.view = { ...framing(this.deformer.splats({}).means), ...options.camera };
    this.setPose({});
    this.setIdle(options.idle, options.seed);
    if (options.clip !== null) this.play(options.clip);
    this.renderer = new Renderer(canvas, avatar, shaders);
    this.startWorker();
    this.listen(options);
    this.request = requestAnimationFrame((now) => this.tick(now));
  }

  /** An expression's weight, 0 to 1, over whatever clip, idle life or stream say; null gives it back to them. */
  setExpression(name, weight) {
    if (!this.expressions.includes(name)) throw new Error(`this avatar has no expression ${name}`);
    if (weight === null) delete this.pose.expressions[name];
    else this.pose.expressions[name] = weight;
    this.stale = true;
  }

  /** {expressions: {name: weight}, joints: {name: [x, y, z] in radians}, translation: [x, y, z] in metres}; {} gives all back. */
  setPose({ expressions = {}, joints = {}, translation = null }) {
    this.pose = { expressions: { ...expressions }, joints: { ...joints }, translation };
    this.stale = true;
  }

  /** Play one of `clips` from its beginning, again and again. */
  play(name) {
    const clip = this.avatar.clips.find((each) => each.name === name);
    if (!clip) throw new Error(`this avatar has no clip ${name}`);
    this.clip = { ...clip, start: performance.now() };
  }

  stop() {
    this.clip = null;
    this.stale = true;
  }

  /** Let the head live on its own or keep still. */
  setIdle(on, seed = DEFAULTS.seed) {
    this.idle = on ? new Idle(seed) : null;
    this.stale = true;
  }

  /** Fulfilled when all that was set before is on the canvas. */
  drawn() {
    this.stale = true;
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
  }

  /** End it, and give back what it holds. */
  dispose() {
    cancelAnimationFrame(this.request);
    this.listening.abort();
    this.observer.disconnect();
    this.worker.terminate();
    this.renderer?.dispose();
  }

  startWorker() {
    this.worker = new Worker(new URL("./sort_worker.js", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data }) => { this.sorted = data; };
    this.worker.onerror = (event) => {
      this.waiting.forEach(({ reject }) => reject(new Error(event.message ?? "the worker that sorts could not be started")));
    };
    const { means, triangles } = this.avatar.splats;
    this.worker.postMessage({ splats: { means, triangles } });
  }

  listen({ controls, streamOrigins }) {
    this.listening = new AbortController();
    const { signal } = this.listening, stale = () => { this.stale = true; };
    this.observer = new ResizeObserver(stale);
    this.observer.observe(this.canvas);
    if (controls) control(this.canvas, this.view, stale, signal);
    addEventListener("message", ({ origin, data }) => {
      if (streamOrigins.includes(origin)) this.stream = readMessage(data, this.avatar.rig) ?? this.stream;
      stale();
    }, { signal });
    this.canvas.addEventListener("webglcontextlost", (event) => { event.preventDefault(); this.renderer = null; }, { signal });
    this.canvas.addEventListener("webglcontextrestored", () => {
      this.renderer = new Renderer(this.canvas, this.avatar, this.shaders);
      stale();
    }, { signal });
  }

  // A frame is drawn with the order that was found for its own pose and camera: none is ever out of order.
  tick(now) {
    if (this.sorted && this.renderer) this.show();
    if (!this.sent && (this.stale || this.idle || this.clip)) this.send(now);
    this.request = requestAnimationFrame((next) => this.tick(next));
  }

  send(now) {
    const ratio = Math.min(devicePixelRatio, MOST_PIXEL_RATIO);
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight].map((side) => Math.max(1, Math.round(side * ratio)));
    const camera = pinhole(this.view, width, height), frames = this.deformer.frames(this.poseNow(now)).slice();
    this.sent = { width, height, camera, waiting: this.waiting };
    [this.waiting, this.stale] = [[], false];
    this.worker.postMessage({ frames, forward: camera.cameraFromWorld.slice(8, 12), nearPlane: NEAR_PLANE }, [frames.buffer]);
  }

  show() {
    const { canvas, sent, sorted } = this;
    if (canvas.width !== sent.width || canvas.height !== sent.height) [canvas.width, canvas.height] = [sent.width, sent.height];
    this.renderer.draw(sorted.frames, sorted.order, sent.camera);
    sent.waiting.forEach(({ resolve }) => resolve());
    [this.sent, this.sorted] = [null, null];
  }

  // A clip first, life on top of it, then what the stream says, then what was set.
  poseNow(now) {
    const pose = this.clip ? poseAt(this.clip, this.avatar.rig, Math.max(0, now - this.clip.start) / 1000) : { expressions: {}, joints: {} };
    const life = this.idle?.at(now / 1000) ?? { expressions: {}, joints: {} };
    for (const [name, weight] of Object.entries(life.expressions)) pose.expressions[name] = Math.max(weight, pose.expressions[name] ?? 0);
    for (const [name, turn] of Object.entries(life.joints)) pose.joints[name] = turn.map((value, axis) => value + (pose.joints[name]?.[axis] ?? 0));
    for (const over of [this.stream, this.pose]) {
      Object.assign(pose.expressions, over?.expressions);
      Object.assign(pose.joints, over?.joints);
    }
    return { ...pose, translation: this.pose.translation ?? pose.translation };
  }
}
