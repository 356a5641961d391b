// The page: a white scene, the camera that the address describes, one head.

import { Engine } from "@babylonjs/core/Engines/engine.js";
import { FreeCamera } from "@babylonjs/core/Cameras/freeCamera.js";
import { ImportMeshAsync } from "@babylonjs/core/Loading/sceneLoader.js";
import { Color4 } from "@babylonjs/core/Maths/math.color.js";
import { Vector3 } from "@babylonjs/core/Maths/math.vector.js";
import { Scene } from "@babylonjs/core/scene.js";
import { GaussianSplattingMaterial } from "@babylonjs/core/Materials/GaussianSplatting/gaussianSplattingMaterial.js";
import { appearance, present, view } from "../common/page.js";
import { BabylonHead } from "./head.js";

/** Low-pass filter that our splats are trained with, 0.3 square pixels, in Babylon's unit, which is a quarter of a square pixel. */
GaussianSplattingMaterial.KernelSize = 4 * 0.3;

/** `mirror` is -1 for Babylon's own left-handed scene, in which what it loads stands behind the glass: z is turned about. */
function stage(mirror = 1) {
  const canvas = document.body.appendChild(document.createElement("canvas"));
  Object.assign(canvas, { width: view.width, height: view.height });
  canvas.style.display = "block";
  const engine = new Engine(canvas, false, { preserveDrawingBuffer: true }), scene = new Scene(engine);
  scene.useRightHandedSystem = mirror > 0; // as glTF and our files are
  scene.clearColor = new Color4(1, 1, 1, 1);
  const place = ([x, y, z]) => new Vector3(x, y, mirror * z), camera = new FreeCamera("camera", place(view.position), scene);
  camera.setTarget(place(view.target));
  Object.assign(camera, { fov: (view.fov * Math.PI) / 180, minZ: view.near, maxZ: view.far });
  const look = (position) => {
    camera.position.copyFrom(place(position));
    camera.setTarget(place(view.target));
  };
  return { scene, canvas, look, draw: () => scene.render() };
}

async function build(avatar, rest) {
  const { scene, ...shown } = stage(), head = new BabylonHead(scene, rest, appearance(avatar.splats));
  await scene.whenReadyAsync(); // shaders compiled, splats sorted once
  return { ...shown, place: (splats) => head.place(splats) };
}

async function still(url) {
  const glb = url.endsWith(".glb"), { scene, ...shown } = stage(glb ? 1 : -1);
  await import("@babylonjs/loaders/SPLAT/index.js");
  await import("@babylonjs/loaders/glTF/index.js");
  await ImportMeshAsync(url, scene, glb ? { meshNames: "HeadSplats" } : {});
  return shown;
}

await present(build, still);
