// The page: a white scene, the camera that the address describes, one head.

import * as THREE from "three/webgpu";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
import { GLTFGaussianSplatLoaderExtension } from "three/addons/loaders/GLTFGaussianSplatLoaderExtension.js";
import { GaussianSplatPLYLoader } from "three/addons/loaders/GaussianSplatPLYLoader.js";
import { SPZLoader } from "three/addons/loaders/SPZLoader.js";
import { GaussianSplat } from "three/addons/objects/GaussianSplat.js";
import { present, view } from "../common/page.js";
import { ThreeHead, drawAsTrained } from "./head.js";

const SPLATS = 1; // scene 0 of an avatar.glb is the textured mesh (docs/asset-format.md)

async function stage() {
  const renderer = new THREE.WebGPURenderer({ antialias: false, forceWebGL: true }); // splats need this renderer, WebGL suffices
  renderer.setSize(view.width, view.height);
  renderer.outputColorSpace = THREE.LinearSRGBColorSpace; // the splats' colours are sRGB already; three would brighten them once more
  await renderer.init();
  document.body.append(renderer.domElement);
  const scene = new THREE.Scene(), camera = new THREE.PerspectiveCamera(view.fov, view.width / view.height, view.near, view.far);
  scene.background = new THREE.Color(1, 1, 1);
  const look = (position) => {
    camera.position.set(...position);
    camera.lookAt(...view.target);
    camera.updateMatrixWorld();
  };
  look(view.position);
  return { scene, canvas: renderer.domElement, look, draw: () => renderer.render(scene, camera) };
}

async function build() {
  const { scene, ...shown } = await stage(), loader = new GLTFLoader();
  loader.register((parser) => new GLTFGaussianSplatLoaderExtension(parser)); // not registered by default
  const splats = (await loader.loadAsync(view.avatar)).scenes[SPLATS];
  scene.add(splats);
  const splat = splats.getObjectByProperty("isGaussianSplat", true), head = new ThreeHead(splat);
  drawAsTrained(splat);
  return { ...shown, place: (placed) => head.place(placed) };
}

async function still(url) {
  const { scene, ...shown } = await stage();
  const loader = url.endsWith(".spz") ? new SPZLoader() : new GaussianSplatPLYLoader();
  const splat = new GaussianSplat(await loader.loadAsync(url));
  drawAsTrained(splat);
  scene.add(splat);
  return shown;
}

await present(build, still);
