// Shows what `facecraft4d export --to vrm` writes, as an app with three-vrm would.
//
// ?avatar=URL&expression=happy:1,eyeBlinkLeft:0.5   VRM's presets and ARKit's names
//   &joints=neck:0,0.4,0;jaw:0.2,0,0                 axis-angle, radians
//   &position=0,0,2&target=0,0,0&fov=13.4&size=512   metres from between the ears and degrees, +Y up
// `window.ready` is true once the head is drawn, else `window.failure` says why not; `window.pose({expressions, joints})` poses it anew.

import * as THREE from "three";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
import { VRMLoaderPlugin } from "@pixiv/three-vrm";

/** VRM's bones that are joints of ours: who turns VRM's head turns what we call the neck. */
const BONES = { root: "chest", neck: "head", jaw: "jaw", eye_left: "leftEye", eye_right: "rightEye" };
const PORTRAIT_FOV = 13.4; // degrees, docs/conventions.md
const NEAREST = 0.05, FARTHEST = 100; // clip planes, metres

const query = new URLSearchParams(location.search);
const triple = (text) => text.split(",").map(Number);
const named = (text, separator) => (text ?? "").split(separator).filter(Boolean).map((part) => part.split(":"));

function stage() {
  const size = Number(query.get("size") ?? 512);
  const renderer = new THREE.WebGLRenderer({ antialias: true, preserveDrawingBuffer: true });
  renderer.setSize(size, size);
  document.body.append(renderer.domElement);
  const scene = new THREE.Scene();
  scene.background = new THREE.Color(1, 1, 1);
  scene.add(new THREE.AmbientLight(0xffffff, Math.PI)); // for a head without a picture; ours are unlit
  return { renderer, scene };
}

function cameraAt(origin) {
  const camera = new THREE.PerspectiveCamera(Number(query.get("fov") ?? PORTRAIT_FOV), 1, NEAREST, FARTHEST);
  camera.position.set(...triple(query.get("position") ?? "0,0,2")).add(origin);
  camera.lookAt(new THREE.Vector3(...triple(query.get("target") ?? "0,0,0")).add(origin));
  return camera;
}

async function loadVrm(url) {
  const loader = new GLTFLoader();
  loader.register((parser) => new VRMLoaderPlugin(parser));
  const { vrm } = (await loader.loadAsync(url)).userData;
  vrm.scene.traverse((object) => (object.frustumCulled = false)); // bounds at rest say little of a moving head
  return vrm;
}

function pose(vrm, { expressions = {}, joints = {} }) {
  vrm.expressionManager.resetValues();
  vrm.humanoid.resetNormalizedPose();
  for (const [name, weight] of Object.entries(expressions)) vrm.expressionManager.setValue(name, weight);
  for (const [name, turn] of Object.entries(joints)) {
    const axis = new THREE.Vector3(...turn), angle = axis.length();
    vrm.humanoid.getNormalizedBoneNode(BONES[name])?.quaternion.setFromAxisAngle(axis.normalize(), angle);
  }
  vrm.update(0);
}

try {
  const { renderer, scene } = stage(), vrm = await loadVrm(query.get("avatar") ?? "avatar.vrm");
  scene.add(vrm.scene);
  const { splats } = vrm.scene.getObjectByName("HeadRig").userData; // where the splats are, and where their origin belongs
  const camera = cameraAt(new THREE.Vector3(...splats.translation));
  window.vrm = vrm;
  window.frame = () => renderer.render(scene, camera);
  window.pose = (wanted) => (pose(vrm, wanted), window.frame());
  window.pose({
    expressions: Object.fromEntries(named(query.get("expression"), ",").map(([name, weight]) => [name, Number(weight)])),
    joints: Object.fromEntries(named(query.get("joints"), ";").map(([name, turn]) => [name, triple(turn)])),
  });
  window.ready = true;
} catch (error) {
  window.failure = String(error?.stack ?? error);
}
