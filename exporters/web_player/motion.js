// What moves a head when nobody does: clips of the file, and idle life.

const LIDS = ["eyeBlinkLeft", "eyeBlinkRight"], BLINK = { least: 2, most: 6, seconds: 0.22 }; // between two; one takes
const SACCADE = { least: 0.6, most: 2.8, yaw: 0.09, pitch: 0.045 }; // seconds of a look, radians of the eyes
const BREATH = { hertz: 0.24, pitch: 0.006 }; // radians of the neck
const SWAY = { hertz: [0.07, 0.11, 0.05], turn: [0.016, 0.028, 0.01] }; // of the neck about x, y, z, radians

/** The clip's pose at that time, interpolated between its keys; a clip repeats. */
export function poseAt(clip, rig, seconds) {
  const pose = { expressions: {}, joints: {}, translation: [0, 0, 0] };
  for (const track of clip.tracks) {
    const value = valueAt(track, clip.duration > 0 ? seconds % clip.duration : 0);
    if (track.path === "weights") rig.expressionNames.forEach((name, k) => { pose.expressions[name] = value[k]; });
    else if (track.path === "rotation") pose.joints[rig.jointNames[track.joint]] = axisAngle(value);
    else pose.translation = value;
  }
  return pose;
}

function valueAt({ times, values, width, steps }, time) {
  const later = times.findIndex((each) => each > time), after = later < 0 ? times.length - 1 : later;
  const before = later < 0 ? after : Math.max(0, after - 1), gap = times[after] - times[before];
  const part = steps || gap === 0 ? 0 : (time - times[before]) / gap;
  const [a, b] = [before, after].map((frame) => Array.from(values.subarray(width * frame, width * (frame + 1))));
  return a.map((value, i) => (1 - part) * value + part * b[i]);
}

// Of a quaternion xyzw of any length.
function axisAngle([x, y, z, w]) {
  const sine = Math.hypot(x, y, z), angle = 2 * Math.atan2(sine, Math.abs(w)) * (w < 0 ? -1 : 1);
  return [x, y, z].map((value) => (sine > 0 ? angle * value / sine : 0));
}

/** Blinks, breath, small movements of eyes and head: the same for the same seed. */
export class Idle {
  constructor(seed) {
    this.state = seed >>> 0;
    this.phases = SWAY.turn.map(() => this.between(0, 2 * Math.PI));
    [this.blink, this.look] = [null, { until: 0, eyes: [0, 0, 0] }];
  }

  /** Adds what moves at that time, which never runs backwards, to a pose. */
  enliven({ expressions, joints }, seconds) {
    this.blink ??= seconds + this.between(0, BLINK.least);
    const closing = (seconds - this.blink) / BLINK.seconds, blinking = closing > 0 && closing < 1;
    const lid = blinking ? Math.sin(Math.PI * closing) ** 2 : 0;
    if (closing >= 1) this.blink = seconds + this.between(BLINK.least, BLINK.most);
    if (seconds >= this.look.until) {
      const eyes = [this.between(-1, 1) * SACCADE.pitch, this.between(-1, 1) * SACCADE.yaw, 0];
      this.look = { until: seconds + this.between(SACCADE.least, SACCADE.most), eyes };
    }
    const wave = (hertz, phase) => Math.sin(2 * Math.PI * hertz * seconds + phase);
    const neck = SWAY.turn.map((turn, axis) => turn * wave(SWAY.hertz[axis], this.phases[axis]));
    neck[0] += BREATH.pitch * wave(BREATH.hertz, 0);
    for (const name of LIDS) expressions[name] = Math.max(lid, expressions[name] ?? 0);
    for (const [name, turn] of Object.entries({ neck, eye_left: this.look.eyes, eye_right: this.look.eyes })) {
      joints[name] = turn.map((value, axis) => value + (joints[name]?.[axis] ?? 0));
    }
  }

  // Numerical Recipes' linear congruential generator: 32 bits are enough for blinks.
  between(low, high) {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) >>> 0;
    return low + (high - low) * this.state / 2 ** 32;
  }
}
