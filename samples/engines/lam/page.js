// Shows a zip of `facecraft4d export --to lam` in LAM's own player, unchanged.
//
// ?avatar=URL of the zip (its name must end in .zip)&expression=jawOpen:1,eyeBlinkLeft:1
//   &joints=neck:0,0.4,0                             axis-angle, radians; the player turns the whole bust by this one joint
//   &position=0,0,2&target=0,0,0&fov=13.4&size=512   metres from between the ears and degrees, +Y up
//   &state=Idle|Responding|Thinking                  the body plays a clip; without it stays still
// `window.ready` is true once the head is drawn, else `window.failure` says why not; `window.pose({expressions, joints})` poses it anew.

import { GaussianSplatRenderer } from "./node_modules/gaussian-splat-renderer-for-lam/build/gaussian-splat-renderer-for-lam.module.js";

/** What the player multiplies weights by before it uses them (its built-in motionConfig); all others by 1. */
const PLAYER_SCALE = {
  jawOpen: 1.2, mouthClose: 0.2, mouthShrugUpper: 0.1, mouthLowerDownLeft: 0.7, mouthLowerDownRight: 0.7,
  ...Object.fromEntries([
    "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel", "mouthLeft", "mouthPressLeft",
    "mouthPressRight", "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthStretchLeft", "mouthStretchRight",
    "mouthUpperUpLeft", "mouthUpperUpRight",
  ].map((name) => [name, 1.3])),
};
/** The player's SceneRevealMode "Instant": without it the head fades in over hundreds of frames, a minute on a processor. */
const REVEAL_AT_ONCE = 2;
/** Between the ears, metres above the ground (exporters/body.py). */
const EAR_HEIGHT = 1.62;
const PORTRAIT_FOV = 13.4; // degrees, docs/conventions.md
const HEAD = "head", NECK = "neck"; // the player's bone, and our joint

const query = new URLSearchParams(location.search);
const triple = (text) => text.split(",").map(Number);
const named = (text, separator) => (text ?? "").split(separator).filter(Boolean).map((part) => part.split(":"));
let weights = {};

/** The player with the head in it; it keeps asking for weights. */
function open(container) {
  return new Promise((resolve, reject) => {
    const opened = GaussianSplatRenderer.getInstance(container, query.get("avatar") ?? "/avatar.zip", {
      getExpressionData: () => ({ ...weights }), // a fresh object each frame: the player scales the weights in it
      getChatState: query.has("state") ? () => query.get("state") : undefined,
      backgroundColor: "0xffffff",
      loadProgress: async (share) => share >= 1 && resolve(await opened),
    });
    opened.then((player) => {
      if (!player) reject(new Error("the player could not open the zip; its message is in the console"));
      else player.viewer.sceneRevealMode = REVEAL_AT_ONCE;
    });
  });
}

function aim(player) {
  const camera = player.getCamera(), [x, y, z] = triple(query.get("position") ?? "0,0,2");
  const [targetX, targetY, targetZ] = triple(query.get("target") ?? "0,0,0");
  camera.position.set(x, y + EAR_HEIGHT, z);
  camera.fov = Number(query.get("fov") ?? PORTRAIT_FOV);
  camera.updateProjectionMatrix();
  camera.lookAt(targetX, targetY + EAR_HEIGHT, targetZ);
}

function pose(player, { expressions = {}, joints = {} }) {
  weights = Object.fromEntries(Object.keys(player.viewer.skinModel.morphTargetDictionary).map((name) => [name, 0])); // it keeps what it is not told
  for (const [name, weight] of Object.entries(expressions)) weights[name] = weight / (PLAYER_SCALE[name] ?? 1);
  const bone = player.viewer.skinModel.skeleton.bones.find(({ name }) => name === HEAD), turn = joints[NECK] ?? [0, 0, 0];
  const angle = Math.hypot(...turn), half = angle ? Math.sin(angle / 2) / angle : 0;
  bone.quaternion.set(...turn.map((part) => part * half), Math.cos(angle / 2));
}

/** Three pictures: the player takes weights up in one, bones in the next, and shows them in the last. */
async function frame() {
  for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
}

try {
  const container = document.getElementById("head");
  container.style.width = container.style.height = `${query.get("size") ?? 512}px`;
  const player = await open(container);
  aim(player);
  window.player = player;
  window.frame = frame;
  window.pose = (wanted) => (pose(player, wanted), frame());
  await window.pose({
    expressions: Object.fromEntries(named(query.get("expression"), ",").map(([name, weight]) => [name, Number(weight)])),
    joints: Object.fromEntries(named(query.get("joints"), ";").map(([name, turn]) => [name, triple(turn)])),
  });
  window.ready = true;
} catch (error) {
  window.failure = String(error?.stack ?? error);
}
