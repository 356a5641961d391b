// Shows a zip of `facecraft4d export --to lam` in LAM's own player, unchanged.
// URL parameters: avatar=URL of the zip; expression=jawOpen:1,eyeBlinkLeft:1; state=Idle|Responding|Thinking for a body clip; angle=degrees the
// head bone turns about +Y. `window.ready` is true once the pose stands in the picture.
import { GaussianSplatRenderer } from "./node_modules/gaussian-splat-renderer-for-lam/build/gaussian-splat-renderer-for-lam.module.js";

/** What the player multiplies weights by before it uses them (its built-in motionConfig); all others by 1. */
const PLAYER_SCALE = {
  jawOpen: 1.2, mouthClose: 0.2, mouthShrugUpper: 0.1, mouthLowerDownLeft: 0.7, mouthLowerDownRight: 0.7,
  ...Object.fromEntries([
    "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel", "mouthLeft", "mouthPressLeft",
    "mouthPressRight", "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthStretchLeft", "mouthStretchRight",
    "mouthUpperUpLeft", "mouthUpperUpRight",
  ].map(name => [name, 1.3])),
};
/** The player's SceneRevealMode "instant": without it the head fades in over hundreds of frames, a minute on a processor. */
const REVEAL_AT_ONCE = 2;
/** Pictures after loading until sorting and the pose have reached the screen. */
const SETTLING_FRAMES = 20;

const parameters = new URLSearchParams(location.search);
const weights = Object.fromEntries(
  (parameters.get("expression") ?? "").split(",").filter(Boolean).map(pair => {
    const [name, weight] = pair.split(":");
    return [name, Number(weight) / (PLAYER_SCALE[name] ?? 1)];
  }),
);

const loaded = new Promise(resolve => {
  window.player = GaussianSplatRenderer.getInstance(
    document.getElementById("head"),
    parameters.get("avatar") ?? "/avatar.zip",
    {
      getExpressionData: () => ({ ...weights }), // a fresh object each frame: the player scales the weights in it
      getChatState: parameters.has("state") ? () => parameters.get("state") : undefined, // none: the body stays still
      backgroundColor: "0xffffff",
      loadProgress: share => share >= 1 && resolve(),
    },
  );
});
const player = await window.player;
player.viewer.sceneRevealMode = REVEAL_AT_ONCE;
await loaded;
const head = player.viewer.skinModel.skeleton.bones.find(bone => bone.name === "head");
if (parameters.has("angle")) head.rotation.y = (Number(parameters.get("angle")) * Math.PI) / 180;
for (let frame = 0; frame < SETTLING_FRAMES; frame++) await new Promise(requestAnimationFrame);
window.ready = true;
