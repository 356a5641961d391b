"""Cameras as NeRF's files have them: transforms.json with OpenGL's axes, read with suspicion, as cameras of ours."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.core.text import shown
from facecraft4d.toolkit.core.untrusted.door import at_the_border, read_untrusted

CAMERAS_FILE = "transforms.json"
"""Name of the file of cameras in a folder of pictures."""
MAX_CAMERAS_BYTES, MAX_SIDE = 1 << 24, 8192
OPENCV_FROM_OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])
"""Camera axes: OpenGL's y is up and z points backwards."""
RIGID_TOLERANCE = 1e-3
MOST_METRES, MOST_NUMBER = 1000.0, 1e6
"""How far from the head a camera may stand, and how large any number of a matrix, a turn or a shift may be."""


def read_cameras(path: Path) -> dict[str, Any]:
    """The whole file. UserError for what is no JSON object."""
    what = "the cameras of the pictures in this folder"
    content = read_untrusted(path, what, MAX_CAMERAS_BYTES)
    with at_the_border(path, f"{what} as JSON"):
        document = json.loads(content)
    if not isinstance(document, dict):
        raise UserError(f"{path}: expected a JSON object, found {told(document)}")
    return document


def nerf_camera(where: str, known: Mapping[str, Any]) -> Camera:
    """OpenCV's camera from NeRF's: `transform_matrix` is world_from_camera with OpenGL's axes."""
    width, height = (round(number_in(where, known, key, 1.0, float(MAX_SIDE))) for key in ("w", "h"))
    if "fl_x" in known:
        fx = number_in(where, known, "fl_x", 1e-3, 1e7)
    else:
        fx = 0.5 * width / np.tan(0.5 * number_in(where, known, "camera_angle_x", 1e-4, 3.14))
    fy = number_in(where, known, "fl_y", 1e-3, 1e7) if "fl_y" in known else fx
    cx = number_in(where, known, "cx", -1e6, 1e6) if "cx" in known else width / 2
    cy = number_in(where, known, "cy", -1e6, 1e6) if "cy" in known else height / 2
    matrix = array_in(where, known, "transform_matrix", (4, 4))
    rotation = matrix[:3, :3]
    off = float(max(np.abs(rotation @ rotation.T - np.eye(3)).max(), np.abs(matrix[3] - (0, 0, 0, 1)).max()))
    if off > RIGID_TOLERANCE or np.linalg.det(rotation) < 0:
        raise UserError(f"{where}: transform_matrix must be a rotation and a translation, found axes off by {off:.2g}")
    if np.abs(matrix[:3, 3]).max() > MOST_METRES:
        raise UserError(f"{where}: transform_matrix must place the camera within {MOST_METRES:g} m of the head")
    world_from_camera = matrix @ OPENCV_FROM_OPENGL
    return Camera(np.linalg.inv(world_from_camera), float(fx), float(fy), float(cx), float(cy), width, height)


def number_in(where: str, known: Mapping[str, Any], key: str, low: float, high: float) -> float:
    """A number under a key. UserError for any other value, or one outside of the bounds."""
    value = known.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise UserError(f"{where}: {key} must be a number from {low:g} to {high:g}, found {told(value)}")
    return float(value)


def array_in(where: str, known: Mapping[str, Any], key: str, shape: tuple[int, ...]) -> np.ndarray:
    """Finite numbers of that shape under a key. UserError for anything else."""
    try:
        array = np.array(known[key], np.float64)
    except (KeyError, TypeError, ValueError, OverflowError):
        array = np.zeros(0)
    if array.shape != shape or not (np.abs(array) <= MOST_NUMBER).all():
        raise UserError(
            f"{where}: {key} must hold {' x '.join(map(str, shape))} finite numbers, found {told(known.get(key))}"
        )
    return array


def told(value: Any) -> str:
    """A value as an error names it."""
    return "nothing" if value is None else shown(value, 60)
