// Shows what `facecraft4d export --to vrm` writes, as an app with three-vrm would. The address as in ../common/page.js; expressions may also
// be VRM's presets (happy, aa, blink, ...).

import * as THREE from "three";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
import { VRMLoaderPlugin } from "@pixiv/three-vrm";
import { offer, opened, view } from "../common/page.js";

/** VRM's bones that are joints of ours: who turns VRM's head turns what we call the neck. */
const BONES = { root: "chest", neck: "head", jaw: "jaw", eye_left: "leftEye", eye_right: "rightEye" };

function stage() {
  const renderer = new THREE.WebGLRenderer({ antialias: true, preserveDrawingBuffer: true });
  renderer.setSize(view.width, view.height);
  document.body.append(renderer.domElement);
  const scene = new THREE.Scene();
  scene.background = new THREE.Color(1, 1, 1);
  scene.add(new THREE.AmbientLight(0xffffff, Math.PI)); // for a head without a picture; ours are unlit
  return { renderer, scene };
}

/** The camera of the address, whose origin is between the ears. */
function cameraAt(ears) {
  const camera = new THREE.PerspectiveCamera(view.fov, view.width / view.height, view.near, view.far);
  camera.position.set(...view.position).add(ears);
  camera.lookAt(new THREE.Vector3(...view.target).add(ears));
  return camera;
}

async function loadVrm(url) {
  const loader = new GLTFLoader();
  loader.register((parser) => new VRMLoaderPlugin(parser));
  const { vrm } = (await loader.loadAsync(url)).userData;
  vrm.scene.traverse((object) => (object.frustumCulled = false)); // bounds at rest say little of a moving head
  return vrm;
}

function pose(vrm, { expressions, joints, translation }) {
  vrm.expressionManager.resetValues();
  vrm.humanoid.resetNormalizedPose();
  for (const [name, weight] of Object.entries(expressions)) vrm.expressionManager.setValue(name, weight);
  for (const [name, turn] of Object.entries(joints)) {
    const axis = new THREE.Vector3(...turn), angle = axis.length();
    vrm.humanoid.getNormalizedBoneNode(BONES[name])?.quaternion.setFromAxisAngle(axis.normalize(), angle);
  }
  vrm.update(0);
  vrm.scene.position.set(...translation);
}

await opened(async () => {
  const { renderer, scene } = stage(), vrm = await loadVrm(view.avatar);
  scene.add(vrm.scene);
  const { splats } = vrm.scene.getObjectByName("HeadRig").userData; // where the splats are, and where their origin belongs
  const camera = cameraAt(new THREE.Vector3(...splats.translation)), draw = () => renderer.render(scene, camera);
  offer({ canvas: renderer.domElement, draw, pose: (wanted) => pose(vrm, wanted) });
  draw();
});
