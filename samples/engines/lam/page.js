// Shows a zip of `facecraft4d export --to lam` in LAM's own player, unchanged. The address as in ../common/page.js, and
//   &state=Idle|Responding|Thinking   the body plays a clip; without it stays still
// The name of the zip must end in .zip. Of the joints the player knows the neck alone, which turns the whole bust.

import { GaussianSplatRenderer } from "gaussian-splat-renderer-for-lam";
import { offer, opened, view } from "../common/page.js";

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
const HEAD = "head", NECK = "neck"; // the player's bone, and our joint

const state = new URLSearchParams(location.search).get("state");
let weights = {};

/** The player with the head in it; it keeps asking for weights. */
function openPlayer(container) {
  return new Promise((resolve, reject) => {
    const opening = GaussianSplatRenderer.getInstance(container, view.avatar, {
      getExpressionData: () => ({ ...weights }), // a fresh object each frame: the player scales the weights in it
      getChatState: state ? () => state : undefined,
      backgroundColor: "0xffffff",
      loadProgress: async (share) => share >= 1 && resolve(await opening),
    });
    opening.then((player) => {
      if (!player) reject(new Error("the player could not open the zip; its message is in the console"));
      else player.viewer.sceneRevealMode = REVEAL_AT_ONCE;
    });
  });
}

function aim(camera) {
  const [x, y, z] = view.position, [targetX, targetY, targetZ] = view.target;
  camera.position.set(x, y + EAR_HEIGHT, z);
  camera.lookAt(targetX, targetY + EAR_HEIGHT, targetZ);
  camera.fov = view.fov;
  camera.updateProjectionMatrix();
}

/** The player shows it two pictures later. */
function pose({ morphTargetDictionary, skeleton }, { expressions, joints }) {
  weights = Object.fromEntries(Object.keys(morphTargetDictionary).map((name) => [name, 0])); // it keeps what it is not told
  for (const [name, weight] of Object.entries(expressions)) weights[name] = weight / (PLAYER_SCALE[name] ?? 1);
  const bone = skeleton.bones.find(({ name }) => name === HEAD), turn = joints[NECK] ?? [0, 0, 0];
  const angle = Math.hypot(...turn), half = angle ? Math.sin(angle / 2) / angle : 0;
  bone.quaternion.set(...turn.map((part) => part * half), Math.cos(angle / 2));
}

await opened(async () => {
  const container = document.getElementById("head"), rest = { expressions: {}, joints: {} };
  Object.assign(container.style, { width: `${view.width}px`, height: `${view.height}px` });
  const player = await openPlayer(container), mesh = player.viewer.skinModel;
  aim(player.getCamera());
  offer({
    canvas: container.querySelector("canvas"),
    draw: () => new Promise(requestAnimationFrame), // the player draws by itself
    pose: (wanted, held) => pose(mesh, held.includes("means") ? rest : wanted),
  });
});
