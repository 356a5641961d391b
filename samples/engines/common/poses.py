"""The five poses in which every engine is looked at."""

from dataclasses import replace

import numpy as np

from facecraft4d.exporters.motions import find_motion
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Pose, Rig
from facecraft4d.toolkit.core.motion import on_rig
from facecraft4d.toolkit.core.rigging import neutral_pose, pose_from_weights

TURN = 0.4
"""The head's turn to its left, radians."""
CLIP = "face_cap"
JAW, BLINK, HEAD = "jawOpen", "eyeBlinkLeft", "neck"

NAMES = ("neutral", "jawOpen", "blink", "turn", "clip")


def poses(avatar: Avatar) -> dict[str, Pose]:
    """Neutral, mouth open, left eye shut, head turned to its left, and the frame of a recorded clip in which the face moves most."""
    rig = avatar.rig
    rotations = np.zeros((len(rig.joint_names), 3), np.float32)
    rotations[rig.joint_names.index(HEAD), 1] = TURN
    motion = on_rig(find_motion(CLIP), rig)
    return {
        "neutral": neutral_pose(rig),
        "jawOpen": pose_from_weights(rig, {JAW: 1.0}),
        "blink": pose_from_weights(rig, {BLINK: 1.0}),
        "turn": replace(neutral_pose(rig), joint_rotations=rotations),
        "clip": motion.pose(int(motion.expressions.sum(1).argmax())),
    }


def spoken(pose: Pose, rig: Rig) -> dict[str, object]:
    """The pose by names, as the JavaScript core reads it."""
    moved = np.abs(pose.joint_rotations).max(1) > 0
    return {
        "expressions": {
            name: float(weight) for name, weight in zip(rig.expression_names, pose.expression, strict=True) if weight
        },
        "joints": {
            name: turn.tolist()
            for name, turn, moves in zip(rig.joint_names, pose.joint_rotations, moved, strict=True)
            if moves
        },
        "translation": pose.translation.tolist(),
    }
