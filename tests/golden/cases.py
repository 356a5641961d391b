"""The golden pictures' case tables: small avatars, 128 pixels or less. `regenerate.py` draws them, runtime/test_golden.py compares."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from facecraft4d.exporters import load
from facecraft4d.runtime import RenderOptions, pose_from_weights
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Pose

SAMPLES = Path(__file__).parents[2] / "samples"

CASES: dict[str, tuple[dict[str, float], RenderOptions]] = {
    "front": ({}, RenderOptions(size=128)),
    "left_open": ({"jawOpen": 1.0}, RenderOptions(size=128, yaw=40.0, pitch=15.0, background="black")),
    "right_blink": ({"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}, RenderOptions(size=128, yaw=-60.0)),
    "back": ({}, RenderOptions(size=128, yaw=180.0, pitch=-10.0, background="#304050")),
    "close_smile": (
        {"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0, "browInnerUp": 1.0},
        RenderOptions(size=128, zoom=2.0, fov=50.0, background="transparent"),
    ),
}
"""Expression weights of the tiny avatar, and options, of each picture."""


class Golden(NamedTuple):
    """What one picture shows."""

    avatar: str
    """A file of samples/."""
    weights: dict[str, float]
    joints: dict[str, tuple[float, float, float]]
    """Axis-angle vectors in radians."""
    options: RenderOptions

    def posed(self) -> tuple[Avatar, Pose]:
        """The avatar, and its pose."""
        avatar = load(SAMPLES / self.avatar)
        pose = pose_from_weights(avatar.rig, self.weights)
        turns = np.zeros_like(pose.joint_rotations)
        for name, turn in self.joints.items():
            turns[avatar.rig.joint_names.index(name)] = turn
        return avatar, replace(pose, joint_rotations=turns)


POSES: dict[str, tuple[str, dict[str, float], dict[str, tuple[float, float, float]]]] = {
    "talk": ("tiny_avatar.glb", {"jawOpen": 0.6, "mouthFunnel": 0.7, "browInnerUp": 0.5}, {}),
    "gaze": ("tiny_avatar.glb", {"eyeBlinkLeft": 0.8}, {"eye_left": (0.2, 0.4, 0.0), "eye_right": (0.2, 0.4, 0.0)}),
    "nod": ("tiny_avatar.glb", {}, {"neck": (0.4, -0.5, 0.15), "jaw": (0.2, 0.0, 0.0)}),
    "turned": ("tiny_avatar.glb", {"mouthSmileLeft": 1.0}, {"root": (0.1, 0.9, -0.3)}),
    "beyond": ("tiny_avatar.glb", {"jawOpen": 1.4, "browDownLeft": -0.5, "cheekPuff": 1.2}, {}),
    "ball": ("parity_avatar.glb", {"jawOpen": 0.8, "eyeBlinkLeft": 1.0}, {"neck": (0.2, 0.4, 0.1)}),
    "corrected": (
        "parity_correctives.glb",
        {"jawOpen": 0.8, "mouthSmileLeft": 0.5},
        {"neck": (0.3, -0.6, 0.2), "jaw": (0.3, 0, 0)},
    ),
}
"""Avatar, weights and joints."""

VIEWS = {
    "wide": RenderOptions(size=96, zoom=0.5, fov=60.0),
    "left": RenderOptions(size=96, yaw=50.0, pitch=15.0, background="black"),
    "behind": RenderOptions(size=96, yaw=-150.0, pitch=-20.0, background="#304050"),
    "near": RenderOptions(size=96, yaw=-15.0, zoom=3.0, background="transparent"),
}

GOLDEN = {
    **{name: Golden("tiny_avatar.glb", weights, {}, options) for name, (weights, options) in CASES.items()},
    **{f"{pose}_{view}": Golden(*POSES[pose], VIEWS[view]) for pose in POSES for view in VIEWS},
}
"""Every picture, by the name of its file."""
