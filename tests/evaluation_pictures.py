"""Silhouettes, and pictures with known poses and cameras."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from head_cases import RADIUS
from PIL import Image

from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.core.geometry import orbit_camera
from facecraft4d.toolkit.core.pixels import to_bytes
from facecraft4d.toolkit.core.rigging import neutral_pose, pose_from_weights
from facecraft4d.toolkit.evaluation import truth
from facecraft4d.toolkit.evaluation.drawing import draw

SIDE = 128


def disc(radius: float, center: tuple[float, float] = (SIDE / 2, SIDE / 2)) -> np.ndarray:
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    return (np.hypot(x - center[0], y - center[1]) < radius).astype(np.float32)


def opengl(camera: Camera) -> list[list[float]]:
    """NeRF's transform_matrix of a camera."""
    return (np.linalg.inv(camera.camera_from_world) @ np.diag([1.0, -1.0, -1.0, 1.0])).tolist()


def write_pictures(folder: Path, avatar: Avatar) -> dict[str, Any]:
    """Two pictures of the avatar itself with their cameras and poses, one by focal length, one by angle."""
    folder.mkdir()
    smile = pose_from_weights(avatar.rig, {"mouthSmileLeft": 0.8})
    smile.joint_rotations[avatar.rig.joint_names.index("neck")] = (0, 0.2, 0)
    smile.translation[:] = (0.01, 0, 0)
    side, front = orbit_camera(40.0, 10.0, RADIUS, 96), orbit_camera(0.0, 0.0, RADIUS, 96)
    for name, pose, camera in (("smile.png", smile, side), ("rest.png", neutral_pose(avatar.rig), front)):
        drawn = draw(avatar, pose, camera)
        alpha = drawn.alpha[..., None]
        straight = np.where(alpha > 0, (drawn.image - (1 - alpha)) / np.maximum(alpha, 1e-6), 0)
        Image.fromarray(to_bytes(np.concatenate([straight, alpha], -1).astype(np.float32))).save(folder / name)
    by_focal_length = {
        "file_path": "smile.png", "transform_matrix": opengl(side), "fl_x": side.fx, "fl_y": side.fy, "cx": side.cx, "cy": side.cy,
        "expression": {"mouthSmileLeft": 0.8}, "joints": {"neck": [0, 0.2, 0]}, "translation": [0.01, 0, 0], "group": "smiles",
    }  # fmt: skip
    angle = 2 * np.arctan(0.5 * 96 / front.fx)
    by_angle = {"file_path": "rest.png", "transform_matrix": opengl(front), "camera_angle_x": angle}
    document = {"w": 96, "h": 96, "frames": [by_focal_length, by_angle]}
    (folder / truth.CAMERAS_FILE).write_text(json.dumps(document))
    return document
