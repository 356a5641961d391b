// An avatar.glb read: hostile until checked. The layout is docs/asset-format.md's, the checks are the Python reader's.

import { FLOAT, Glb, UBYTE, UINT, USHORT, demand, isObject } from "./glb.js";

const FORMATS = [1, 2], RIG = "HeadRig", SPLATS = "HeadSplats", EYEWEAR = "eyewear", SHOULDERS = "torso";
const MAX_JOINTS = 256, MAX_EXPRESSIONS = 1024, MAX_CLIPS = 256, MAX_REGIONS = 256;
const MOST_METRES = 100, SKIN_WEIGHT_TOLERANCE = 1e-4, LEAST_QUATERNION = 1e-6;
const MOST_MEAN = 1e4, MOST_ROTATION = 1e3, LOG_SCALES = [-30, 5], MOST_LOGIT = 100, MOST_COLOR = 100; // of splats
const MOST_SECONDS = 1e6, MOST = { weights: 10, rotation: 1.001, translation: MOST_METRES }; // of animations

/** The avatar in a GLB, arrays flat: vertices 3 v, skinWeights v j, means 3 n. Throws an Error in words. */
export function readAvatar(buffer) {
  const glb = new Glb(buffer), block = glb.document.asset?.extras?.facecraft4d;
  demand(isObject(block), "a glTF file, but not an avatar that facecraft4d wrote");
  demand(FORMATS.includes(block.format_version), `expected avatar format ${FORMATS}, found ${block.format_version}`);
  const rig = readRig(glb, block), splats = readSplats(glb, rig.triangles.length / 3);
  return { rig, splats, clips: readClips(glb, rig), provenance: readProvenance(block.provenance) };
}

function meshNamed(glb, name) {
  const meshes = Array.isArray(glb.document.meshes) ? glb.document.meshes : [];
  const index = meshes.findIndex((mesh) => mesh?.name === name), primitive = meshes[index]?.primitives?.[0];
  demand(isObject(primitive?.attributes), `has no mesh ${name}`);
  return { index, mesh: meshes[index], primitive, attributes: primitive.attributes };
}

function readRig(glb, block) {
  const { index, mesh, primitive, attributes } = meshNamed(glb, RIG);
  const positions = within("vertices", glb.array(attributes.POSITION, "VEC3", [FLOAT]), -MOST_METRES, MOST_METRES);
  const points = positions.length / 3, sources = readSources(glb, block, points), count = sources.own;
  const joints = readJoints(glb), width = joints.jointNames.length;
  const names = textList(mesh.extras?.targetNames, MAX_EXPRESSIONS), targets = primitive.targets ?? [];
  demand(Array.isArray(targets) && targets.length === names.length, "its morph targets and their names do not fit");
  return {
    mesh: index,
    vertices: positions.slice(0, 3 * count),
    ...readTriangles(glb, block, primitive, sources),
    expressionNames: names,
    expressionDeltas: targets.map((target) => readDeltas(glb, target?.POSITION, points, count)),
    ...joints,
    skinWeights: readSkinWeights(glb, attributes, points, count, width),
    ...readCorrections(glb, block, count, names.length * width, 9 * (width - 1)),
  };
}

// Rig vertex of each of the mesh's: the rig's own come first, then doubles at seams of the texture.
function readSources(glb, block, points) {
  const doubled = block.doubled_vertices, doubles = doubled === undefined ? [] : glb.array(doubled, "SCALAR", [UINT]);
  const own = points - doubles.length;
  demand(own > 0 && doubles.every((source) => source < own), "a doubled vertex doubles one that the rig does not have");
  return { own, points, of: (vertex) => (vertex < own ? vertex : doubles[vertex - own]) };
}

// The rig's triangles, those that no mesh shows (glasses) put back into their places, and which of them are shoulders.
function readTriangles(glb, block, primitive, sources) {
  const indices = (accessor) => glb.array(accessor, "SCALAR", [USHORT, UINT]), hiding = "eyewear_indices" in block;
  const regions = glb.array(block.triangle_regions, "SCALAR", [UBYTE]);
  const shown = indices(primitive.indices).values(), hidden = hiding ? indices(block.eyewear_indices).values() : null;
  const [eyewear, torso] = [EYEWEAR, SHOULDERS].map((name) => textList(block.region_names, MAX_REGIONS).indexOf(name));
  const triangles = Uint32Array.from({ length: 3 * regions.length }, (_, corner) => {
    const { value: vertex } = (regions[Math.floor(corner / 3)] === eyewear && hiding ? hidden : shown).next();
    demand(vertex < sources.points, "its triangles do not fit their regions, or have vertices that are not there");
    return sources.of(vertex);
  });
  demand(shown.next().done && (hidden?.next().done ?? true), "it has more triangles than regions of them");
  return { triangles, onShoulders: regions.map((region) => Number(region === torso)) };
}

