// An avatar.glb read: hostile until checked. The layout is that of docs/asset-format.md, the checks are those of the Python reader.

import { FLOAT, Glb, UBYTE, UINT, USHORT, demand, isCount, isObject } from "./glb.js";

const FORMAT_VERSION = 2;
const RIG = "HeadRig", SPLATS = "HeadSplats", EYEWEAR = "eyewear";
const MAX_JOINTS = 256, MAX_EXPRESSIONS = 1024, MAX_CLIPS = 256;
const MOST_METRES = 100, SKIN_WEIGHT_TOLERANCE = 1e-4, LEAST_QUATERNION = 1e-6;
// what the numbers of a splat may be: far beyond all that is ever seen, and finite once they are drawn
const LOCAL = { mean: [-1e4, 1e4], rotation: [-1e3, 1e3], logScale: [-30, 5], logit: [-100, 100], color: [-100, 100] };
const MOST_WEIGHT = 10, MOST_SECONDS = 1e6; // of clips

/** The avatar in a GLB. Arrays are flat: vertices 3 v, skinWeights v j, splats' means 3 n. Throws an Error that says what is wrong. */
export function readAvatar(buffer) {
  const glb = new Glb(buffer), block = glb.document.asset?.extras?.facecraft4d;
  demand(isObject(block), "a glTF file, but not an avatar that facecraft4d wrote");
  demand([1, FORMAT_VERSION].includes(block.format_version), `expected avatar format 1 to ${FORMAT_VERSION}, found ${block.format_version}`);
  const rig = readRig(glb, block), splats = readSplats(glb, SPLATS, rig.triangles.length / 3);
  return { rig, splats, clips: readClips(glb, rig), provenance: readProvenance(block.provenance) };
}

function meshNamed(glb, name) {
  const meshes = Array.isArray(glb.document.meshes) ? glb.document.meshes : [];
  const index = meshes.findIndex((mesh) => isObject(mesh) && mesh.name === name), mesh = meshes[index];
  const primitive = mesh?.primitives?.[0];
  demand(isObject(primitive?.attributes), `has no mesh ${name}`);
  return { index, mesh, primitive, attributes: primitive.attributes };
}

function readRig(glb, block) {
  const { index, mesh, primitive, attributes } = meshNamed(glb, RIG);
  const positions = within("vertices", glb.array(attributes.POSITION, "VEC3", [FLOAT]), -MOST_METRES, MOST_METRES);
  const points = positions.length / 3, sources = readSources(glb, block, points);
  const count = sources.own, joints = readJoints(glb), names = textList(mesh.extras?.targetNames, MAX_EXPRESSIONS);
  const targets = primitive.targets ?? [];
  demand(Array.isArray(targets) && targets.length === names.length, "its morph targets and their names differ in number");
  return {
    mesh: index,
    vertices: positions.slice(0, 3 * count),
    triangles: readTriangles(glb, block, primitive, sources),
    expressionNames: names,
    expressionDeltas: targets.map((target) => readDeltas(glb, target?.POSITION, points, count)),
    ...joints,
    skinWeights: readSkinWeights(glb, attributes, points, count, joints.jointNames.length),
    jointDeltas: readJointDeltas(glb, block, names.length * joints.jointNames.length),
    poseDeltas: readPoseDeltas(glb, block, count, joints.jointNames.length),
  };
}

// Rig vertex of each of the mesh's: the rig's own come first, then doubles at seams of the texture.
function readSources(glb, block, points) {
  const doubles = "doubled_vertices" in block ? glb.array(block.doubled_vertices, "SCALAR", [UINT]) : new Uint32Array(0);
  const own = points - doubles.length;
  demand(own > 0 && doubles.every((source) => source < own), "a doubled vertex stands for one that the rig does not have");
  return { own, of: (vertex) => (vertex < own ? vertex : doubles[vertex - own]), points };
}

// The rig's triangles: those that no mesh shows (glasses) are put back into their places.
function readTriangles(glb, block, primitive, sources) {
  const regions = glb.array(block.triangle_regions, "SCALAR", [UBYTE]);
  const shown = glb.array(primitive.indices, "SCALAR", [USHORT, UINT]);
  const hiding = "eyewear_indices" in block;
  const hidden = hiding ? glb.array(block.eyewear_indices, "SCALAR", [USHORT, UINT]) : new Uint16Array(0);
  const eyewear = hiding ? textList(block.region_names, 256).indexOf(EYEWEAR) : -1;
  demand(shown.length + hidden.length === 3 * regions.length, "its triangles and their regions differ in number");
  const triangles = new Uint32Array(3 * regions.length), next = { shown: 0, hidden: 0 };
  regions.forEach((region, face) => {
    const [from, key] = region === eyewear ? [hidden, "hidden"] : [shown, "shown"];
    demand(next[key] + 3 <= from.length, "its triangles of eyewear do not fit their regions");
    for (let corner = 0; corner < 3; corner++) {
      const vertex = from[next[key]++];
      demand(vertex < sources.points, `a triangle has vertex ${vertex} of ${sources.points}`);
      triangles[3 * face + corner] = sources.of(vertex);
    }
  });
  return triangles;
}

