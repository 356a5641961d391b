"""Smooth fields on a grid of rays: membranes through scattered values, and distances over the surface.

A membrane is the field f that makes the integral of length^2 |grad f|^2 + weight (f - target)^2 least: values reach about `length`
from where they are known with weight 1, and go on as calmly as possible where they are not.
"""

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
from jaxtyping import Bool, Float, Float64
from scipy.spatial import cKDTree


def membrane(
    points: Float[np.ndarray, "r c 3"],
    targets: Float[np.ndarray, "r c"],
    weights: Float[np.ndarray, "r c"],
    length: float,
) -> Float64[np.ndarray, "r c"]:
    """The membrane over a sheet with vertices `points` (metres) that goes around the columns and closes over its first row."""
    area, joints = _metric(points)
    rows, columns = area.shape
    first, second, conductance = joints
    stiffness = scipy.sparse.coo_matrix((conductance, (first, second)), shape=(rows * columns,) * 2)
    stiffness = stiffness + stiffness.T
    laplacian = scipy.sparse.diags(np.asarray(stiffness.sum(1)).ravel()) - stiffness
    data = (weights * area).ravel()
    # a whisper of weight everywhere keeps the system solvable where nothing is known at all
    system = length**2 * laplacian + scipy.sparse.diags(data + 1e-9 * area.mean())
    return np.asarray(scipy.sparse.linalg.spsolve(system.tocsc(), data * targets.ravel())).reshape(rows, columns)


def _metric(points: Float[np.ndarray, "r c 3"]) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Area [r, c] of each point's cell, and pairs of neighbours with the ratio of their border's length to their distance."""
    rows, columns = points.shape[:2]
    index = np.arange(rows * columns).reshape(rows, columns)
    across = np.linalg.norm(np.roll(points, -1, 1) - points, axis=-1).mean(1, keepdims=True)
    down = np.linalg.norm(np.diff(points, axis=0), axis=-1).mean(1, keepdims=True)
    across, down = np.maximum(across, 1e-5), np.maximum(down, 1e-5)
    tall = np.concatenate([down[:1], (down[:-1] + down[1:]) / 2, down[-1:]]) if rows > 1 else np.ones((1, 1))
    pairs = [
        (index, np.roll(index, -1, 1), np.broadcast_to(tall / across, index.shape)),
        (index[:-1], index[1:], np.broadcast_to((across[:-1] + across[1:]) / 2 / down, index[1:].shape)),
    ]
    half = columns // 2
    pole = across[0] / np.linalg.norm(points[0, :half] - points[0, half : 2 * half], axis=-1).clip(1e-5)
    pairs.append((index[0, :half], index[0, half : 2 * half], pole))
    joined = [np.concatenate([pair[i].ravel() for pair in pairs]) for i in range(3)]
    return np.broadcast_to(tall * across, index.shape), (joined[0], joined[1], joined[2])


def border_distance(mask: Bool[np.ndarray, "r c"], points: Float[np.ndarray, "r c 3"]) -> Float64[np.ndarray, "r c"]:
    """Straight distance (metres) of each point of a sheet to the border of a mask on it: positive inside; 1 where there is no border."""
    borders = []
    right = np.roll(mask, -1, 1) != mask
    borders.append(((points + np.roll(points, -1, 1)) / 2)[right])
    below = mask[1:] != mask[:-1]
    borders.append(((points[1:] + points[:-1]) / 2)[below])
    border = np.concatenate(borders)
    if not len(border):
        return np.where(mask, 1.0, -1.0)
    distance, _ = cKDTree(border).query(points)
    return np.asarray(np.where(mask, distance, -distance))
