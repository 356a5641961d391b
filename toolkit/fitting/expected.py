"""The normal equations of a time step's pose, and what is expected of it before any picture is looked at: rest, and its neighbours in time."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from facecraft4d.toolkit.core.datatypes import Pose
from facecraft4d.toolkit.fitting.figure import TURNS, Figure, as_unknowns
from facecraft4d.toolkit.fitting.observation import Observations

SIGMA_WEIGHT, SIGMA_JAW, SIGMA_EYE, SIGMA_NECK, SIGMA_METRES = 0.5, 0.1, 0.15, 0.3, 0.05
"""Priors: how large weights are, how far jaw, eyes and neck turn from rest (radians), how far the head is from its place."""
REST = 0.2
"""Parts of the spread of jaw and eyes within which they are as good as at rest."""
DOUBT = 0.05
"""A weight is, too, exponentially spread about 0, its mean what the network says and this much more: most of a face's muscles rest."""
DRIFTS = (2.0, 1.0, 3.0, 1.5, 0.2)
"""How far the same change in the square root of a second."""
SIGMA_SQUINT = 0.03
"""Radians by which both eyes turn differently."""


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """What is known of one time step beside its pictures."""

    observations: Observations
    scores: Float64[np.ndarray, " k"]
    """How large the network says that the weights are."""
    before: Pose | None = None
    """Of the step before, where it follows in time."""
    after: Pose | None = None
    seconds: float = 1.0
    """From one time step to the next."""


@dataclass(slots=True)
class Normal:
    """Normal equations of a time step: pose, then shape where it is sought; and what is left to explain."""

    matrix: Float64[np.ndarray, "n n"]
    right: Float64[np.ndarray, " n"]
    colour: float = 0.0
    """Weighted squares of colours' residuals."""
    counted: float = 0.0
    """Weight of all samples of colour."""
    other: float = 0.0
    """Weighted squares of all other residuals."""
    samples: float = 0.0
    """Weight that all samples of colour should have: their number changes from drawing to drawing."""

    def add(self, other: "Normal") -> None:
        """Sum both."""
        self.matrix += other.matrix
        self.right += other.right
        self.colour += other.colour
        self.counted += other.counted
        self.other += other.other

    @property
    def mean_colour(self) -> float:
        """Mean robust error of colour."""
        return self.colour / max(self.counted, 1e-9)

    @property
    def error(self) -> float:
        """What a step is to make less."""
        return self.mean_colour * max(self.samples, self.counted) + self.other


def add_priors(figure: Figure, moment: Moment, pose: Pose, normal: Normal) -> None:
    """Towards rest and the neighbours in time; the pose's unknowns come first."""
    count = len(moment.scores)
    unknown = as_unknowns(figure.rig, pose)
    normal.right[:count] -= 1 / (moment.scores + DOUBT)
    normal.other += 2 * float((pose.expression / (moment.scores + DOUBT)).sum())
    _pull(
        normal,
        unknown,
        np.zeros(len(unknown)),
        heavy_tailed(unknown, count, spread(count, (SIGMA_WEIGHT, SIGMA_JAW, SIGMA_EYE, SIGMA_NECK, SIGMA_METRES))),
    )
    _pull_together(normal, unknown, count + TURNS - 4, SIGMA_SQUINT)
    drift = spread(count, DRIFTS) * np.sqrt(moment.seconds)
    for neighbour in (moment.before, moment.after):
        if neighbour is not None:
            _pull(normal, unknown, as_unknowns(figure.rig, neighbour), drift)


def heavy_tailed(
    unknown: Float64[np.ndarray, " n"], expressions: int, sigmas: Float64[np.ndarray, " n"]
) -> Float64[np.ndarray, " n"]:
    """Spreads with those of jaw and eyes as they are for a Laplace distribution: narrow about rest, and no hindrance far from it."""
    found, turns = sigmas.copy(), slice(expressions + TURNS - 7, expressions + TURNS)
    found[turns] = np.sqrt(sigmas[turns] * (np.abs(unknown[turns]) + REST * sigmas[turns]))
    return found


def _pull(normal: Normal, unknown: np.ndarray, target: np.ndarray, sigma: np.ndarray) -> None:
    own = np.arange(len(unknown))
    normal.matrix[own, own] += 1 / sigma**2
    normal.right[own] += (target - unknown) / sigma**2
    normal.other += float((((target - unknown) / sigma) ** 2).sum())


def _pull_together(normal: Normal, unknown: np.ndarray, eyes: int, sigma: float) -> None:
    """Two turns of the left eye begin at `eyes`, those of the right eye follow."""
    for left in (eyes, eyes + 1):
        right = left + 2
        for own, other in ((left, right), (right, left)):
            normal.matrix[own, own] += 1 / sigma**2
            normal.matrix[own, other] -= 1 / sigma**2
            normal.right[own] += (unknown[other] - unknown[own]) / sigma**2
        normal.other += float(((unknown[left] - unknown[right]) / sigma) ** 2)


def spread(expressions: int, sigmas: tuple[float, float, float, float, float]) -> Float64[np.ndarray, " n"]:
    """One number for weights, jaw, eyes, neck and place as one for each of a pose's unknowns."""
    weight, jaw, eye, neck, metres = sigmas
    return np.concatenate(
        [np.full(expressions, weight), np.full(3, neck), np.full(3, jaw), np.full(4, eye), np.full(3, metres)]
    )
