"""Fills what nobody saw: smooth colours over the mesh, and the colours of a chart's rows carried around to where they end."""

from typing import no_type_check

import numba
import numpy as np
import scipy.ndimage
from jaxtyping import Bool, Float, Float32, Int

from facecraft4d.toolkit.meshes.graph import unique_edges, weighted_fill

_FLATNESS = 0.01
"""How well colours conduct up and down, beside along the horizon."""
_SMOOTHNESS = 0.02
"""How much an edge along the horizon makes its ends alike, beside the weight 1 of a vertex that the photograph sees well."""
_UPRIGHT = 4
"""Power by which edges lose conductance as they rise from the horizon."""
_STEEPNESS = 5.0
"""How much farther a row up or down is than a column beside, when the nearest seen colour is looked for."""
_SKIP = 0.01
"""Cost (squared colour) of pairing a row with one that is already paired."""


def diffuse(
    vertices: Float[np.ndarray, "v 3"],
    triangles: Int[np.ndarray, "f 3"],
    values: Float[np.ndarray, "v k"],
    weights: Float[np.ndarray, " v"],
) -> Float32[np.ndarray, "v k"]:
    """The smoothest values over the mesh that agree with `values` where `weights` (0..1) say so.

    Edges along the horizon conduct better than upright ones, so that bands (a hat's brim, a collar) carry on around the head.
    A connected piece without any weight takes the mean of all weighted values.
    """
    edges = unique_edges(triangles)
    step = vertices[edges[:, 1]].astype(np.float64) - vertices[edges[:, 0]]
    length = np.maximum(np.linalg.norm(step, axis=1), 1e-6)
    upright = np.abs(step[:, 1]) / length
    conductance = _SMOOTHNESS * (_FLATNESS + (1 - _FLATNESS) * (1 - upright) ** _UPRIGHT)
    return weighted_fill(edges, conductance, values, weights)


def continued_around(
    low: Float32[np.ndarray, "h w 3"], known: Bool[np.ndarray, "h w"], middle: int
) -> Float32[np.ndarray, "h w 3"]:
    """The smoothed colours of a chart, going on along its rows from where they are known to where they are not.

    Columns wrap around; the seen part lies about column `middle`. Half around, what one side shows turns into what the other shows
    by moving up and down: bands stay bands, slope if they must, and none of them bleeds into the next.
    """
    if not known.any():
        return np.zeros_like(low)
    columns = known.shape[1]
    filled = np.roll(nearest(low, known)[0], columns // 2 - middle, 1)
    left, right = columns // 4, columns - 1 - columns // 4
    # From the subject's left side, now at `right`, around the back to the right side, now at `left`.
    share = np.arange(1, left + columns - right) / (left + columns - right)
    back = (np.arange(len(share)) + right + 1) % columns
    filled[:, back] = _morphed(filled[:, right], filled[:, left], share.astype(np.float32))
    around = np.roll(filled, middle - columns // 2, 1)
    return np.where(known[..., None], low, around).astype(np.float32)


def nearest(low: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Colour of the nearest known pixel of a chart that goes around, and how far it is."""
    distance, index = scipy.ndimage.distance_transform_edt(
        ~np.concatenate([known] * 3, 1), sampling=(_STEEPNESS, 1.0), return_indices=True
    )
    columns = known.shape[1]
    middle = np.s_[:, columns : 2 * columns]
    return low[index[0][middle], index[1][middle] % columns], distance[middle]


def _morphed(
    first: Float32[np.ndarray, "h 3"], last: Float32[np.ndarray, "h 3"], share: Float32[np.ndarray, " n"]
) -> Float32[np.ndarray, "h n 3"]:
    """Columns between two: rows that correspond (dynamic time warping) move from their height in `first` to that in `last`."""
    difference = ((first[:, None].astype(np.float64) - last[None]) ** 2).sum(-1)
    a, b = _pairs(difference, _SKIP).T
    rows = np.arange(len(first))
    between = np.empty((len(rows), len(share), 3), np.float32)
    for column, t in enumerate(share):
        height = (1 - t) * a + t * b + 1e-6 * np.arange(len(a))
        at = np.interp(rows, height, np.arange(len(a))).round().astype(int)
        between[:, column] = (1 - t) * first[a[at]] + t * last[b[at]]
    return between


@numba.njit(cache=True)
@no_type_check
def _pairs(difference, skip):
    """The cheapest monotone pairing [n, 2] of two sequences from both starts to both ends."""
    rows, columns = difference.shape
    cost = np.full((rows + 1, columns + 1), np.inf)
    cost[0, 0] = 0.0
    for i in range(rows):
        for j in range(columns):
            before = min(cost[i, j], cost[i, j + 1] + skip, cost[i + 1, j] + skip)
            cost[i + 1, j + 1] = before + difference[i, j]
    path = [(rows - 1, columns - 1)]
    i, j = rows - 1, columns - 1
    while i > 0 or j > 0:
        both, down, right = cost[i, j], cost[i, j + 1] + skip, cost[i + 1, j] + skip
        if both <= down and both <= right:
            i, j = i - 1, j - 1
        elif down <= right:
            i -= 1
        else:
            j -= 1
        path.append((i, j))
    return np.array(path[::-1])
