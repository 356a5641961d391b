"""Painted spheres and planes seen by cameras: views whose every pixel is known."""

from dataclasses import replace

import numpy as np

from facecraft4d.toolkit.config import WarpConfig
from facecraft4d.toolkit.core.datatypes import Camera, View, ViewSet
from facecraft4d.toolkit.core.geometry import camera_center, orbit_camera, pixel_centers, unproject

SIZE, RADIUS, DISTANCE = 96, 0.1, 1.5
TOLERANCE = WarpConfig().depth_tolerance


def paint(points: np.ndarray) -> np.ndarray:
    """A smooth colour for every point of space."""
    return np.asarray(0.5 + 0.4 * np.sin(points * 45 + np.array([0.0, 1.0, 2.0])), np.float32)


def sphere_view(camera: Camera, gain: float = 1.0) -> View:
    """A painted sphere about the origin."""
    side = camera.width
    rays = unproject(camera, pixel_centers(side, side).astype(np.float64), np.ones((side, side))) - camera_center(
        camera
    )
    eye = camera_center(camera)
    b, a = (rays * eye).sum(-1), (rays * rays).sum(-1)
    inside = b * b - a * (eye @ eye - RADIUS**2)
    depth = np.where(inside > 0, (-b - np.sqrt(np.maximum(inside, 0))) / a, 0)
    points = eye + rays * depth[..., None]
    hit = (depth > 0)[..., None]
    image = np.where(hit, paint(points) * gain, 1).astype(np.float32)
    return View(camera, image, (depth > 0).astype(np.float32), depth.astype(np.float32))


def plane_view(shift_metres: float) -> View:
    """A painted plane through the origin seen straight on by a camera moved to the right."""
    camera = orbit_camera(0.0, 0.0, DISTANCE, SIZE)
    moved = camera.camera_from_world.copy()
    moved[0, 3] -= shift_metres
    camera = replace(camera, camera_from_world=moved)
    points = unproject(camera, pixel_centers(SIZE, SIZE), np.full((SIZE, SIZE), DISTANCE))
    full = np.ones((SIZE, SIZE), np.float32)
    return View(camera, paint(points), full, full * DISTANCE)


def orbit(gain_at_zero: float = 1.0, count: int = 24) -> ViewSet:
    yaws = tuple(float(360 / count * index) for index in range(count))
    views = [sphere_view(orbit_camera(yaw, 0.0, DISTANCE, SIZE), gain_at_zero if yaw == 0 else 1.0) for yaw in yaws]
    return ViewSet(tuple(views), yaws)
