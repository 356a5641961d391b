// Weights that another window sends: what is not of this rig is ignored, every number is checked and clamped.

import { clamp } from "./camera.js";

const MOST_ENTRIES = 1024, MOST_TURN = Math.PI; // radians, of each component of a joint's rotation

/** The pose in a message {type: "facecraft4d", weights: {name: 0 to 1}, joints: {name: [x, y, z]}}; null in others. */
export function readMessage(data, rig) {
  const { type, weights = {}, joints = {} } = data ?? {};
  if (type !== "facecraft4d" || !isTable(weights) || !isTable(joints)) return null;
  const turned = (turn) => Array.isArray(turn) && turn.length === 3 && turn.every(Number.isFinite);
  return {
    expressions: pick(weights, rig.expressionNames, Number.isFinite, (weight) => clamp(weight, 0, 1)),
    joints: pick(joints, rig.jointNames, turned, (turn) => turn.map((value) => clamp(value, -MOST_TURN, MOST_TURN))),
  };
}

const isTable = (value) => typeof value === "object" && value !== null && Object.keys(value).length <= MOST_ENTRIES;

function pick(table, names, sound, read) {
  const found = names.filter((name) => Object.hasOwn(table, name) && sound(table[name]));
  return Object.fromEntries(found.map((name) => [name, read(table[name])]));
}
