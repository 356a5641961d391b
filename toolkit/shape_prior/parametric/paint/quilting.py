"""Texture for what nobody saw, from patches that somebody saw (image quilting after Efros and Freeman 2001, with a guide).

Whole colours are copied, never averaged: what is made has the grain of what was seen and none but its colours.
"""

from dataclasses import dataclass
from typing import no_type_check

import cv2
import numba
import numpy as np
from jaxtyping import Bool, Float32, Int

_COMPARED, _BEST = 64, 4
"""Patches compared with what already lies there, of those the guide likes best; and patches drawn from, of those that fit best."""
_MOST_SOURCES = 1500
"""Patches of one size that are kept to choose from; more cost time and are one another's neighbours."""
_PLENTY = 1.0
"""Positions per pixel of a patch from which there are patches of that size enough."""
_FEW, _SPOTS = 0.25, 6
"""Positions per pixel of a patch below which patches would repeat like weave, and copies whose sum makes grain for the guide in their place."""
_BORDER = 0.3
"""Change of colour within a patch that is a border of bands: there the guide is drawn as it is, patches would make teeth of it."""
_OVERLAP = 3
"""A patch overlaps its neighbours by its side over this."""
_FITS = 0.02
"""Mean squared distance to the guide up to which a large patch is taken where a smaller one could be."""
_NEAR_BEST = 1.5
"""Times the best patch's distance to the guide up to which others are as good, where none fits."""
_JITTER, _REUSE = 0.002, 0.003
"""Chance cost, and cost of each earlier use of a patch or one near it: those that fit take turns."""
_FEATHER = 0.7
"""Pixels of smoothing along a cut."""
_PROBES = (0.05, 0.28, 0.5, 0.72, 0.95)
"""Where a patch is compared with the guide, as parts of its side, both ways."""


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """A chart to be filled; its columns go around."""

    picture: Float32[np.ndarray, "h w 3"]
    known: Bool[np.ndarray, "h w"]
    """Where the picture stays."""
    wanted: Bool[np.ndarray, "h w"]
    guide: Float32[np.ndarray, "h w 3"]
    """What the smoothed picture should be."""

    def turned(self, by: int) -> "Canvas":
        """Rolled along the columns."""
        return Canvas(*(np.roll(a, by, 1) for a in (self.picture, self.known, self.wanted, self.guide)))


