"""Which moments of the driving clips the views are shown in: few poses that together reach every expression and joint."""

import numpy as np
from jaxtyping import Float

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.core.datatypes import Clip, Ingredient, Pose, Rig, Track
from facecraft4d.toolkit.core.motion import OWN_CLIPS, builtin_clip, builtin_clips

ALONE = ("jawOpen", "eyeBlinkLeft", "eyeBlinkRight", "tongueOut")
"""Expressions shown at their strongest with as little else as the clips offer: they open or close what the photograph hides."""

MOVING_JOINTS = ("jaw", "eye_left", "eye_right")
"""The root and the neck stay as in the photograph: the views keep their pose (paper, section 3.3)."""

FULL_TURN = 0.9
"""Radians of a moving joint that count as much as an expression at full weight."""

REACHED = 0.85
"""More than this on a channel counts as all of it."""

WORTH = 0.25
"""A pose that brings less new reach than this (sum over channels) is no longer picked for its reach but for its distance."""


def clip_ingredients() -> tuple[Ingredient, ...]:
    """What the built-in clips are."""
    return (weights.as_ingredient("facecap", "driving clip face_cap"), OWN_CLIPS)


def driving_track(rig: Rig, photo: Pose, count: int, rng: np.random.Generator) -> Track:
    """`count` poses of the built-in clips: expressions and moving joints absolute, the other joints and the place as in `photo`.

    ValueError if the rig has none of the clips' expressions.
    """
    if not set(rig.expression_names) & set(builtin_clip(builtin_clips()[0]).expression_names):
        raise ValueError(f"rig must have ARKit's expressions to follow the clips, got {rig.expression_names[0]}, ...")
    clips = [builtin_clip(name) for name in builtin_clips()]
    expressions = np.concatenate([_for_rig(clip, rig) for clip in clips])
    joints = np.concatenate([_joints_for_rig(clip, rig, photo) for clip in clips])
    features = _features(rig, expressions, joints)
    alone = [rig.expression_names.index(name) for name in ALONE if name in rig.expression_names]
    chosen = spread_poses(features, alone, count, rng)
    return Track(expressions[chosen], joints[chosen], np.tile(photo.translation, (count, 1)))


def spread_poses(
    features: Float[np.ndarray, "n c"], alone: list[int], count: int, rng: np.random.Generator
) -> list[int]:
    """Indices (ascending) of `count` poses: rest, each channel of `alone`, then reach, then distance (farthest point sampling).

    Reach is the sum over channels of the strongest value so far in either direction; `rng` decides between equals.
    """
    order = rng.permutation(len(features))
    pool = features[order]
    effort = np.abs(pool).sum(1)
    chosen = [int(effort.argmin()), *(int((3 * pool[:, c] - effort).argmax()) for c in alone)][:count]
    signed = np.concatenate([np.clip(pool, 0, REACHED), np.clip(-pool, 0, REACHED)], 1)
    while len(chosen) < count:
        gains = np.maximum(signed - signed[chosen].max(0), 0).sum(1)
        if gains.max() < WORTH:
            break
        chosen.append(int(gains.argmax()))
    distance = np.linalg.norm(pool[:, None] - pool[chosen][None], axis=-1).min(1)
    while len(chosen) < count:
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(pool - pool[chosen[-1]], axis=-1))
    return sorted(int(order[index]) for index in chosen)


def _for_rig(clip: Clip, rig: Rig) -> Float[np.ndarray, "t k"]:
    weights = np.zeros((len(clip.expressions), len(rig.expression_names)), np.float32)
    for column, name in enumerate(rig.expression_names):
        if name in clip.expression_names:
            weights[:, column] = clip.expressions[:, clip.expression_names.index(name)]
    return weights


def _joints_for_rig(clip: Clip, rig: Rig, photo: Pose) -> Float[np.ndarray, "t j 3"]:
    rotations = np.tile(photo.joint_rotations, (len(clip.expressions), 1, 1))
    for joint, name in enumerate(rig.joint_names):
        if name in MOVING_JOINTS:
            rotations[:, joint] = clip.joint_rotations[:, clip.joint_names.index(name)]
    return rotations


def _features(
    rig: Rig, expressions: Float[np.ndarray, "t k"], joints: Float[np.ndarray, "t j 3"]
) -> Float[np.ndarray, "t c"]:
    moving = [joint for joint, name in enumerate(rig.joint_names) if name in MOVING_JOINTS]
    return np.concatenate([expressions, joints[:, moving].reshape(len(joints), -1) / FULL_TURN], 1)
