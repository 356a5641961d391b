"""A hat's brim: the plane through the edge that the photograph shows of it, carried round the head."""

import numpy as np
from jaxtyping import Bool, Float64

_NEAR = 0.02
"""Metres from its edge within which points of the head tell where the brim runs."""
_USUAL_TILT, _TILTS, _CERTAINTY = 0.27, (0.0, 0.35), 0.02
"""Rise of a brim towards the face, 15 degrees, its limits, and its say beside that of an edge seen over a depth of `_NEAR`."""
_FRONT = 0.06
"""Metres from the middle over which the edge is trusted: at the temples hair, ears and shade are taken for the hat."""
_LEAST_POINTS = 8
"""Points of the grid from which an edge tells a plane."""


def brim(
    points: Float64[np.ndarray, "r c 3"], pictured: Float64[np.ndarray, "r c"], seen: Float64[np.ndarray, "r c"]
) -> Float64[np.ndarray, "r c"] | None:
    """Metres above the brim's plane at each point; None where the photograph shows too little of the edge.

    `pictured` is the distance within the hat that the photograph tells (metres), `seen` how surely it sees the point.
    """
    near: Bool[np.ndarray, "r c"] = (np.abs(pictured) < _NEAR) & (seen > 0.5)
    if near.sum() < _LEAST_POINTS:
        return None
    weight = seen[near] * np.exp(-((points[near][:, 0] / _FRONT) ** 2))
    y, z = points[near][:, 1] - pictured[near], points[near][:, 2]
    # least squares of the edge's height over depth, with the usual tilt as one more witness
    mean_y, mean_z = np.average(y, weights=weight), np.average(z, weights=weight)
    spread = (weight * (z - mean_z) ** 2).sum()
    prior = _CERTAINTY * weight.sum() * _NEAR**2
    tilt = ((weight * (z - mean_z) * (y - mean_y)).sum() + prior * _USUAL_TILT) / (spread + prior)
    tilt = np.clip(tilt, *_TILTS)
    height = points[..., 1] - mean_y - tilt * (points[..., 2] - mean_z)
    return np.asarray(height / np.hypot(1, tilt))
