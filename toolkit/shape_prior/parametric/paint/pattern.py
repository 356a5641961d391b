"""The pattern of what is worn, carried on in the garment's own frame: how far around the body, and how far down.

Clothes go on level: stripes go round the shoulders. A hat's knit is mirrored back and forth at the borders of what is seen, all the way
round; what lies in the middle of its front (an emblem) is not taken along.
"""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
import scipy.spatial
from jaxtyping import Bool, Float, Float64, Int

from facecraft4d.toolkit.core.geometry import smoothstep

_FROM, _TO = np.radians(10), np.radians(40)
"""Angles from the middle of the front between which a hat's pattern is taken: beside what is in front only, before it is seen obliquely."""
_MEET = np.radians(30)
"""Angle before the middle of the back over which both sides' colours at one height pass into each other."""
_STEP, _LAST, _FADE = 1e-3, np.radians(6), np.radians(12)
"""Metres between heights that are told apart; angle before the last seen place of a height that tells what goes on; angle over which it sets in."""
_EDGE_STEPS = 8
"""Smoothing over heights of where the last seen place lies."""
_RADIUS = 0.1
"""Metres from a hat's axis at which an angle is measured beside metres down."""
_NEAR = (0.006, 0.012)
"""Metres from what is seen, in a hat's frame, at which its pattern begins to count less and counts no more."""
_NEIGHBOURS, _LEAST = 4, 200
"""Seen places of a hat that each place looks at, and seen places from which there is a pattern at all."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Places on a garment."""

    around: Float[np.ndarray, " n"]
    """Radians from the middle of the front, positive to one side."""
    down: Float[np.ndarray, " n"]
    """Metres."""

    def share(self, side: int) -> Float64[np.ndarray, " n"]:
        """How far places take after a side (-1 or 1): half in the middle of the back."""
        other = 0.5 * smoothstep(1 - (np.pi - np.abs(self.around)) / _MEET)
        return np.where(side * self.around >= 0, 1 - other, other)


def carried_level(
    frame: Frame, seen: Bool[np.ndarray, " n"], colors: Float[np.ndarray, "n 3"]
) -> tuple[Float64[np.ndarray, "n 3"], Float64[np.ndarray, " n"]]:
    """The colours last seen at the same height on each side, and how far they count, 0..1: only beyond what is seen."""
    total, found = np.zeros(len(seen)), np.zeros((len(seen), 3))
    angle = np.abs(frame.around)
    row = np.floor((frame.down - frame.down.min()) / _STEP).astype(int)
    for side in (-1, 1):
        mine = np.flatnonzero(seen & (side * frame.around >= 0))
        if len(mine) < _LEAST:
            continue
        last = np.zeros(row.max() + 1)
        np.maximum.at(last, row[mine], angle[mine])
        weight = np.exp((angle[mine] - last[row[mine]]) / _LAST)
        sums = np.stack([np.bincount(row[mine], weight * v, len(last)) for v in (*colors[mine].T, np.ones(len(mine)))])
        shown = np.flatnonzero(sums[3] > 0)
        here = [np.interp(row, shown, each) for each in sums[:3, shown] / sums[3, shown]]
        edge = np.interp(np.arange(len(last)), shown, last[shown])
        edge = scipy.ndimage.gaussian_filter1d(edge, _EDGE_STEPS, mode="nearest")
        count = frame.share(side) * smoothstep((angle - edge[row]) / _FADE + 1)
        found += count[:, None] * np.stack(here, -1)
        total += count
    return found / np.maximum(total, 1e-9)[:, None], total.clip(0, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """Where some places' pattern is taken from."""

    places: Int[np.ndarray, " m"]
    seen: Int[np.ndarray, "m k"]
    shares: Float64[np.ndarray, "m k"]
    """They add up to 1."""
    known: Float64[np.ndarray, " m"]
    """How far there is a pattern, 0..1."""


def mirrored_around(frame: Frame, seen: Bool[np.ndarray, " n"], wanted: Bool[np.ndarray, " n"]) -> Sources | None:
    """The seen places, all on the side that is seen better, on which the mirrored wanted ones lie; None without a pattern."""
    angle = np.abs(frame.around)
    told = seen & (angle > _FROM) & (angle < _TO)
    side = 1 if (told & (frame.around > 0)).sum() > (told & (frame.around < 0)).sum() else -1
    mine = np.flatnonzero(seen & (side * frame.around > 0))
    if len(mine) < _LEAST:
        return None
    own = np.stack([_RADIUS * angle[mine], frame.down[mine]], -1)
    tree, places = scipy.spatial.cKDTree(own), np.flatnonzero(wanted)
    at = np.stack([_RADIUS * _folded(angle[places]), frame.down[places]], -1)
    # What lies beyond is mirrored once more, at the nearest that is seen.
    distance, near = tree.query(at)
    at = np.where((distance > _NEAR[0])[:, None], 2 * own[near] - at, at)
    distance, near = tree.query(at, _NEIGHBOURS)
    weights = 1 / (distance + 1e-5)
    known = smoothstep((_NEAR[1] - distance[:, 0]) / (_NEAR[1] - _NEAR[0]))
    return Sources(places, mine[near], weights / weights.sum(1, keepdims=True), known)


def _folded(angle: Float[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    """Angles up to `_TO` as they are, those beyond mirrored back and forth between the two limits."""
    width = _TO - _FROM
    return np.where(angle > _TO, _FROM + np.abs((angle - _TO) % (2 * width) - width), angle)
