// Makes face_cap.csv from facecap.glb (in openfacefx/studio_web/assets of the Python package openfacefx 0.24.0, sha256 6bfce6d0fcbb5839...).
// npm install meshoptimizer && node make_face_cap.mjs facecap.glb face_cap.csv
// The recording's frame: face along +Y, up along -Z, subject's left along +X, in centimetres. Ours: (x, y, z) -> (x, -z, y).
import fs from "fs";
import { createRequire } from "module";
import path from "path";

const require = createRequire(path.resolve(process.cwd(), "here.js"));
const { MeshoptDecoder } = await import(require.resolve("meshoptimizer"));
await MeshoptDecoder.ready;

const [glbFile, csvFile] = process.argv.slice(2);
const glb = fs.readFileSync(glbFile);
const jsonBytes = glb.readUInt32LE(12);
const gltf = JSON.parse(glb.subarray(20, 20 + jsonBytes));
const bin = glb.subarray(20 + jsonBytes + 8);

function viewBytes(view) {
  const packed = view.extensions?.EXT_meshopt_compression;
  const source = packed ?? view;
  const bytes = bin.subarray(source.byteOffset ?? 0, (source.byteOffset ?? 0) + source.byteLength);
  if (!packed) return bytes;
  const out = new Uint8Array(packed.count * packed.byteStride);
  MeshoptDecoder.decodeGltfBuffer(out, packed.count, packed.byteStride, bytes, packed.mode, packed.filter);
  return out;
}

const READ = {
  5121: [1, (d, p) => d.getUint8(p) / 255],
  5122: [2, (d, p) => d.getInt16(p, true) / 32767],
  5126: [4, (d, p) => d.getFloat32(p, true)],
};
function accessor(index) {
  const a = gltf.accessors[index];
  const view = gltf.bufferViews[a.bufferView];
  const bytes = viewBytes(view);
  const data = new DataView(bytes.buffer, bytes.byteOffset);
  const width = { SCALAR: 1, VEC3: 3, VEC4: 4 }[a.type];
  const [size, read] = READ[a.componentType];
  const stride = view.byteStride ?? view.extensions?.EXT_meshopt_compression?.byteStride ?? width * size;
  return Array.from({ length: a.count }, (_, row) =>
    Array.from({ length: width }, (_, column) => read(data, (a.byteOffset ?? 0) + row * stride + column * size)));
}

const channels = gltf.animations.flatMap((a) => a.channels.map((c) => ({ ...c.target, ...a.samplers[c.sampler] })));
const targets = gltf.meshes.find((m) => m.extras?.targetNames).extras.targetNames;
const names = targets.map((n) => n.replace(/_L$/, "Left").replace(/_R$/, "Right"));
const sorted = [...names].sort();
const weights = accessor(channels.find((c) => c.path === "weights").output).flat();
// The last channels turn the whole head; the eyes' own rotations repeat the eyeLook weights and are left out.
const turns = accessor(channels.filter((c) => c.path === "rotation").at(-1).output);

function axisAngle([x, y, z, w]) {
  const sine = Math.hypot(x, y, z);
  const scale = sine > 1e-9 ? (2 * Math.atan2(sine, w)) / sine : 2;
  return [x * scale, -z * scale, y * scale];
}
const cell = (value) => String(+value.toFixed(4) || 0);
const rows = turns.map((turn, frame) => [
  (frame / 30).toFixed(5).replace(/\.?0+$/, ""),
  ...sorted.map((name) => cell(Math.min(1, Math.max(0, weights[frame * names.length + names.indexOf(name)])))),
  ...axisAngle(turn).map(cell),
]);
fs.writeFileSync(csvFile, [["time", ...sorted, "neck_x", "neck_y", "neck_z"], ...rows].map((r) => r.join(",")).join("\n") + "\n");
