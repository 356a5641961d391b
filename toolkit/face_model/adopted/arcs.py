"""The jaw of a file turns, an expression is a straight line: carried expressions of the jaw take the line nearest to the file's own arc."""

import numpy as np
from jaxtyping import Float64

from facecraft4d.toolkit.core.arkit import JOINT_NAMES
from facecraft4d.toolkit.face_model.model import FaceModel
from facecraft4d.toolkit.face_model.reference import deform_numpy

WEIGHTS = (0.25, 0.5, 0.75, 1.0)
"""At which the line shall be near the arc."""
ROUNDS, STEP = 4, 1e-4
"""Of Gauss and Newton's method, and the radians by which a derivative is taken."""


def along_arcs(bare: FaceModel, deltas: Float64[np.ndarray, "k v 3"]) -> Float64[np.ndarray, "k v 3"]:
    """Displacements at weight 1 that follow over all weights, not at 1 alone, what the jaw of `bare` does when it turns as `deltas` say."""
    straight = deltas.copy()
    for index, delta in enumerate(deltas):
        turn = jaw_turn(bare, delta)
        arcs = [weight * jaw_turned(bare, weight * turn) for weight in WEIGHTS]
        nearest = np.sum(arcs, 0) / np.square(WEIGHTS).sum()
        straight[index] += nearest - jaw_turned(bare, turn)
    return straight


def jaw_turn(bare: FaceModel, delta: Float64[np.ndarray, "v 3"]) -> Float64[np.ndarray, "3"]:
    """The jaw's rotation that comes nearest to displacements of the vertices of `bare`; axis-angle, radians."""
    turn = np.zeros(3)
    for _ in range(ROUNDS):
        now = jaw_turned(bare, turn)
        slopes = [(jaw_turned(bare, turn + STEP * axis) - now).ravel() / STEP for axis in np.eye(3)]
        turn = turn + np.linalg.lstsq(np.stack(slopes, 1), (delta - now).ravel())[0]
    return turn


def jaw_turned(bare: FaceModel, turn: Float64[np.ndarray, "3"]) -> Float64[np.ndarray, "v 3"]:
    """Displacements of the mean face's vertices, correctives among them, metres."""
    none, rotations = np.zeros(0), np.zeros((len(JOINT_NAMES), 3))
    rotations[JOINT_NAMES.index("jaw")] = turn
    return np.asarray(deform_numpy(bare, none, none, rotations, np.zeros(3)) - bare.vertices)
