"""What lies between a sender's numbers and our head: the user's own neutral face, smoothing, limits."""

import math
from dataclasses import replace

import numpy as np

from facecraft4d.toolkit.core.datatypes import Motion, Pose

STILL_HERTZ, SPEED_GAIN, SPEED_HERTZ = 1.5, 0.6, 1.0
"""One-euro filter: cut-off of a face that rests, how much it rises with the speed (hertz per unit a second; units are weights and radians), and
cut-off of the speed itself. A weight that jumps by 1 arrives within three frames; trembling of 0.02 shrinks to a third."""


class OneEuro:
    """Smooths what rests and follows what moves (Casiez, Roussel and Vogel 2012, "1 € Filter", equations 1 to 8)."""

    def __init__(self) -> None:
        self._last: tuple[float, np.ndarray, np.ndarray] | None = None

    def __call__(self, values: np.ndarray, now: float) -> np.ndarray:
        """The smoothed values at `now` seconds; a time that does not grow gives the last ones."""
        if self._last is None:
            self._last = now, values, np.zeros_like(values)
            return values
        then, before, speed = self._last
        elapsed = now - then
        if elapsed <= 0:
            return before
        found = (values - before) / elapsed
        speed = speed + _share(SPEED_HERTZ, elapsed) * (found - speed)
        after: np.ndarray = before + _share(STILL_HERTZ + SPEED_GAIN * np.abs(speed), elapsed) * (values - before)
        self._last = now, after, speed
        return after


def _share(hertz: float | np.ndarray, elapsed: float) -> np.ndarray:
    """How much of a step a low pass of that cut-off takes over."""
    return np.asarray(1 / (1 + 1 / (2 * math.pi * np.asarray(hertz) * elapsed)))


def calibrated(pose: Pose, neutral: Pose) -> Pose:
    """The pose with `neutral` taken for rest: a weight at the user's own rest becomes 0 and 1 stays 1; turns are counted from it."""
    room = np.maximum(1 - neutral.expression, 1e-3)
    weights = np.maximum(pose.expression - neutral.expression, 0) / room
    turns = pose.joint_rotations - neutral.joint_rotations
    return Pose(weights.astype(np.float32), turns.astype(np.float32), pose.translation - neutral.translation)


REST_PERCENTILE, MOST_REST = 5.0, 0.4
"""Weights that a face has in most moments are its own rest, up to so much: who smiles throughout goes on smiling a little."""
BINOMIAL = np.array([0.25, 0.5, 0.25])
"""Over three frames: trembling shrinks to half, a blink keeps four fifths."""


def settled(clip: Motion) -> Motion:
    """A recorded clip against the face's own rest (its low weights, its middle turn), trembling smoothed, weights within 0 and 1."""
    rest = np.minimum(np.percentile(clip.expressions, REST_PERCENTILE, 0), MOST_REST)
    neutral = Pose(
        rest.astype(np.float32), np.median(clip.joint_rotations, 0).astype(np.float32), clip.translations.mean(0)
    )
    poses = [clamped(calibrated(clip.pose(frame), neutral)) for frame in range(len(clip.expressions))]
    return replace(
        clip,
        expressions=_smoothed(np.stack([pose.expression for pose in poses])),
        joint_rotations=_smoothed(np.stack([pose.joint_rotations for pose in poses])),
        translations=_smoothed(np.stack([pose.translation for pose in poses])),
    )


def _smoothed(rows: np.ndarray) -> np.ndarray:
    """Over time; the ends keep theirs."""
    padded = np.concatenate((rows[:1], rows, rows[-1:]))
    return np.asarray(sum(share * padded[i : i + len(rows)] for i, share in enumerate(BINOMIAL)), np.float32)


def clamped(pose: Pose) -> Pose:
    """Weights within 0 and 1: beyond, faces tear."""
    return replace(pose, expression=np.clip(pose.expression, 0, 1))


def added(pose: Pose, more: Pose) -> Pose:
    """Both at once; weights stay within 0 and 1, or where the first pose has them beyond."""
    low, high = np.minimum(pose.expression, 0), np.maximum(pose.expression, 1)
    return Pose(
        np.clip(pose.expression + more.expression, low, high),
        pose.joint_rotations + more.joint_rotations,
        pose.translation + more.translation,
    )
