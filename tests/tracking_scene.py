"""A head with a mottled skin that moves as nobody has said: frames without a track, and their truth."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from facecraft4d.toolkit.core.datatypes import FrameSet, Head, Mesh, Motion, Pose, View, ViewSet
from facecraft4d.toolkit.core.geometry import orbit_camera
from facecraft4d.toolkit.core.pixels import to_bytes
from facecraft4d.toolkit.core.rigging import neutral_pose, pose_vertices
from facecraft4d.toolkit.face_model import FaceModel, personalized_rig
from facecraft4d.toolkit.images import write_png
from facecraft4d.toolkit.meshes.raster import draw_mesh

SIZE, YAWS = 160, (0.0, 40.0, -40.0)
MOVES = (
    {"jawOpen": 0.3, "mouthSmileLeft": 0.4},
    {"eyeBlinkLeft": 0.3, "browInnerUp": 0.6, "mouthPucker": 0.4},
)


def mottled(size: int = 512) -> np.ndarray:
    """A texture whose every place looks different."""
    rng, total = np.random.default_rng(7), np.zeros((size, size, 3), np.float32)
    for cells in (16, 48, 128):
        total += cv2.resize(rng.random((cells, cells, 3), np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    return np.clip(0.2 + 0.6 * (total - total.min()) / np.ptp(total), 0, 1).astype(np.float32)


def scene(model: FaceModel, folder: Path) -> tuple[ViewSet, FrameSet, Head, Motion]:
    """Static views at rest, frames whose track is hidden, the head, the track."""
    rig = personalized_rig(model, model.identity_mean)
    head = Head(rig, Mesh(rig.vertices, rig.triangles, model.corner_uvs, mottled()), neutral_pose(rig))
    cameras = tuple(orbit_camera(yaw, 0.0, 1.5, SIZE, np.array([0.0, -0.01, 0.02])) for yaw in YAWS)
    poses = [_pose(rig, weights, step) for step, weights in enumerate(MOVES)]
    track = Motion(
        "hidden", 25.0, rig.expression_names, np.stack([pose.expression for pose in poses]), rig.joint_names,
        np.stack([pose.joint_rotations for pose in poses]), np.stack([pose.translation for pose in poses]),
    )  # fmt: skip
    frames = FrameSet(folder, cameras, tuple(range(len(YAWS))), None, tuple(range(len(MOVES))))
    for view, camera in enumerate(cameras):
        for step, pose in enumerate(poses):
            shown = drawn(head, pose, camera)
            path = frames.path(view, step)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_png(path, to_bytes(np.dstack([shown.image, shown.mask])))
    return ViewSet(tuple(drawn(head, head.pose, camera) for camera in cameras), YAWS), frames, head, track


def drawn(head: Head, pose: Pose, camera) -> View:
    picture = draw_mesh(replace(head.mesh, vertices=pose_vertices(head.rig, pose)), camera, 2)
    return View(camera, picture.image, picture.alpha, picture.depth)


def _pose(rig, weights: dict[str, float], step: int) -> Pose:
    pose = neutral_pose(rig)
    for name, weight in weights.items():
        pose.expression[rig.expression_names.index(name)] = weight
    for joint, turn in (("eye_left", (0.05, 0.1)), ("eye_right", (0.05, 0.1)), ("neck", (0.03, 0.04 * step))):
        pose.joint_rotations[rig.joint_names.index(joint), :2] = turn
    return pose
