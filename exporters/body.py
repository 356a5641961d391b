"""A head becomes one on a body: formats for whole people want it at its height above the ground, and one joint that turns it."""

from dataclasses import replace

import numpy as np

from facecraft4d.toolkit.core.datatypes import Rig

EAR_HEIGHT = 1.62
"""Metres from the ground to our origin between the ears, of an adult of 1.75 m; LAM's player looks there too (its camera is at 1.8, tilted 10
degrees down from a metre before the head)."""
HEAD = "head"
"""What people's skeletons call the bone that turns the head; ours calls it by the joint where it turns."""
NECK = "neck"
HUMANOID = {HEAD: NECK, "jaw": "jaw", "leftEye": "eye_left", "rightEye": "eye_right"}
"""Bones of a VRM humanoid and the joints that do their work: jaw and eyes hang on our `neck`, so it is the head's bone. VRM's neck has
none: root would turn the shoulders too."""
HIP_POSITION = np.array([0.0, 0.95, 0.0], np.float32)
"""Where an adult of that height turns, metres above the ground."""


def standing(rig: Rig) -> Rig:
    """The rig with its head at an adult's height: vertices and joints EAR_HEIGHT higher, all else as it is."""
    return replace(rig, vertices=raised(rig.vertices), joint_positions=raised(rig.joint_positions))


def raised(points: np.ndarray) -> np.ndarray:
    """Points [n, 3] of the world frame where they are when the head stands."""
    return points + np.array([0.0, EAR_HEIGHT, 0.0], np.float32)


def lost_correctives(rig: Rig) -> str:
    """The end of a sentence about what formats for whole people lose: core glTF's morph targets and skins know neither."""
    if rig.pose_deltas is None and rig.joint_deltas is None:
        return ""
    return "; pose correctives and joints that follow the expression are gone"


def head_joint(rig: Rig) -> int:
    """The joint that turns the head: the one called neck or head, else the first, which carries everything."""
    return next((rig.joint_names.index(name) for name in (NECK, HEAD) if name in rig.joint_names), 0)


def head_position(rig: Rig) -> np.ndarray:
    """Where the standing head turns [3]."""
    return np.asarray(raised(rig.joint_positions)[head_joint(rig)])


def turned_by_head(rig: Rig) -> np.ndarray:
    """Share [v] of each vertex that follows the joint of the head, with the joints below it."""
    moving = {head_joint(rig)}
    for joint, parent in enumerate(rig.joint_parents):
        if parent in moving:
            moving.add(joint)
    return np.asarray(np.clip(rig.skin_weights[:, sorted(moving)].sum(1), 0, 1))
