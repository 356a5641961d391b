"""Expressions in a head model's own terms: turns of its jaw and eyes and weights of directions that it has, as far as these reach."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Float32, Float64

from facecraft4d.toolkit.core.datatypes import Rig
from facecraft4d.toolkit.core.rigging import neutral_pose, pose_vertices

TURNING = ("jaw", "eye_left", "eye_right")
"""Joints that an expression may turn: a face moves neither root nor neck."""
NOISE = 1e-3
"""Metres that a vertex may be off for a standard deviation of a direction or a turn (ridge regression): what a fit to a photograph knows of a face."""
TURN_SIGMA = 0.4
"""Radians, the standard deviation of a turn: an open jaw, an eye at the side."""
LEAST_TURN = np.radians(2.0)
"""A smaller one is none: skin near a joint moves a little with everything."""
STILL = 1e-4
"""Metres by which an expression moves nothing: tongueOut without a tongue."""
ROUNDS, STEP = 4, 1e-3
"""Of Gauss and Newton's method, and the radians by which a derivative is taken."""


@dataclass(frozen=True, slots=True, eq=False)
class OwnTerms:
    """The parts of k expressions at weight 1."""

    turns: Float64[np.ndarray, "k j 3"]
    """Of each of the rig's joints, axis-angle, radians."""
    weights: Float64[np.ndarray, "k n"]
    """Of the model's own directions, standard deviations."""
    left: Float64[np.ndarray, "k v 3"]
    """Displacements that neither reaches, metres: whole displacement = turned + weights @ directions + left."""


def own_terms(rig: Rig, directions: Float32[np.ndarray, "n v 3"], wanted: Float[np.ndarray, "k v 3"]) -> OwnTerms:
    """The likeliest terms of `wanted` displacements of the rig's first v vertices, by least squares with every vertex off by `NOISE`."""
    bare = _first(rig, directions.shape[1])
    system, normal = _equations(directions)
    found = [_terms(bare, system, normal, each.astype(np.float64)) for each in wanted]
    turns, weights = (np.stack(part) for part in zip(*found, strict=True))
    reached = np.stack([turned(bare, turn) for turn in turns]) + np.tensordot(weights, directions.astype(np.float64), 1)
    return OwnTerms(turns, weights, wanted - reached)


def explained(terms: OwnTerms, wanted: Float[np.ndarray, "k v 3"]) -> Float64[np.ndarray, " k"]:
    """How much of each displacement the terms reach, by squares; 1 for what moves nothing by `STILL`."""
    whole, left = (np.square(part, dtype=np.float64).sum((1, 2)) for part in (wanted, terms.left))
    moves = np.abs(wanted).max((1, 2)) > STILL
    return np.asarray(np.where(moves, 1 - left / np.where(moves, whole, 1), 1))


def turned(rig: Rig, turns: Float64[np.ndarray, "j 3"]) -> Float64[np.ndarray, "v 3"]:
    """Displacements of the vertices at rest when joints turn, correctives among them, metres."""
    if not turns.any():
        return np.zeros(rig.vertices.shape)
    pose = replace(neutral_pose(rig), joint_rotations=turns.astype(np.float32))
    return np.asarray(pose_vertices(rig, pose).astype(np.float64) - rig.vertices)


def likeliest(directions: Float[np.ndarray, "n v 3"], wanted: Float[np.ndarray, "k v 3"]) -> Float64[np.ndarray, "k n"]:
    """The weights of directions alone, each of standard deviation 1, where vertices are off by `NOISE`."""
    system, normal = _equations(directions)
    return np.asarray(np.linalg.solve(normal, system @ (wanted.reshape(len(wanted), -1) / NOISE).T).T)


def _equations(directions: Float[np.ndarray, "n v 3"]) -> tuple[Float64[np.ndarray, "n m"], Float64[np.ndarray, "n n"]]:
    """The directions as rows, in vertices' expected errors, and their normal matrix with the prior on weights."""
    system = directions.reshape(len(directions), -1).astype(np.float64) / NOISE
    return system, system @ system.T + np.eye(len(system))


def _terms(
    rig: Rig,
    system: Float64[np.ndarray, "n m"],
    normal: Float64[np.ndarray, "n n"],
    wanted: Float64[np.ndarray, "v 3"],
) -> tuple[Float64[np.ndarray, "j 3"], Float64[np.ndarray, " n"]]:
    """Turns of the joints and weights of the directions; turns that come to less than `LEAST_TURN` are taken out and the rest is found without them."""
    joints = [rig.joint_names.index(name) for name in TURNING]
    turns = np.zeros((len(rig.joint_names), 3))
    for _ in range(ROUNDS):
        if not joints:
            break
        now = turned(rig, turns)
        slopes = np.stack([(turned(rig, turns + step) - now).ravel() for step in _steps(turns.shape, joints)])
        slopes *= TURN_SIGMA / STEP / NOISE  # by a turn counted in its standard deviations
        target = (wanted - now).ravel() / NOISE + turns[joints].ravel() / TURN_SIGMA @ slopes
        across = slopes @ system.T
        matrix = np.block([[normal, across.T], [across, slopes @ slopes.T + np.eye(len(slopes))]])
        solved = np.linalg.solve(matrix, np.concatenate([system @ target, slopes @ target]))
        turns[joints] = TURN_SIGMA * solved[len(system) :].reshape(-1, 3)
        still = [joint for joint in joints if np.linalg.norm(turns[joint]) < LEAST_TURN]
        turns[still] = 0
        joints = [joint for joint in joints if joint not in still]
    rest = (wanted - turned(rig, turns)).ravel() / NOISE
    return turns, np.linalg.solve(normal, system @ rest)


def _steps(shape: tuple[int, ...], joints: list[int]) -> Float64[np.ndarray, "s j 3"]:
    """A small turn of each joint about each axis."""
    steps = np.zeros((3 * len(joints), *shape))
    for row in range(len(steps)):
        steps[row, joints[row // 3], row % 3] = STEP
    return steps


def _first(rig: Rig, count: int) -> Rig:
    """The rig's first vertices alone, at rest; its triangles stay as they are."""
    return replace(
        rig,
        vertices=rig.vertices[:count],
        expression_deltas=rig.expression_deltas[:0, :count],
        expression_names=(),
        joint_deltas=None,
        skin_weights=rig.skin_weights[:count],
        pose_deltas=None if rig.pose_deltas is None else rig.pose_deltas[:, :count],
    )
