"""Which moments of the driving clips the views are shown in: few poses that together reach every expression and joint."""

import numpy as np
from jaxtyping import Float

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.core.datatypes import Motion, Pose, Rig
from facecraft4d.toolkit.core.ingredients import Ingredient
from facecraft4d.toolkit.core.motion import GREETING, OWN_CLIPS, builtin_clip, builtin_clips, on_rig

ALONE = ("jawOpen", "eyeBlinkLeft", "eyeBlinkRight", "tongueOut")
"""Expressions shown at their strongest with as little else as the clips offer: they open or close what the photograph hides."""

MOVING_JOINTS = ("jaw", "eye_left", "eye_right")
"""The root and the neck stay as in the photograph: the views keep their pose (paper, section 3.3)."""

FULL_TURN = 0.9
"""Radians of a moving joint that count as much as an expression at full weight."""

REACHED = 0.85
"""More than this on a channel counts as all of it."""

MOMENTS_PER_SECOND = 1.0
"""The poses are moments out of many movements, not a movement: whoever plays the track sees each for a second."""

WORTH = 0.25
"""A pose that brings less new reach than this (sum over channels) is no longer picked for its reach but for its distance."""


def clip_ingredients() -> tuple[Ingredient, ...]:
    """What the built-in clips are."""
    return (weights.as_ingredient("facecap", "driving clip face_cap"), OWN_CLIPS)


def driving_track(rig: Rig, photo: Pose, count: int, rng: np.random.Generator) -> tuple[Motion, tuple[int, ...]]:
    """`count` poses of the built-in clips: expressions and moving joints absolute, the other joints and the place as in `photo`.

    With the first frame of each clip that gave any (FrameSet.clip_starts).

    ValueError if the rig has none of the clips' expressions.
    """
    if not set(rig.expression_names) & set(builtin_clip(builtin_clips()[0]).expression_names):
        raise ValueError(f"rig must have ARKit's expressions to follow the clips, got {rig.expression_names[0]}, ...")
    clips = [on_rig(builtin_clip(name), rig) for name in builtin_clips() if name != GREETING]
    expressions = np.concatenate([clip.expressions for clip in clips])
    moving = np.isin(rig.joint_names, MOVING_JOINTS)[:, None]
    joints = np.where(moving, np.concatenate([clip.joint_rotations for clip in clips]), photo.joint_rotations)
    features = _features(rig, expressions, joints)
    alone = [rig.expression_names.index(name) for name in ALONE if name in rig.expression_names]
    chosen = spread_poses(features, alone, count, rng)
    track = Motion(
        "driving", MOMENTS_PER_SECOND, rig.expression_names, expressions[chosen],
        rig.joint_names, joints[chosen], np.tile(photo.translation, (count, 1)),
    )  # fmt: skip
    ends = np.cumsum([len(clip.expressions) for clip in clips])
    clip_of = np.searchsorted(ends, chosen, side="right")
    return track, tuple(np.flatnonzero(np.diff(clip_of, prepend=-1)).tolist())


def spread_poses(
    features: Float[np.ndarray, "n c"], alone: list[int], count: int, rng: np.random.Generator
) -> list[int]:
    """Indices (ascending) of `count` poses, or of all: rest, each channel of `alone`, then reach, then distance (farthest point sampling).

    Reach is the sum over channels of the strongest value so far in either direction; `rng` decides between equals.
    """
    order = rng.permutation(len(features))
    pool = features[order]
    effort = np.abs(pool).sum(1)
    first = [int(effort.argmin()), *(int((3 * pool[:, c] - effort).argmax()) for c in alone)]
    chosen = list(dict.fromkeys(first))[:count]
    signed = np.concatenate([np.clip(pool, 0, REACHED), np.clip(-pool, 0, REACHED)], 1)
    count = min(count, len(pool))
    while len(chosen) < count:
        gains = np.maximum(signed - signed[chosen].max(0), 0).sum(1)
        if gains.max() < WORTH:
            break
        chosen.append(int(gains.argmax()))
    distance = np.linalg.norm(pool[:, None] - pool[chosen][None], axis=-1).min(1)
    distance[chosen] = -1
    while len(chosen) < count:
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(pool - pool[chosen[-1]], axis=-1))
        distance[chosen[-1]] = -1
    return sorted(int(order[index]) for index in chosen)


def _features(
    rig: Rig, expressions: Float[np.ndarray, "t k"], joints: Float[np.ndarray, "t j 3"]
) -> Float[np.ndarray, "t c"]:
    moving = [joint for joint, name in enumerate(rig.joint_names) if name in MOVING_JOINTS]
    return np.concatenate([expressions, joints[:, moving].reshape(len(joints), -1) / FULL_TURN], 1)