@dataclass(frozen=True, slots=True, eq=False)
class Swatch:
    """A picture of the same stuff at the canvas' scale."""

    picture: Float32[np.ndarray, "sh sw 3"]
    low: Float32[np.ndarray, "sh sw 3"]
    """The smoothed picture."""
    usable: Bool[np.ndarray, "sh sw"]
    rows: Float32[np.ndarray, " sh"]
    """The canvas' row at the height of each row."""
    height_cost: float
    """Cost (squared colour) of taking a patch from the other end of the canvas; 0 if height means nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class _Patches:
    """Squares of the sample that are usable throughout."""

    sample: Swatch
    size: int
    corners: Int[np.ndarray, "n 2"]
    stride: int
    """Every so many-th of them was kept."""
    colors: Float32[np.ndarray, "n p"]
    """The smoothed picture at the probes."""
    plenty: bool
    """Whether they are several different ones, not one shifted by some pixels."""
    uses: Int[np.ndarray, " n"]
    """How often a patch, or one near it, was laid; changes."""


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """What lies on the canvas already; changes."""

    filled: Float32[np.ndarray, "h w 3"]
    done: Bool[np.ndarray, "h w"]


def quilt(
    canvas: Canvas, sample: Swatch, sizes: tuple[int, ...], calm: float, rng: np.random.Generator
) -> Float32[np.ndarray, "h w 3"]:
    """The picture where it is known, and patches of the sample where it is wanted; 0 where no patch was to be had.

    A place takes the first of the `sizes` (falling) that has a patch whose colours fit the guide. Patches with more than `calm`
    times the median contrast (energy) stand out and are not used.
    """
    # Start the scan at the front, so that what is made meets itself nowhere.
    half = canvas.known.shape[1] // 2
    turned = canvas.turned(half)
    fitting = [size for size in sizes if size <= min(*canvas.known.shape, *sample.usable.shape)]
    supply = [patches for size in fitting if len((patches := _patches(sample, size, calm)).corners)]
    supply = [patches for patches in supply if patches.plenty] or supply[-1:]
    filled = np.where(turned.known[..., None], turned.picture, 0).astype(np.float32)
    state = _State(filled, turned.known.copy())
    for patches in supply:
        _lay(turned, patches, np.inf if patches is supply[-1] else _FITS, state, rng)
    return np.roll(filled, -half, 1)


def _lay(canvas: Canvas, patches: _Patches, limit: float, state: _State, rng: np.random.Generator) -> None:
    """Lay patches of one size wherever one misses the guide by no more than `limit`."""
    size = patches.size
    for r in _starts(state.done.shape[0], size):
        for c in _starts(state.done.shape[1], size):
            place = np.s_[r : r + size, c : c + size]
            filled, done, known = state.filled[place], state.done[place], canvas.known[place]
            if not (canvas.wanted[place] & ~done).any():
                continue
            block = _chosen(canvas, patches, (r, c), limit, state, rng)
            if block is None:
                continue
            taken = _taken(((block - filled) ** 2).sum(-1) * done, done)
            share = np.maximum(cv2.GaussianBlur(taken.astype(np.float32), (0, 0), _FEATHER), ~done)
            share = (share * ~known)[..., None]
            state.filled[place] = filled * (1 - share) + block * share
            state.done[place] = True


def _chosen(
    canvas: Canvas,
    patches: _Patches,
    place: tuple[int, int],
    limit: float,
    state: _State,
    rng: np.random.Generator,
) -> Float32[np.ndarray, "p p 3"] | None:
    """One of the patches that agree best with the guide and with what lies there; None if all of them miss the guide."""
    (r, c), size = place, patches.size
    window = np.s_[r : r + size, c : c + size]
    aim = _probed(canvas.guide, np.array([[r, c]]), size)
    if np.ptp(aim.reshape(-1, 3), axis=0).max() > _BORDER:
        return None if np.isfinite(limit) else canvas.guide[window]
    off = patches.colors - aim
    misfit = np.einsum("np,np->n", off, off) / off.shape[1]
    misfit += patches.sample.height_cost * ((patches.sample.rows[patches.corners[:, 0]] - r) / len(state.done)) ** 2
    cost = misfit + _JITTER * rng.random(len(misfit)) + _REUSE * patches.uses
    cost[misfit > max(_FITS, _NEAR_BEST * float(misfit.min()))] = np.inf
    if misfit.min() > limit:
        return None
    fitting = int(np.isfinite(cost).sum())
    near = np.argsort(cost, kind="stable")[: min(_COMPARED, fitting)]
    if fitting * patches.stride < _FEW * size * size or misfit.min() > _FITS:
        return np.asarray(canvas.guide[window] + _spots(patches, near, rng), np.float32)
    lying, done = state.filled[window], state.done[window][..., None]
    blocks = np.stack([patches.sample.picture[i : i + size, j : j + size] for i, j in patches.corners[near]])
    seam = (((blocks - lying) ** 2) * done).sum((1, 2, 3)) / max(3 * int(done.sum()), 1)
    best = np.argsort(cost[near] + seam, kind="stable")[:_BEST]
    best = best[rng.integers(0, len(best))]
    patches.uses[(np.abs(patches.corners - patches.corners[near[best]]) < size / 2).all(1)] += 1
    return np.asarray(blocks[best])


def _spots(patches: _Patches, near: Int[np.ndarray, " n"], rng: np.random.Generator) -> Float32[np.ndarray, "p p 3"]:
    """Grain as that of the patches `near`, but never the same twice: a sum of shifted copies (spot noise, van Wijk 1991)."""
    size, sample, total = patches.size, patches.sample, np.zeros((patches.size, patches.size, 3), np.float32)
    for index in rng.choice(near, _SPOTS):
        i, j = patches.corners[index]
        window = np.s_[i : i + size, j : j + size]
        grain = sample.picture[window] - sample.low[window]
        shift, sign = rng.integers(0, size, 2), rng.choice((-1, 1))
        total += sign * np.roll(grain - grain.mean((0, 1)), tuple(shift), (0, 1))
    return np.asarray(total / np.sqrt(_SPOTS), np.float32)


def _patches(sample: Swatch, size: int, calm: float) -> _Patches:
    """The calmer ones of all squares of that size that are usable throughout."""
    corners = np.argwhere(_boxes(_summed(sample.usable), size) == size * size)
    if len(corners):
        contrast = _boxes(_summed(((sample.picture - sample.low) ** 2).sum(-1)), size)[tuple(corners.T)]
        corners = corners[contrast <= calm * np.median(contrast) + 1e-6]
    plenty = len(corners) > _PLENTY * size * size
    stride = max(1, -(-len(corners) // _MOST_SOURCES))
    corners = corners[::stride]
    colors = _probed(sample.low, corners, size)
    plain = np.ptp(colors.reshape(len(corners), len(_PROBES) ** 2, 3), axis=1).max(-1) < _BORDER
    corners, colors, uses = corners[plain], colors[plain], np.zeros(np.count_nonzero(plain), np.int64)
    return _Patches(sample, size, corners, stride, colors, plenty, uses)


def _summed(values: np.ndarray) -> np.ndarray:
    """Summed area table with a leading row and column of zeros."""
    return np.pad(values.astype(np.float64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))


def _boxes(table: np.ndarray, size: int) -> np.ndarray:
    """Sums over all squares."""
    return np.asarray(table[size:, size:] - table[:-size, size:] - table[size:, :-size] + table[:-size, :-size])


def _probed(
    low: Float32[np.ndarray, "h w 3"], corners: Int[np.ndarray, "n 2"], size: int
) -> Float32[np.ndarray, "n p"]:
    steps = (np.array(_PROBES) * size).astype(int)
    down, across = np.meshgrid(steps, steps, indexing="ij")
    at = corners[:, None] + np.stack([down.ravel(), across.ravel()], -1)
    return np.asarray(low[at[..., 0], at[..., 1]].reshape(len(corners), 3 * len(_PROBES) ** 2))


def _taken(error: Float32[np.ndarray, "p p"], done: Bool[np.ndarray, "p p"]) -> Bool[np.ndarray, "p p"]:
    """The pixels of a patch that are used: all where nothing lies yet, and up to the cheapest cut from each side that is done."""
    overlap = len(error) // _OVERLAP
    taken = np.ones(done.shape, bool)
    sides = [((a, a[:, ::-1]), (a.T, a.T[:, ::-1])) for a in (error, done, taken)]
    for axis, end in ((0, 0), (0, 1), (1, 0), (1, 1)):
        strip, lying, inside = (side[axis][end][:, :overlap] for side in sides)
        if np.count_nonzero(lying) > lying.size / 2:
            inside &= np.arange(overlap) >= _cut(np.ascontiguousarray(strip, np.float64))[:, None]
    return np.asarray(taken | ~done)


@numba.njit(cache=True)
@no_type_check
def _cut(error):
    """Column of the cheapest path down a strip, row by row, with steps of at most one column."""
    rows, columns = error.shape
    cost = error.copy()
    for i in range(1, rows):
        for j in range(columns):
            low = cost[i - 1, j]
            if j > 0 and cost[i - 1, j - 1] < low:
                low = cost[i - 1, j - 1]
            if j + 1 < columns and cost[i - 1, j + 1] < low:
                low = cost[i - 1, j + 1]
            cost[i, j] += low
    path = np.zeros(rows, np.int64)
    path[rows - 1] = np.argmin(cost[rows - 1])
    for i in range(rows - 2, -1, -1):
        j = path[i + 1]
        start, end = max(j - 1, 0), min(j + 2, columns)
        path[i] = start + np.argmin(cost[i, start:end])
    return path


def _starts(length: int, patch: int) -> list[int]:
    step = patch - patch // _OVERLAP
    return [*range(0, length - patch, step), length - patch]
