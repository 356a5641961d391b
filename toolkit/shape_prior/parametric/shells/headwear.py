"""A hat's brim: the plane through the edge that the photograph shows of it, carried round the head."""

import numpy as np
from jaxtyping import Bool, Float64

_USUAL_TILT, _TILTS, _WITNESS = 0.27, (0.0, 0.35), 0.003
"""Rise of a brim towards the face, 15 degrees, its limits, and the spread of depth (metres) of which it is as good a witness."""
_FRONT = 0.06
"""Metres from the middle over which the edge is trusted: at the temples hair, ears and shade are taken for the hat."""
_LEAST_POINTS = 8
"""Rays on which the edge lies from which it tells a plane."""


def brim(
    points: Float64[np.ndarray, "r c 3"], pictured: Float64[np.ndarray, "r c"], seen: Float64[np.ndarray, "r c"]
) -> Float64[np.ndarray, "r c"] | None:
    """Metres above the brim's plane at each point; None where the photograph shows too little of the edge.

    `pictured` is the distance within the hat that the photograph tells (metres), `seen` how surely it sees the point.
    """
    over, under, sure = pictured[:-1], pictured[1:], np.minimum(seen[:-1], seen[1:])
    edge: Bool[np.ndarray, "_ c"] = (over > 0) & (under <= 0) & (sure > 0.5)
    if edge.sum() < _LEAST_POINTS:
        return None
    share = (over / np.maximum(over - under, 1e-9))[..., None]
    x, y, z = ((1 - share) * points[:-1] + share * points[1:])[edge].T
    weight = sure[edge] * np.exp(-((x / _FRONT) ** 2))
    # least squares of the edge's height over depth, with the usual tilt as one more witness
    mean_y, mean_z = np.average(y, weights=weight), np.average(z, weights=weight)
    spread = np.average((z - mean_z) ** 2, weights=weight) + _WITNESS**2
    tilt = (np.average((z - mean_z) * (y - mean_y), weights=weight) + _WITNESS**2 * _USUAL_TILT) / spread
    tilt = np.clip(tilt, *_TILTS)
    height = points[..., 1] - mean_y - tilt * (points[..., 2] - mean_z)
    return np.asarray(height / np.hypot(1, tilt))
