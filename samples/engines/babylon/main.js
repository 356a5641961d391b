// The page: a white scene, the camera that the address describes, one head.

import { Engine } from "@babylonjs/core/Engines/engine.js";
import { FreeCamera } from "@babylonjs/core/Cameras/freeCamera.js";
import { ImportMeshAsync } from "@babylonjs/core/Loading/sceneLoader.js";
import { Color4 } from "@babylonjs/core/Maths/math.color.js";
import { Vector3 } from "@babylonjs/core/Maths/math.vector.js";
import { Scene } from "@babylonjs/core/scene.js";
import { appearance, present, view } from "../common/page.js";
import { BabylonHead } from "./head.js";

function stage() {
  const canvas = document.body.appendChild(document.createElement("canvas"));
  canvas.width = canvas.height = view.size;
  canvas.style.display = "block";
  const engine = new Engine(canvas, false, { preserveDrawingBuffer: true }), scene = new Scene(engine);
  scene.useRightHandedSystem = true; // as glTF and our files are
  scene.clearColor = new Color4(1, 1, 1, 1);
  const camera = new FreeCamera("camera", Vector3.FromArray(view.position), scene);
  camera.setTarget(Vector3.FromArray(view.target));
  Object.assign(camera, { fov: (view.fov * Math.PI) / 180, minZ: view.near, maxZ: view.far });
  return { scene, canvas, draw: () => scene.render() };
}

async function build(avatar, rest) {
  const { scene, canvas, draw } = stage(), head = new BabylonHead(scene, rest, appearance(avatar.splats));
  return { canvas, draw, place: (splats) => head.place(splats) };
}

async function still(url) {
  const { scene, canvas, draw } = stage();
  await import("@babylonjs/loaders/SPLAT/index.js");
  await ImportMeshAsync(url, scene);
  return { canvas, draw };
}

await present(build, still);
