// Weights that another window sends: what is not of this rig is ignored, every number is checked and clamped.

const MOST_ENTRIES = 1024;
const MOST_TURN = Math.PI; // radians, of each component of a joint's rotation

/** The pose in a message {type: "facecraft4d", weights: {name: 0..1}, joints: {name: [x, y, z]}}, or null where it is none. */
export function readMessage(data, rig) {
  if (data?.type !== "facecraft4d") return null;
  const { weights = {}, joints = {} } = data;
  if (![weights, joints].every(isTable)) return null;
  const expressions = pick(weights, rig.expressionNames, (value) => clampedNumber(value, 0, 1));
  const turns = pick(joints, rig.jointNames, (turn) => {
    const sound = Array.isArray(turn) && turn.length === 3 && turn.every(Number.isFinite);
    return sound ? turn.map((value) => clampedNumber(value, -MOST_TURN, MOST_TURN)) : null;
  });
  return { expressions, joints: turns };
}

function isTable(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length <= MOST_ENTRIES;
}

function pick(table, names, read) {
  const entries = names.filter((name) => Object.hasOwn(table, name)).map((name) => [name, read(table[name])]);
  return Object.fromEntries(entries.filter(([, value]) => value !== null));
}

export function clampedNumber(value, low, high) {
  return Number.isFinite(value) ? Math.min(Math.max(value, low), high) : null;
}
