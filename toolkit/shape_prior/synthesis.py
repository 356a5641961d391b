"""Fills what nobody saw: smooth colours over the mesh, and detail quilted from patches that were seen.

Quilting after Efros and Freeman 2001, with feathered instead of cut overlaps, on the detail layer only (zero mean).
"""

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
from jaxtyping import Bool, Float, Float32, Int

_CANDIDATES = 160
_BEST = 8
_CALM = (0.6, 0.1, 4.0)
"""Patches are calm up to this quantile of the contrast, and up to that many times that quantile (energy)."""
_FLATNESS = 0.01
"""How well colours conduct up and down, beside along the horizon."""
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
    conductance = _SMOOTHNESS * (_FLATNESS + (1 - _FLATNESS) * (1 - upright) ** 4)
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

    Patches overlap by half; each is the best of random candidates in what it shares with what already lies there. Only the
    calmer patches are used: an emblem on a hat stands out, and must not come twice. Columns wrap around.
    If no whole patch is known the result is 0 outside `known`.
    """
    # Start the scan at the front, so that what is made meets itself nowhere.
    half = known.shape[1] // 2
    turned = _quilt(np.roll(detail, half, 1), np.roll(known, half, 1), np.roll(wanted, half, 1), patch, rng)
    return np.roll(turned, -half, 1)


def _quilt(
    detail: np.ndarray, known: np.ndarray, wanted: np.ndarray, patch: int, rng: np.random.Generator
) -> np.ndarray:
    filled = np.where(known[..., None], detail, 0).astype(np.float32)
    weight = known.astype(np.float32)
    sources = _calm_patches(detail, _whole_patches(known, patch), patch)
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
        best = blocks[int(np.argsort(misfit)[rng.integers(0, _BEST)])]
        open_ = ~known[place][..., None] * feather
        filled[place] += best * open_
        weight[place] += open_[..., 0]
    result = filled / np.maximum(weight, 1e-6)[..., None]
    # Averaging overlapping patches flattens the contrast: give it back.
    some = sources[rng.integers(0, len(sources), 50)]
    target = np.std([detail[i : i + patch, j : j + patch] for i, j in some])
    gain = np.clip(target / max(float(result[wanted & ~known].std()), 1e-4), 0.8, 1.3)
    return np.where(known[..., None], detail, result * gain).astype(np.float32)


def _whole_patches(known: Bool[np.ndarray, "h w"], patch: int) -> Int[np.ndarray, "n 2"]:
    """Top left corners of all patches that are known throughout."""
    table = np.pad(known.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    if min(known.shape) < patch:
        return np.zeros((0, 2), np.int64)
    count = table[patch:, patch:] - table[:-patch, patch:] - table[patch:, :-patch] + table[:-patch, :-patch]
    return np.argwhere(count == patch * patch)


def _calm_patches(detail: np.ndarray, sources: np.ndarray, patch: int) -> np.ndarray:
    """Those of the patches whose contrast is low."""
    if not len(sources):
        return sources
    energy = (detail**2).sum(-1)
    table = np.pad(energy.astype(np.float64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    r, c = sources.T
    contrast = table[r + patch, c + patch] - table[r, c + patch] - table[r + patch, c] + table[r, c]
    most, least, times = _CALM
    limit = min(np.quantile(contrast, most), times * np.quantile(contrast, least))
    return np.asarray(sources[contrast <= limit])


def _starts(length: int, patch: int) -> list[int]:
    if length <= patch:
        return [0] if length == patch else []
    return [*range(0, length - patch, patch // 2), length - patch]
