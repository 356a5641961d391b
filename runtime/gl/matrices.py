"""Cameras as OpenGL programs have them: a view and a projection matrix."""

import numpy as np

from facecraft4d.runtime.gl.shaders import Clip
from facecraft4d.toolkit.core.datatypes import Camera

FLIP = np.diag([1.0, -1.0, -1.0, 1.0])
"""From OpenGL's camera axes (x right, y up, z backwards) to ours, and back."""


def matrices_of_camera(camera: Camera, clip: Clip = Clip()) -> tuple[np.ndarray, np.ndarray]:  # noqa: B008 - frozen
    """View and projection [4, 4] for column vectors, float64; OpenGL reads their transposes."""
    near, far = clip
    projection = np.zeros((4, 4))
    projection[0, 0], projection[0, 2] = 2 * camera.fx / camera.width, 1 - 2 * camera.cx / camera.width
    projection[1, 1], projection[1, 2] = 2 * camera.fy / camera.height, 2 * camera.cy / camera.height - 1
    projection[2, 2], projection[2, 3] = (near + far) / (near - far), 2 * near * far / (near - far)
    projection[3, 2] = -1
    return FLIP @ camera.camera_from_world, projection


def camera_of_matrices(view: np.ndarray, projection: np.ndarray, width: int, height: int) -> tuple[Camera, Clip]:
    """The inverse, for a viewport of that size in pixels. ValueError for a projection that is no perspective of OpenGL's."""
    p = np.asarray(projection, np.float64)
    if p.shape != (4, 4) or not np.allclose(p[3], [0, 0, -1, 0]) or np.abs(p[[0, 1, 2, 2], [1, 0, 0, 1]]).max() > 1e-9:
        raise ValueError(f"projection must be a perspective for column vectors whose last row is 0 0 -1 0, got {p}")
    fx, fy, cx, cy = p[0, 0] * width / 2, p[1, 1] * height / 2, (1 - p[0, 2]) * width / 2, (1 + p[1, 2]) * height / 2
    place = FLIP @ np.asarray(view, np.float64)
    camera = Camera(place, float(fx), float(fy), float(cx), float(cy), width, height)
    return camera, Clip(float(p[2, 3] / (p[2, 2] - 1)), float(p[2, 3] / (p[2, 2] + 1)))