// One set of displacements without its rows of zeros, and without the doubles, which follow the vertices that they double.
function readDeltas(glb, accessor, points, count) {
  const { rows, values } = glb.movedRows(accessor, "VEC3", points);
  const own = rows.findIndex((row) => row >= count), kept = own < 0 ? rows.length : own;
  return { rows: rows.subarray(0, kept), deltas: within("displacements", values.subarray(0, 3 * kept), -MOST_METRES, MOST_METRES) };
}

function readPoseDeltas(glb, block, count, joints) {
  if (!("pose_deltas" in block)) return null;
  const sets = block.pose_deltas;
  demand(Array.isArray(sets) && sets.length === 9 * (joints - 1), `must have ${9 * (joints - 1)} pose correctives`);
  return sets.map((accessor) => readDeltas(glb, accessor, count, count));
}

function readJointDeltas(glb, block, count) {
  if (!("joint_deltas" in block)) return null;
  return within("joint deltas", glb.array(block.joint_deltas, "VEC3", [FLOAT], count), -MOST_METRES, MOST_METRES);
}

function readJoints(glb) {
  const skin = glb.item("skins", 0), joints = skin.joints;
  demand(Array.isArray(joints) && joints.length > 0 && joints.length <= MAX_JOINTS, `must have 1 to ${MAX_JOINTS} joints`);
  demand(new Set(joints).size === joints.length, "its skin names a joint twice");
  const nodes = joints.map((joint) => glb.item("nodes", joint)), parents = new Array(joints.length).fill(-1);
  nodes.forEach((node, parent) => {
    for (const child of Array.isArray(node.children) ? node.children : []) {
      const index = joints.indexOf(child);
      demand(index < 0 || index > parent, "a joint comes before its parent");
      if (index >= 0) parents[index] = parent;
    }
  });
  const matrices = glb.array(skin.inverseBindMatrices, "MAT4", [FLOAT], joints.length);
  const positions = Float32Array.from({ length: 3 * joints.length }, (_, i) => -matrices[16 * Math.floor(i / 3) + 12 + (i % 3)]);
  return {
    jointNodes: joints,
    jointNames: textList(nodes.map((node) => node.name), MAX_JOINTS),
    jointParents: parents,
    jointPositions: within("joints", positions, -MOST_METRES, MOST_METRES),
  };
}

function readSkinWeights(glb, attributes, points, count, joints) {
  const total = new (glb.spend(count * joints, FLOAT))(count * joints);
  for (let group = 0; `JOINTS_${group}` in attributes; group++) {
    const indices = glb.array(attributes[`JOINTS_${group}`], "VEC4", [UBYTE], points);
    const weights = within("skin weights", glb.array(attributes[`WEIGHTS_${group}`], "VEC4", [FLOAT], points), 0, 1 + SKIN_WEIGHT_TOLERANCE);
    for (let i = 0; i < 4 * count; i++) {
      demand(indices[i] < joints, `a vertex follows joint ${indices[i]} of ${joints}`);
      total[Math.floor(i / 4) * joints + indices[i]] += weights[i];
    }
  }
  for (let vertex = 0; vertex < count; vertex++) {
    let sum = 0;
    for (let joint = 0; joint < joints; joint++) sum += total[vertex * joints + joint];
    demand(Math.abs(sum - 1) <= SKIN_WEIGHT_TOLERANCE, `the skin weights of vertex ${vertex} sum to ${sum}, not to 1`);
  }
  return total;
}

