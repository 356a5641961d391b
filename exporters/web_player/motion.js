// What moves a head when nobody does: clips of the file, and idle life.

const BLINK = { least: 2, most: 6, seconds: 0.22 }; // seconds between two, and that one takes
const SACCADE = { least: 0.6, most: 2.8, yaw: 0.09, pitch: 0.045 }; // seconds of a look, radians of the eyes
const BREATH = { hertz: 0.24, pitch: 0.006 }; // radians of the neck
const SWAY = { hertz: [0.07, 0.11, 0.05], turn: [0.016, 0.028, 0.01] }; // of the neck about x, y, z, radians

/** The clip's pose at that time, interpolated between its keys; a clip repeats. */
export function poseAt(clip, rig, seconds) {
  const pose = { expressions: {}, joints: {}, translation: [0, 0, 0] }, time = clip.duration > 0 ? seconds % clip.duration : 0;
  for (const track of clip.tracks) {
    const value = valueAt(track, time);
    if (track.path === "weights") pose.expressions = Object.fromEntries(rig.expressionNames.map((name, k) => [name, value[k]]));
    else if (track.path === "rotation") pose.joints[rig.jointNames[track.joint]] = axisAngle(value);
    else pose.translation = value;
  }
  return pose;
}

function valueAt({ times, values, width, steps }, time) {
  let after = times.findIndex((each) => each > time);
  if (after < 0) after = times.length - 1;
  const before = Math.max(0, time >= times[after] ? after : after - 1), gap = times[after] - times[before];
  const part = steps || gap <= 0 ? 0 : Math.min(Math.max((time - times[before]) / gap, 0), 1);
  const [a, b] = [before, after].map((frame) => Array.from(values.subarray(width * frame, width * (frame + 1))));
  const sign = width === 4 && a.reduce((sum, value, i) => sum + value * b[i], 0) < 0 ? -1 : 1; // the short way round
  return a.map((value, i) => (1 - part) * value + part * sign * b[i]);
}

function axisAngle([x, y, z, w]) {
  const sine = Math.hypot(x, y, z), sign = w < 0 ? -1 : 1;
  const factor = sine > 0 ? sign * 2 * Math.atan2(sine, Math.abs(w)) / sine : 0;
  return [x * factor, y * factor, z * factor];
}

/** Blinks, breath, small movements of eyes and head: the same for the same seed. */
export class Idle {
  constructor(seed) {
    this.state = seed >>> 0;
    this.phases = [0, 1, 2].map(() => 2 * Math.PI * this.random());
    this.blink = BLINK.least * this.random();
    this.look = { until: 0, yaw: 0, pitch: 0 };
  }

  /** The pose at that time, which never runs backwards. */
  at(seconds) {
    const closing = (seconds - this.blink) / BLINK.seconds, lid = closing > 0 && closing < 1 ? Math.sin(Math.PI * closing) ** 2 : 0;
    if (closing >= 1) this.blink = seconds + this.between(BLINK.least, BLINK.most);
    if (seconds >= this.look.until) {
      const until = seconds + this.between(SACCADE.least, SACCADE.most);
      this.look = { until, yaw: this.between(-1, 1) * SACCADE.yaw, pitch: this.between(-1, 1) * SACCADE.pitch };
    }
    const turns = (hertz, phase) => Math.sin(2 * Math.PI * hertz * seconds + phase);
    const neck = SWAY.turn.map((turn, axis) => turn * turns(SWAY.hertz[axis], this.phases[axis]));
    neck[0] += BREATH.pitch * turns(BREATH.hertz, 0);
    const eyes = [this.look.pitch, this.look.yaw, 0];
    return { expressions: { eyeBlinkLeft: lid, eyeBlinkRight: lid }, joints: { neck, eye_left: eyes, eye_right: eyes } };
  }

  between(low, high) {
    return low + (high - low) * this.random();
  }

  // Numerical Recipes' linear congruential generator: 32 bits are enough for blinks.
  random() {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) >>> 0;
    return this.state / 2 ** 32;
  }
}
