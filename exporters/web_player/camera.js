// A camera on a sphere around the head, as runtime/camera.py has it, and the fingers that move it.

const RADIANS = Math.PI / 180;
const FOV_Y_DEGREES = 13.4; // of the fixed portrait camera
const MARGIN = 1.1; // how much larger than the head the picture is
const STRAY = 0.001; // this part of the splats, on each side, may lie outside
const MAX_PITCH_DEGREES = 89, DISTANCES = [0.05, 50]; // metres
const DEGREES_PER_PIXEL = 0.4, ZOOM_PER_WHEEL = 1.0015; // CSS pixels; wheel units

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** The view from which the head at rest fills the picture at every yaw: {target, distance, yaw, pitch, fov}, metres and degrees. */
export function framing(means, fov = FOV_Y_DEGREES) {
  const [low, high] = [STRAY, 1 - STRAY].map((part) => [0, 1, 2].map((axis) => quantile(means, axis, part)));
  const half = low.map((value, axis) => (high[axis] - value) / 2), deep = Math.hypot(half[0], half[2]);
  const distance = MARGIN * Math.max(half[1], deep) / Math.tan(fov * RADIANS / 2) + deep;
  return { target: low.map((value, axis) => (value + high[axis]) / 2), distance, yaw: 0, pitch: 0, fov };
}

/** A pinhole camera for a picture of that size: cameraFromWorld (row-major, 16, OpenCV axes) and the focal length in pixels.
 * The field of view is that of the shorter side, so that a head fits a telephone's page. */
export function pinhole({ target, distance, yaw, pitch, fov }, width, height) {
  const [sy, cy, sp, cp] = [Math.sin(yaw * RADIANS), Math.cos(yaw * RADIANS), Math.sin(pitch * RADIANS), Math.cos(pitch * RADIANS)];
  const rows = [[cy, 0, -sy], [sy * sp, -cp, cy * sp], [-sy * cp, -sp, -cy * cp]];
  const moved = rows.map((row, i) => (i === 2 ? distance : 0) - row[0] * target[0] - row[1] * target[1] - row[2] * target[2]);
  const matrix = [...rows.flatMap((row, i) => [...row, moved[i]]), 0, 0, 0, 1];
  return { cameraFromWorld: matrix, focal: 0.5 * Math.min(width, height) / Math.tan(fov * RADIANS / 2) };
}

/** Lets mouse and fingers turn (one), zoom (wheel, two) and shift (right button, two) the view. Ends with the signal. */
export function control(canvas, view, changed, signal) {
  const fingers = new Map(), home = { ...view };
  const listen = (name, act) => canvas.addEventListener(name, act, { signal, passive: false });
  const zoom = (factor) => (view.distance = clamp(view.distance / factor, ...DISTANCES));
  const turn = (x, y) => {
    view.yaw = (view.yaw - DEGREES_PER_PIXEL * x + 540) % 360 - 180;
    view.pitch = clamp(view.pitch + DEGREES_PER_PIXEL * y, -MAX_PITCH_DEGREES, MAX_PITCH_DEGREES);
  };
  const shift = (x, y) => {
    const { cameraFromWorld: m, focal } = pinhole(view, canvas.clientWidth, canvas.clientHeight), metres = view.distance / focal;
    view.target = view.target.map((value, axis) => value - metres * (x * m[axis] + y * m[4 + axis]));
  };
  canvas.style.touchAction = "none";
  listen("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, [event.clientX, event.clientY]);
  });
  for (const name of ["pointerup", "pointercancel"]) listen(name, (event) => fingers.delete(event.pointerId));
  listen("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    const before = [...fingers.values()], [x, y] = fingers.get(event.pointerId), now = [event.clientX, event.clientY];
    fingers.set(event.pointerId, now);
    const after = [...fingers.values()], [dx, dy] = [now[0] - x, now[1] - y];
    if (fingers.size === 2) {
      const [apart, was] = [after, before].map(([a, b]) => Math.hypot(a[0] - b[0], a[1] - b[1]));
      if (was > 0 && apart > 0) zoom(apart / was);
      shift(dx / 2, dy / 2);
    } else if (event.buttons === 2 || event.shiftKey) shift(dx, dy);
    else if (fingers.size === 1) turn(dx, dy);
    changed();
  });
  listen("wheel", (event) => { event.preventDefault(); zoom(ZOOM_PER_WHEEL ** -event.deltaY); changed(); });
  listen("contextmenu", (event) => event.preventDefault());
  listen("dblclick", () => { Object.assign(view, home); changed(); });
}

// Of one coordinate, linear between neighbours.
function quantile(points, axis, part) {
  const values = Float32Array.from({ length: points.length / 3 }, (_, i) => points[3 * i + axis]).sort();
  const at = part * (values.length - 1), below = Math.floor(at), above = Math.min(below + 1, values.length - 1);
  return values[below] + (at - below) * (values[above] - values[below]);
}
