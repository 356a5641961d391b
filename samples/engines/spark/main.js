// The page: a white scene, the camera that the address describes, one head.

import * as THREE from "three";
import { SparkRenderer, SplatMesh } from "@sparkjsdev/spark";
import { appearance, present, view } from "../common/page.js";
import { SparkHead } from "./head.js";

/** How our renderers draw (docs/conventions.md, The picture), in Spark's words: 0.3 square pixels more without a thinner colour,
 * nothing under 1/255 of opacity, order by depth along the camera; floats between the modifier and the picture. */
const PICTURE = { preBlurAmount: 0.3, blurAmount: 0, maxStdDev: Math.sqrt(2 * Math.log(255)), minAlpha: 1 / 255, sortRadial: false, accumExtSplats: true };

function stage() {
  const renderer = new THREE.WebGLRenderer({ antialias: false, preserveDrawingBuffer: true });
  renderer.setSize(view.width, view.height);
  document.body.append(renderer.domElement);
  const scene = new THREE.Scene(), camera = new THREE.PerspectiveCamera(view.fov, view.width / view.height, view.near, view.far);
  scene.background = new THREE.Color(1, 1, 1);
  const look = (position) => {
    camera.position.set(...position);
    camera.lookAt(...view.target);
  };
  look(view.position);
  scene.add(new SparkRenderer({ renderer, ...PICTURE }));
  return { scene, canvas: renderer.domElement, look, draw: () => renderer.render(scene, camera) };
}

async function build(avatar, rest) {
  const { scene, ...shown } = stage(), head = new SparkHead(rest, appearance(avatar.splats));
  scene.add(head.object);
  await head.object.initialized;
  return { ...shown, place: (splats) => head.place(splats) };
}

async function still(url) {
  const { scene, ...shown } = stage(), object = new SplatMesh({ url });
  scene.add(object);
  await object.initialized;
  return shown;
}

await present(build, still);
