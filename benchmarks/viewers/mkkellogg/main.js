// GaussianSplats3D has no hook for splats that move: it draws a file of splats, seen from wherever the benchmark stands.

import * as THREE from "three";
import { SceneRevealMode, Viewer } from "@mkkellogg/gaussian-splats-3d";
import { offer, opened, view } from "../../../samples/engines/common/page.js";

const QUIET = { showLoadingUI: false, progressiveLoad: false, splatAlphaRemovalThreshold: 1 };

await opened(async () => {
  const renderer = new THREE.WebGLRenderer({ antialias: false, preserveDrawingBuffer: true });
  renderer.setSize(view.width, view.height);
  renderer.setClearColor(0xffffff, 1);
  document.body.append(renderer.domElement);
  const camera = new THREE.PerspectiveCamera(view.fov, view.width / view.height, view.near, view.far);
  const look = (position) => {
    camera.position.set(...position);
    camera.lookAt(...view.target);
  };
  look(view.position);
  const viewer = new Viewer({
    renderer, camera, selfDrivenMode: false, useBuiltInControls: false, sharedMemoryForWorkers: false, gpuAcceleratedSort: false,
    ignoreDevicePixelRatio: true, sceneRevealMode: SceneRevealMode.Instant, inMemoryCompressionLevel: 0, rootElement: document.body,
  });
  await viewer.addSplatScene(view.still, QUIET);
  const draw = () => {
    viewer.update();
    viewer.render();
  };
  offer({ canvas: renderer.domElement, draw, look });
});