// A set of displacements without its rows of zeros, and without the doubles, which follow what they double.
function readDeltas(glb, accessor, points, count) {
  const { rows, values } = glb.movedRows(accessor, "VEC3", points);
  const beyond = rows.findIndex((row) => row >= count), kept = beyond < 0 ? rows.length : beyond;
  const deltas = within("displacements", values.subarray(0, 3 * kept), -MOST_METRES, MOST_METRES);
  return { rows: rows.subarray(0, kept), deltas };
}

// Pose correctives and joints that follow the face: FLAME's; null elsewhere.
function readCorrections(glb, { pose_deltas: sets, joint_deltas: moved }, vertices, joints, count) {
  demand(sets === undefined || (Array.isArray(sets) && sets.length === count), `must have ${count} pose correctives`);
  const turns = moved === undefined ? null : glb.array(moved, "VEC3", [FLOAT], joints);
  return {
    jointDeltas: turns && within("joint deltas", turns, -MOST_METRES, MOST_METRES),
    poseDeltas: sets?.map((accessor) => readDeltas(glb, accessor, vertices, vertices)) ?? null,
  };
}

function readJoints(glb) {
  const skin = glb.item("skins", 0), joints = skin.joints;
  const sound = Array.isArray(joints) && joints.length > 0 && joints.length <= MAX_JOINTS;
  demand(sound && new Set(joints).size === joints.length, `must have 1 to ${MAX_JOINTS} joints, none of them twice`);
  const nodes = joints.map((joint) => glb.item("nodes", joint)), parents = new Array(joints.length).fill(-1);
  nodes.forEach((node, parent) => {
    for (const child of Array.isArray(node.children) ? node.children : []) {
      const index = joints.indexOf(child);
      demand(index < 0 || index > parent, "a joint comes before its parent");
      if (index >= 0) parents[index] = parent;
    }
  });
  const matrices = glb.array(skin.inverseBindMatrices, "MAT4", [FLOAT], joints.length);
  const positions = Float32Array.from(nodes.flatMap((_, j) => [12, 13, 14].map((at) => -matrices[16 * j + at])));
  return {
    jointNodes: joints,
    jointNames: textList(nodes.map((node) => node.name), MAX_JOINTS),
    jointParents: parents,
    jointPositions: within("joints", positions, -MOST_METRES, MOST_METRES),
  };
}

function readSkinWeights(glb, attributes, points, count, width) {
  const total = glb.zeros(count * width), sums = glb.zeros(count);
  for (let group = 0; `JOINTS_${group}` in attributes; group++) {
    const joints = glb.array(attributes[`JOINTS_${group}`], "VEC4", [UBYTE], points);
    const weights = glb.array(attributes[`WEIGHTS_${group}`], "VEC4", [FLOAT], points);
    within("skin weights", weights, 0, 1 + SKIN_WEIGHT_TOLERANCE);
    for (let i = 0; i < 4 * count; i++) {
      demand(joints[i] < width, `a vertex follows joint ${joints[i]} of ${width}`);
      total[Math.floor(i / 4) * width + joints[i]] += weights[i];
      sums[Math.floor(i / 4)] += weights[i];
    }
  }
  within("sums of skin weights", sums, 1 - SKIN_WEIGHT_TOLERANCE, 1 + SKIN_WEIGHT_TOLERANCE);
  return total;
}

