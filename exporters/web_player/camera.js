// A camera on a sphere around the head, as runtime/camera.py has it, and the hands that move it.

const RADIANS = Math.PI / 180;
const FOV_DEGREES = 13.4; // of the fixed portrait camera
const MARGIN = 1.1, STRAY = 0.001; // the picture's size in heads; part of the splats, on each side, that may stray out
const MAX_PITCH_DEGREES = 89, DISTANCES = [0.05, 50]; // metres
const DEGREES_PER_PIXEL = 0.4, ZOOM_PER_WHEEL = 1.0015; // CSS pixels; units of a wheel
export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** The view {target, distance, yaw, pitch, fov} that the head at rest fills at any yaw, without splats `beside` it. */
export function framing(means, beside, fov = FOV_DEGREES) {
  const whole = beside.every(Boolean), counts = (i) => whole || !beside[i];
  const axes = [0, 1, 2].map((axis) => means.filter((_, i) => i % 3 === axis && counts(Math.floor(i / 3))).sort());
  const [low, high] = [STRAY, 1 - STRAY].map((part) => axes.map((values) => quantile(values, part)));
  const half = low.map((value, axis) => (high[axis] - value) / 2), deep = Math.hypot(half[0], half[2]);
  const distance = MARGIN * Math.max(half[1], deep) / Math.tan(fov * RADIANS / 2) + deep;
  return { target: low.map((value, axis) => (value + high[axis]) / 2), distance, yaw: 0, pitch: 0, fov };
}

// Linear between neighbours.
function quantile(sorted, part) {
  const at = part * (sorted.length - 1), below = Math.floor(at), above = Math.ceil(at);
  return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}

/** A pinhole camera: cameraFromWorld (row-major, 16, OpenCV axes), focal length in pixels. fov: of the shorter side. */
export function pinhole({ target, distance, yaw, pitch, fov }, width, height) {
  const [sy, sp] = [yaw, pitch].map((angle) => Math.sin(angle * RADIANS));
  const [cy, cp] = [yaw, pitch].map((angle) => Math.cos(angle * RADIANS));
  const rows = [[cy, 0, -sy], [sy * sp, -cp, cy * sp], [-sy * cp, -sp, -cy * cp]];
  const moved = rows.map((row) => -row[0] * target[0] - row[1] * target[1] - row[2] * target[2]);
  moved[2] += distance;
  const cameraFromWorld = [...rows.flatMap((row, i) => [...row, moved[i]]), 0, 0, 0, 1];
  return { cameraFromWorld, focal: 0.5 * Math.min(width, height) / Math.tan(fov * RADIANS / 2) };
}

/** Mouse and fingers turn (one), zoom (wheel, two) and shift (right button, two) the view, until the signal. */
export function control(canvas, view, changed, signal) {
  const fingers = new Map(), home = { ...view };
  const listen = (name, act) => canvas.addEventListener(name, act, { signal, passive: false });
  const zoom = (factor) => { view.distance = clamp(view.distance / factor, ...DISTANCES); };
  const turn = (x, y) => {
    view.yaw = (view.yaw - DEGREES_PER_PIXEL * x + 540) % 360 - 180;
    view.pitch = clamp(view.pitch + DEGREES_PER_PIXEL * y, -MAX_PITCH_DEGREES, MAX_PITCH_DEGREES);
  };
  const shift = (x, y) => {
    const { cameraFromWorld: m, focal } = pinhole(view, canvas.clientWidth, canvas.clientHeight);
    view.target = view.target.map((value, axis) => value - view.distance / focal * (x * m[axis] + y * m[4 + axis]));
  };
  const place = (event) => [event.clientX, event.clientY], apart = ([a, b]) => Math.hypot(a[0] - b[0], a[1] - b[1]);
  canvas.style.touchAction = "none";
  listen("pointerdown", (event) => fingers.set(event.pointerId, place(event)));
  listen("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
  for (const name of ["pointerup", "pointercancel"]) listen(name, (event) => fingers.delete(event.pointerId));
  listen("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    const before = [...fingers.values()], was = fingers.get(event.pointerId), now = place(event);
    const [x, y] = [now[0] - was[0], now[1] - was[1]];
    fingers.set(event.pointerId, now);
    if (fingers.size === 2) {
      zoom(Math.max(1, apart([...fingers.values()])) / Math.max(1, apart(before)));
      shift(x / 2, y / 2);
    } else if (event.buttons === 2 || event.shiftKey) shift(x, y);
    else turn(x, y);
    changed();
  });
  listen("wheel", (event) => { event.preventDefault(); zoom(ZOOM_PER_WHEEL ** -event.deltaY); changed(); });
  listen("contextmenu", (event) => event.preventDefault());
  listen("dblclick", () => { Object.assign(view, home); changed(); });
}
