"""Fills what nobody saw: smooth colours over the mesh, and detail quilted from patches that were seen.

Quilting after Efros and Freeman 2001, with feathered instead of cut overlaps, on the detail layer only (zero mean).
"""

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
from jaxtyping import Bool, Float, Float32, Int

_CANDIDATES = 160
_FLATNESS = 0.12
"""How much more smoothly colours run along the horizon than up and down."""
_SMOOTHNESS = 0.02


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
    count = len(vertices)
    edges = np.unique(
        np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), 1), axis=0
    )
    step = vertices[edges[:, 1]].astype(np.float64) - vertices[edges[:, 0]]
    length = np.maximum(np.linalg.norm(step, axis=1), 1e-6)
    upright = np.abs(step[:, 1]) / length
    conductance = _SMOOTHNESS * (_FLATNESS + (1 - _FLATNESS) * (1 - upright) ** 2)
    graph = scipy.sparse.coo_array((conductance, tuple(edges.T)), (count, count))
    graph = (graph + graph.T).tocsr()
    stiffness = scipy.sparse.diags_array(graph.sum(1)) - graph
    mean = (values * weights[:, None]).sum(0) / max(weights.sum(), 1e-9)
    system = (stiffness + scipy.sparse.diags_array(weights + 1e-7)).tocsc()
    right = weights[:, None] * values + 1e-7 * mean
    return np.asarray(scipy.sparse.linalg.splu(system).solve(right), np.float32)


def quilt(
    detail: Float32[np.ndarray, "h w 3"],
    known: Bool[np.ndarray, "h w"],
    wanted: Bool[np.ndarray, "h w"],
    patch: int,
    rng: np.random.Generator,
) -> Float32[np.ndarray, "h w 3"]:
    """Detail for the `wanted` pixels made of patches cut where everything is `known`; `detail` itself where known.

    Patches overlap by half; each is the best of random candidates in what it shares with what already lies there.
    If no whole patch is known the result is 0 outside `known`.
    """
    filled = np.where(known[..., None], detail, 0).astype(np.float32)
    weight = known.astype(np.float32)
    sources = _whole_patches(known, patch)
    if not len(sources):
        return filled
    window = np.minimum(np.arange(1, patch + 1), np.arange(patch, 0, -1)).astype(np.float32) / (patch / 2)
    feather = np.minimum(np.outer(window, window), 1)[..., None]
    height, width = known.shape
    starts = [(r, c) for r in _starts(height, patch) for c in _starts(width, patch)]
    for r, c in starts:
        place = (slice(r, r + patch), slice(c, c + patch))
        if not (wanted[place] & ~known[place]).any():
            continue
        chosen = sources[rng.integers(0, len(sources), _CANDIDATES)]
        lying = filled[place] / np.maximum(weight[place], 1e-6)[..., None]
        sure = np.minimum(weight[place], 1)[..., None]
        blocks = np.stack([detail[i : i + patch, j : j + patch] for i, j in chosen])
        misfit = (((blocks - lying) ** 2) * sure).sum((1, 2, 3))
        best = blocks[int(misfit.argmin())]
        open_ = ~known[place][..., None] * feather
        filled[place] += best * open_
        weight[place] += open_[..., 0]
    result = filled / np.maximum(weight, 1e-6)[..., None]
    # Averaging overlapping patches flattens the contrast; where several met it is given back.
    spread, target = result[wanted & ~known].std(0), detail[known].std(0)
    gain = np.clip(target / np.maximum(spread, 1e-4), 1, 1.6)
    return np.where(known[..., None], detail, result * gain).astype(np.float32)


def _whole_patches(known: Bool[np.ndarray, "h w"], patch: int) -> Int[np.ndarray, "n 2"]:
    """Top left corners of all patches that are known throughout."""
    table = np.pad(known.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    if min(known.shape) < patch:
        return np.zeros((0, 2), np.int64)
    count = table[patch:, patch:] - table[:-patch, patch:] - table[patch:, :-patch] + table[:-patch, :-patch]
    return np.argwhere(count == patch * patch)


def _starts(length: int, patch: int) -> list[int]:
    if length <= patch:
        return [0] if length == patch else []
    return [*range(0, length - patch, patch // 2), length - patch]