function readSplats(glb, faces) {
  const { attributes } = meshNamed(glb, SPLATS);
  demand("_BIND_0" in attributes, "has no binding of its splats: export it --for player or all, not --for engine");
  const first = glb.array(attributes._BIND_0, "VEC4", [FLOAT]), count = first.length / 4;
  const rest = [1, 2, 3].map((i) => glb.array(attributes[`_BIND_${i}`], "VEC4", [FLOAT], count));
  const [rotations, third, fourth] = rest;
  const columns = (from, start, width) => {
    const values = glb.zeros(count * width);
    for (let i = 0; i < count; i++) values.set(from.subarray(4 * i + start, 4 * i + start + width), i * width);
    return values;
  };
  const triangles = within("triangles of splats", columns(first, 3, 1), 0, faces - 1);
  demand(triangles.every(Number.isInteger), "a splat's triangle is not a whole number");
  const lengths = Float32Array.from({ length: count }, (_, i) => Math.hypot(...rotations.subarray(4 * i, 4 * i + 4)));
  within("lengths of splats' rotations", lengths, LEAST_QUATERNION, 2 * MOST_ROTATION);
  return {
    count,
    triangles: Uint32Array.from(triangles),
    means: within("means of splats", columns(first, 0, 3), -MOST_MEAN, MOST_MEAN),
    rotationsWxyz: rotations,
    logScales: within("log scales of splats", columns(third, 0, 3), ...LOG_SCALES),
    opacityLogits: within("opacity logits of splats", columns(third, 3, 1), -MOST_LOGIT, MOST_LOGIT),
    colors: within("colours of splats", columns(fourth, 0, 3), -MOST_COLOR, MOST_COLOR),
  };
}

// glTF animations as tracks: of the expressions, of a joint's rotation (xyzw), of the head's translation.
function readClips(glb, rig) {
  const animations = glb.document.animations ?? [];
  demand(Array.isArray(animations) && animations.length <= MAX_CLIPS, `must have at most ${MAX_CLIPS} animations`);
  return animations.map((animation, index) => {
    const { channels, samplers, name = `clip ${index + 1}` } = animation ?? {};
    demand(Array.isArray(channels) && Array.isArray(samplers), `animation ${index} is malformed`);
    const tracks = channels.map((channel) => readTrack(glb, rig, samplers, channel)).filter(Boolean);
    return { name: String(name), duration: Math.max(0, ...tracks.map((track) => track.times.at(-1))), tracks };
  });
}

// null for what is no part of the head.
function readTrack(glb, rig, samplers, channel) {
  const { node, path } = channel?.target ?? {}, joint = rig.jointNodes.indexOf(node);
  const turns = joint >= 0 && path === "rotation", shifts = path === "translation" && rig.jointParents[joint] === -1;
  if (!turns && !shifts && !(path === "weights" && glb.item("nodes", node).mesh === rig.mesh)) return null;
  const sampler = samplers[channel.sampler], kind = sampler?.interpolation ?? "LINEAR";
  demand(isObject(sampler) && ["LINEAR", "STEP"].includes(kind), "an animation is neither linear nor in steps");
  const times = within("times", glb.array(sampler.input, "SCALAR", [FLOAT]), 0, MOST_SECONDS), frames = times.length;
  demand(times.every((time, i) => i === 0 || time > times[i - 1]), "the times of an animation do not increase");
  const width = { weights: rig.expressionNames.length, rotation: 4, translation: 3 }[path];
  const [type, count] = path === "weights" ? ["SCALAR", frames * width] : [`VEC${width}`, frames];
  const values = within(`${path} in time`, glb.array(sampler.output, type, [FLOAT], count), -MOST[path], MOST[path]);
  if (shifts) values.forEach((_, i) => { values[i] -= rig.jointPositions[3 * joint + (i % 3)]; });
  return { path, joint, width, times, values, steps: kind === "STEP" };
}

// Licences, and whether commercial use is allowed: by none of the ingredients refused, by none left in doubt.
function readProvenance(block) {
  const list = Array.isArray(block?.ingredients) ? block.ingredients.filter(isObject) : [];
  const words = new Map([["yes", "yes"], [true, "yes"], ["no", "no"], [false, "no"]]);
  const found = list.map((each) => words.get(each.commercial_use) ?? "unknown");
  const verdict = ["no", "unknown", "yes"].find((word) => found.includes(word)) ?? "unknown";
  return { licences: [...new Set(list.map((each) => String(each.licence)))], verdict };
}

function textList(list, most) {
  const sound = Array.isArray(list) && list.length <= most && list.every((each) => typeof each === "string");
  demand(sound, `expected a list of at most ${most} names`);
  return list;
}

// The array, every number of which is finite and in that range.
function within(what, array, low, high) {
  const wrong = array.findIndex((value) => !(value >= low && value <= high));
  demand(wrong < 0, `${what} must lie within ${low} and ${high}, found ${array[wrong]}`);
  return array;
}
