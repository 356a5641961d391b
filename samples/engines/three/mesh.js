// What any glTF viewer shows of an avatar.glb: the textured rig, moved by morph targets and joints. No code of ours is needed.

import * as THREE from "three";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
import { offer, opened, view } from "../common/page.js";

async function build() {
  const renderer = new THREE.WebGLRenderer({ antialias: true, preserveDrawingBuffer: true });
  renderer.setSize(view.width, view.height);
  document.body.append(renderer.domElement);
  const scene = new THREE.Scene(), camera = new THREE.PerspectiveCamera(view.fov, view.width / view.height, view.near, view.far);
  scene.background = new THREE.Color(1, 1, 1);
  camera.position.set(...view.position);
  camera.lookAt(...view.target);
  const { scene: head } = await new GLTFLoader().loadAsync(view.avatar);
  scene.add(head);
  return { head, canvas: renderer.domElement, draw: () => renderer.render(scene, camera) };
}

// A pose by names: weights of morph targets, rotations of joints (axis times angle, radians), the head's place in metres.
function pose(head, { expressions, joints, translation }) {
  head.traverse((object) => {
    if (object.isMesh) {
      object.morphTargetInfluences.fill(0);
      for (const [name, weight] of Object.entries(expressions)) object.morphTargetInfluences[object.morphTargetDictionary[name]] = weight;
    }
    if (object.isBone) {
      const turn = new THREE.Vector3(...(joints[object.name] ?? [0, 0, 0])), angle = turn.length();
      object.quaternion.setFromAxisAngle(turn.divideScalar(angle || 1), angle);
    }
  });
  head.position.set(...translation);
}

await opened(async () => {
  const { head, canvas, draw } = await build();
  offer({ canvas, draw, pose: (named) => pose(head, named) });
});
