// What the pages of all engines share: parameters, the pose, and what a test asks of them. No engine is named here.
//
// ?avatar=URL&expression=jawOpen:1,eyeBlinkLeft:1&joints=neck:0,0.4,0&translation=0,0,0&size=512 (or width=1920&height=1080)
//   &position=0,0,3&target=0,0,0&fov=13.4   metres and degrees, +Y up; what `python .../run.py` passes equals `facecraft4d render`
//   &clip=NAME                              plays a clip of the file; with &seconds=1.3 its pose at that time
//   &still=URL                              the engine's own loader and a file without a rig (PLY) instead of the avatar

import { readAvatar } from "facecraft4d/avatar.js";
import { Deformer } from "facecraft4d/deform.js";
import { poseAt } from "facecraft4d/motion.js";

const query = new URLSearchParams(location.search);
const triple = (text) => text.split(",").map(Number);

/** Vertical field of view of the portrait camera, degrees (docs/conventions.md). */
const PORTRAIT_FOV = 13.4;
const SIDE = 512;
const REST = { expressions: {}, joints: {}, translation: [0, 0, 0] };
const NEAREST = 0.05, FARTHEST = 100; // clip planes, metres

/** What the address says. Vectors are arrays of three; the camera looks from position to target. */
export const view = {
  avatar: query.get("avatar") ?? "/samples/tiny_avatar.glb",
  still: query.get("still"),
  clip: query.get("clip"),
  seconds: query.has("seconds") ? Number(query.get("seconds")) : null,
  width: Number(query.get("width") ?? query.get("size") ?? SIDE), // pixels
  height: Number(query.get("height") ?? query.get("size") ?? SIDE),
  position: triple(query.get("position") ?? "0,0,2"),
  target: triple(query.get("target") ?? "0,0,0"),
  fov: Number(query.get("fov") ?? PORTRAIT_FOV),
  near: NEAREST,
  far: FARTHEST,
  pose: {
    expressions: Object.fromEntries(named(query.get("expression")).map(([name, weight]) => [name, Number(weight)])),
    joints: Object.fromEntries(named(query.get("joints"), ";").map(([name, turn]) => [name, triple(turn)])),
    translation: triple(query.get("translation") ?? "0,0,0"),
  },
};

function named(text, separator = ",") {
  return (text ?? "").split(separator).filter(Boolean).map((part) => part.split(":"));
}

async function fetched(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return answer.arrayBuffer();
}

/** Colours and opacities as every engine wants them: 0 to 1, sRGB as displayed. */
export function appearance(splats) {
  return {
    colors: splats.colors.map((value) => Math.min(Math.max(value, 0), 1)),
    opacities: splats.opacityLogits.map((logit) => 1 / (1 + Math.exp(-logit))),
  };
}

/**
 * Open the page. `build(avatar, rest)` makes the engine's head from the avatar and its splats at rest and gives back
 * `{place(splats), draw(), canvas, look(position)}`; `still(url)` the same without `place` for a file that the engine reads by itself.
 */
export function present(build, still) {
  return opened(async () => (view.still === null ? play(build) : offer(await still(view.still))));
}

/** Runs `work`; then `window.ready` is true, or `window.failure` says why not. */
export async function opened(work) {
  try {
    await work();
    window.ready = true;
  } catch (error) {
    window.failure = String(error?.stack ?? error);
  }
}

async function play(build) {
  const avatar = readAvatar(await fetched(view.avatar)), deformer = new Deformer(avatar);
  const rest = deformer.splats({}), head = await build(avatar, rest);
  offer({ ...head, pose(pose, held) {
    const splats = deformer.splats(pose); // fresh arrays
    head.place({ ...splats, ...Object.fromEntries(held.map((part) => [part, rest[part]])) });
  } });
  if (view.clip !== null) playClip(avatar, head.draw);
}

function playClip(avatar, draw) {
  const clip = avatar.clips.find(({ name }) => name === view.clip), start = performance.now();
  if (!clip) throw new Error(`the file has no clip ${view.clip}; it has ${avatar.clips.map(({ name }) => name).join(", ")}`);
  if (view.seconds !== null) return window.pose(poseAt(clip, avatar.rig, view.seconds));
  requestAnimationFrame(async function next() {
    window.pose(poseAt(clip, avatar.rig, (performance.now() - start) / 1000));
    await draw();
    requestAnimationFrame(next);
  });
}

/** What a test asks of the page: a pose (of which parts of the splats may be held at rest), a frame, the time of a frame. */
export function offer({ canvas, draw, pose, look }) {
  window.frame = () => draw();
  if (look) window.orbit = (frames) => orbit(frames, look, draw, canvas);
  if (!pose) return;
  window.pose = (wanted, held = []) => pose({ ...REST, ...wanted }, held);
  window.measure = async (frames, name) => median(await timed(frames, async (share) => {
    window.pose({ expressions: { [name]: 0.5 - 0.5 * Math.cos(2 * Math.PI * share) } });
    await draw();
  }, canvas));
  window.pose(view.pose);
}

const SWEEP = 0.35; // radians to either side

/** Milliseconds of each frame while the camera goes around the target from one side to the other. */
function orbit(frames, look, draw, canvas) {
  const [x, y, z] = view.position.map((value, axis) => value - view.target[axis]);
  return timed(frames, async (share) => {
    const angle = SWEEP * (2 * share - 1), sine = Math.sin(angle), cosine = Math.cos(angle);
    look([x * cosine + z * sine, y, z * cosine - x * sine].map((value, axis) => value + view.target[axis]));
    await draw();
  }, canvas);
}

const median = (times) => times.sort((a, b) => a - b)[times.length >> 1];

/** Milliseconds of each frame: what `frame` does, which gets its share of the way from 0 to 1, and the wait for the picture. */
async function timed(frames, frame, canvas) {
  const gl = canvas.getContext("webgl2"), pixel = new Uint8Array(4), times = [];
  for (let i = 0; i < frames; i++) {
    const start = performance.now();
    await frame(i / frames);
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel); // waits until it is drawn
    times.push(performance.now() - start);
    await new Promise((resolve) => requestAnimationFrame(resolve));
  }
  return times;
}
