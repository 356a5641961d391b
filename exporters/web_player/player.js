// A head on a canvas: const head = await createAvatar(canvas, "avatar.glb"); head.setExpression("jawOpen", 0.7);

import { readAvatar } from "./avatar.js";
import { control, framing, pinhole } from "./camera.js";
import { Deformer } from "./deform.js";
import { Idle, poseAt } from "./motion.js";
import { Renderer, SETTINGS, loadShaders } from "./renderer.js";
import { readMessage } from "./stream.js";

const MOST_PIXEL_RATIO = 2; // Gaussians are smooth: more pixels cost and show nothing
const SEED = 1; // of idle life

/** Fetch an avatar and show it. options: camera {target, distance, yaw, pitch, fov} in metres, degrees; idle (true), a
 * seed; clip, a name to play; controls (true): hands turn the view; streamOrigins, whose messages move the face. */
export async function createAvatar(canvas, url, options = {}) {
  const [response, shaders] = await Promise.all([fetch(url), loadShaders()]);
  if (!response.ok) throw new Error(`${url}: the server answers ${response.status}`);
  const player = new Player(canvas, readAvatar(await response.arrayBuffer()), shaders, options);
  await player.drawn().catch((error) => { player.dispose(); throw error; });
  return player;
}

class Player {
  constructor(canvas, avatar, shaders, options) {
    const { camera = {}, idle = true, seed = SEED, clip, controls = true, streamOrigins = [location.origin] } = options;
    Object.assign(this, { canvas, avatar, shaders, streamOrigins, waiting: [], stream: null, clip: null });
    Object.assign(this, { expressions: avatar.rig.expressionNames, clips: avatar.clips.map((each) => each.name) });
    this.deformer = new Deformer(avatar);
    const shoulders = avatar.splats.triangles.map((triangle) => avatar.rig.onShoulders[triangle]);
    this.view = { ...framing(this.deformer.splats({}).means, shoulders, camera.fov), ...camera };
    this.setPose({});
    this.setIdle(idle, seed);
    if (clip) this.play(clip);
    this.renderer = new Renderer(canvas, avatar.splats, shaders);
    this.startWorker();
    this.listen(controls);
    this.request = requestAnimationFrame((now) => this.tick(now));
  }

  /** An expression's weight, over what clip, idle life or stream say; null gives it back to them. */
  setExpression(name, weight) {
    if (!this.expressions.includes(name)) throw new Error(`this avatar has no expression ${name}`);
    const { [name]: _, ...others } = this.pose.expressions;
    this.pose.expressions = weight === null ? others : { ...others, [name]: weight };
    this.stale = true;
  }

  /** {expressions: {name: weight}, joints: {name: [x, y, z] in radians}, translation: metres}; {} gives all back. */
  setPose({ expressions, joints, translation = null }) {
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
  setIdle(on, seed = SEED) {
    this.idle = on ? new Idle(seed) : null;
    this.stale = true;
  }

  /** Fulfilled when all that was set before is on the canvas. */
  drawn() {
    this.stale = true;
    return new Promise((resolve, reject) => { this.waiting.push({ resolve, reject }); });
  }

  /** End it, and give back what it holds. */
  dispose() {
    cancelAnimationFrame(this.request);
    this.listening.abort();
    this.observer.disconnect();
    this.worker.terminate();
    this.renderer.dispose();
  }

  startWorker() {
    this.worker = new Worker(new URL("./sort_worker.js", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data }) => { this.sorted = data; };
    const failed = new Error("the worker that sorts could not be started: it must come from the page's own server");
    this.worker.onerror = () => [this, this.sent].forEach((each) => each?.waiting.forEach((one) => one.reject(failed)));
    const { means, triangles } = this.avatar.splats;
    this.worker.postMessage({ splats: { means, triangles } });
  }

  listen(controls) {
    const { canvas, avatar } = this, changed = () => { this.stale = true; };
    this.listening = new AbortController();
    const { signal } = this.listening, listen = (target, name, act) => target.addEventListener(name, act, { signal });
    this.observer = new ResizeObserver(changed);
    this.observer.observe(canvas);
    if (controls) control(canvas, this.view, changed, signal);
    listen(window, "message", ({ origin, data }) => {
      const sent = this.streamOrigins.includes(origin) ? readMessage(data, avatar.rig) : null;
      if (sent) Object.assign(this, { stream: sent, stale: true });
    });
    listen(canvas, "webglcontextlost", (event) => event.preventDefault()); // or it never comes back
    listen(canvas, "webglcontextrestored", () => {
      this.renderer = new Renderer(canvas, avatar.splats, this.shaders);
      changed();
    });
  }

  // A frame is drawn in the order that was found for its own pose and camera: none is ever out of order.
  tick(now) {
    if (this.sorted) this.show();
    if (!this.sent && (this.stale || this.idle || this.clip)) this.send(now);
    this.request = requestAnimationFrame((next) => this.tick(next));
  }

  send(now) {
    const ratio = Math.min(devicePixelRatio, MOST_PIXEL_RATIO), { clientWidth, clientHeight } = this.canvas;
    const [width, height] = [clientWidth, clientHeight].map((side) => Math.max(1, Math.round(side * ratio)));
    const camera = pinhole(this.view, width, height), moved = this.deformer.frames(this.poseNow(now));
    const frames = this.spare ?? moved.slice(); // the buffer that the worker sent back
    frames.set(moved);
    this.sent = { width, height, camera, waiting: this.waiting };
    Object.assign(this, { waiting: [], stale: false });
    this.worker.postMessage({ frames, camera, nearPlane: SETTINGS.nearPlane }, [frames.buffer]);
  }

  show() {
    const { canvas, sent: { width, height, camera, waiting }, sorted: { frames, order } } = this;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    this.renderer.draw(frames, order, camera);
    waiting.forEach(({ resolve }) => resolve());
    Object.assign(this, { sent: null, sorted: null, spare: frames });
  }

  // A clip first, life on top of it, then what the stream says, then what was set.
  poseNow(now) {
    const { clip, avatar: { rig }, idle, stream, pose: set } = this;
    const still = { expressions: {}, joints: {} };
    const pose = clip ? poseAt(clip, rig, Math.max(0, now - clip.start) / 1000) : still, { expressions, joints } = pose;
    idle?.enliven(pose, now / 1000);
    Object.assign(expressions, stream?.expressions, set.expressions);
    Object.assign(joints, stream?.joints, set.joints);
    return { expressions, joints, translation: set.translation ?? pose.translation };
  }
}