function readSplats(glb, name, faces) {
  const { attributes } = meshNamed(glb, name);
  demand("_BIND_0" in attributes, "has no binding of its splats: it was exported for engines; export it --for player or --for all");
  const first = glb.array(attributes._BIND_0, "VEC4", [FLOAT]), count = first.length / 4;
  const [rotations, third, fourth] = [1, 2, 3].map((i) => glb.array(attributes[`_BIND_${i}`], "VEC4", [FLOAT], count));
  const column = (from, width, start = 0) => {
    const values = new (glb.spend(count * width, FLOAT))(count * width);
    for (let i = 0; i < count; i++) for (let j = 0; j < width; j++) values[i * width + j] = from[4 * i + start + j];
    return values;
  };
  const triangles = Uint32Array.from(column(first, 1, 3), (triangle) => {
    demand(Number.isInteger(triangle) && triangle >= 0 && triangle < faces, `a splat lies on triangle ${triangle} of ${faces}`);
    return triangle;
  });
  for (let i = 0; i < count; i++) {
    const largest = Math.max(...rotations.subarray(4 * i, 4 * i + 4).map(Math.abs));
    demand(largest >= LEAST_QUATERNION, "a splat's rotation is zero");
  }
  return {
    count,
    triangles,
    means: within("means of splats", column(first, 3), ...LOCAL.mean),
    rotationsWxyz: within("rotations of splats", rotations, ...LOCAL.rotation),
    logScales: within("log scales of splats", column(third, 3), ...LOCAL.logScale),
    opacityLogits: within("opacity logits of splats", column(third, 1, 3), ...LOCAL.logit),
    colors: within("colours of splats", column(fourth, 3), ...LOCAL.color),
  };
}

// glTF animations as tracks of the expressions (joint -1), of joints' rotations (xyzw) and of the head's translation.
function readClips(glb, rig) {
  const animations = glb.document.animations ?? [];
  demand(Array.isArray(animations) && animations.length <= MAX_CLIPS, `must have at most ${MAX_CLIPS} animations`);
  return animations.map((animation, index) => {
    demand(Array.isArray(animation?.channels) && Array.isArray(animation.samplers), `animation ${index} is malformed`);
    const tracks = animation.channels.map((channel) => readTrack(glb, rig, animation.samplers, channel)).filter(Boolean);
    const duration = Math.max(0, ...tracks.map((track) => track.times.at(-1)));
    return { name: typeof animation.name === "string" ? animation.name : `clip ${index + 1}`, duration, tracks };
  });
}

function readTrack(glb, rig, samplers, channel) {
  const { node, path } = channel?.target ?? {}, sampler = isCount(channel?.sampler) ? samplers[channel.sampler] : null;
  const joint = rig.jointNodes.indexOf(node);
  const moves = path === "weights" ? glb.item("nodes", node).mesh === rig.mesh
    : joint >= 0 && (path === "rotation" || (path === "translation" && rig.jointParents[joint] < 0));
  if (!moves) return null; // something that is no part of the head
  demand(isObject(sampler) && ["LINEAR", "STEP", undefined].includes(sampler.interpolation), "an animation is neither linear nor in steps");
  const times = within("times", glb.array(sampler.input, "SCALAR", [FLOAT]), 0, MOST_SECONDS), frames = times.length;
  demand(times.every((time, i) => i === 0 || time > times[i - 1]), "the times of an animation do not increase");
  const width = { weights: rig.expressionNames.length, rotation: 4, translation: 3 }[path];
  const [type, count] = path === "weights" ? ["SCALAR", frames * width] : [`VEC${width}`, frames];
  const most = { weights: MOST_WEIGHT, rotation: 1 + 1e-3, translation: MOST_METRES }[path];
  const values = within(`${path} of an animation`, glb.array(sampler.output, type, [FLOAT], count), -most, most);
  if (path === "translation") { // relative to where the joint rests
    for (let i = 0; i < values.length; i++) values[i] -= rig.jointPositions[3 * joint + (i % 3)];
  }
  return { path, joint: path === "rotation" ? joint : -1, width, times, values, steps: sampler.interpolation === "STEP" };
}

function readProvenance(block) {
  const list = Array.isArray(block?.ingredients) ? block.ingredients : [];
  const text = (value) => (typeof value === "string" ? value : "");
  const use = (value) => (typeof value === "boolean" ? (value ? "yes" : "no") : ["yes", "no"].includes(value) ? value : "unknown");
  const ingredients = list.filter(isObject).map(({ name, role, licence, commercial_use: commercial }) => ({
    name: text(name), role: text(role), licence: text(licence), commercialUse: use(commercial),
  }));
  const found = ingredients.map((each) => each.commercialUse);
  return { ingredients, verdict: ["no", "unknown", "yes"].find((word) => found.includes(word)) ?? "unknown" };
}

function textList(list, most) {
  const sound = Array.isArray(list) && list.length <= most && list.every((each) => typeof each === "string");
  demand(sound, `expected a list of at most ${most} names`);
  return list;
}

// The array, every number of which is finite and in that range.
function within(what, array, low, high) {
  for (const value of array) demand(value >= low && value <= high, `${what} must lie within ${low} and ${high}, found ${value}`);
  return array;
}
