// Our own web player beside the engines: its whole interface is createAvatar (docs/formats/web.md).

import { createAvatar } from "facecraft4d/player.js";
import { offer, opened, view } from "../common/page.js";

await opened(async () => {
  const canvas = document.body.appendChild(document.createElement("canvas"));
  canvas.style.cssText = `width: ${view.width}px; height: ${view.height}px`;
  const distance = Math.hypot(...view.position.map((value, axis) => value - view.target[axis]));
  const camera = { target: view.target, distance, yaw: 0, pitch: 0, fov: view.fov };
  const head = await createAvatar(canvas, view.avatar, { camera, idle: false, controls: false });
  offer({ canvas, draw: () => head.drawn(), pose: (wanted) => head.setPose(wanted) });
});
