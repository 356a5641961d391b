// The page: a white scene, the camera that the address describes, one head.

import * as pc from "playcanvas";
import { appearance, present, view } from "../common/page.js";
import { PlayCanvasHead } from "./head.js";

async function stage() {
  const canvas = document.body.appendChild(document.createElement("canvas"));
  const device = await pc.createGraphicsDevice(canvas, { deviceTypes: [pc.DEVICETYPE_WEBGL2], antialias: false, preserveDrawingBuffer: true });
  const options = new pc.AppOptions(), app = new pc.AppBase(canvas);
  options.graphicsDevice = device;
  options.componentSystems = [pc.CameraComponentSystem, pc.GSplatComponentSystem];
  options.resourceHandlers = [pc.TextureHandler, pc.GSplatHandler];
  app.init(options);
  app.setCanvasFillMode(pc.FILLMODE_NONE, view.width, view.height);
  app.setCanvasResolution(pc.RESOLUTION_FIXED, view.width, view.height);
  app.autoRender = false;
  app.scene.gsplat.dataFormat = pc.GSPLATDATA_LARGE; // floats; the compact format has colours of 10 bits and coarser scales
  drawAsTrained(app, device);
  app.start();
  const eye = camera();
  app.root.addChild(eye);
  return { app, device, canvas, look: (position) => turned(eye, position), draw: () => frame(app) };
}

// Our splats are trained with a low-pass filter of 0.3 square pixels; the engine adds 0.3 quarters of one, which sharpens them too much.
function drawAsTrained(app, device) {
  const chunk = pc.ShaderChunks.get(device, pc.SHADERLANGUAGE_GLSL).get("gsplatCornerVS"), wanted = chunk.replaceAll("+ 0.3", "+ 1.2");
  if (wanted === chunk) throw new Error("this version of PlayCanvas filters splats in another way");
  app.scene.gsplat.material.getShaderChunks(pc.SHADERLANGUAGE_GLSL).set("gsplatCornerVS", wanted);
  app.scene.gsplat.material.update();
}

function camera() {
  const entity = new pc.Entity("camera");
  entity.addComponent("camera", { clearColor: new pc.Color(1, 1, 1), fov: view.fov, nearClip: view.near, farClip: view.far });
  return turned(entity, view.position);
}

function turned(entity, position) {
  entity.setPosition(...position);
  entity.lookAt(...view.target);
  return entity;
}

// One frame of the engine's own loop.
function frame(app) {
  return new Promise((resolve) => {
    app.once("frameend", resolve);
    app.renderNextFrame = true;
  });
}

async function build(avatar, rest) {
  const { app, device, ...shown } = await stage(), head = new PlayCanvasHead(device, rest, appearance(avatar.splats));
  app.root.addChild(head.entity);
  return { ...shown, place: (splats) => head.place(splats) };
}

async function still(url) {
  const { app, device, ...shown } = await stage(), asset = new pc.Asset("still", "gsplat", { url });
  app.assets.add(asset);
  await new Promise((resolve, reject) => {
    asset.ready(resolve);
    asset.on("error", (reason) => reject(new Error(reason)));
    app.assets.load(asset);
  });
  const entity = new pc.Entity("still");
  entity.addComponent("gsplat", { asset });
  app.root.addChild(entity);
  return shown;
}

await present(build, still);
