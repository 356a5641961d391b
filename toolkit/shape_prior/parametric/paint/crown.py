"""Places on a hat: how far around it and how far down from its crown, so that all of its brim is equally far down.

A hat's folds and ribs follow its brim, which lies lower behind: rows of the chart, level with the head, cross them.
"""

import numpy as np
from jaxtyping import Float, Float64

from facecraft4d.toolkit.shape_prior.parametric.paint.pattern import Frame
from facecraft4d.toolkit.shape_prior.parametric.shells.sheet import wrap

_BRIM = (0.2, 0.8)
"""How far a hat's vertices are worn between which they lie on its brim."""
_LEAST_VERTICES = 8
"""Vertices of the brim from which it tells a plane."""
_SECTORS = 32
"""Directions in which the brim's distance from its middle is told: each has some three vertices."""


def hat_frame(
    vertices: Float[np.ndarray, "v 3"], worn: Float[np.ndarray, " v"], places: Float[np.ndarray, "n 3"], front: float
) -> Frame | None:
    """The frame of `places` on the hat whose sheet has `vertices`, `worn` from 0 to 1; metres. `front` is the azimuth of its middle, radians.

    None where the sheet shows no brim.
    """
    edge, hat = vertices[(worn > _BRIM[0]) & (worn < _BRIM[1])], vertices[worn > _BRIM[1]]
    if min(len(edge), len(hat)) < _LEAST_VERTICES:
        return None
    slope = np.linalg.lstsq(_over_ground(edge), edge[:, 1], rcond=None)[0]
    middle = (edge.min(0) + edge.max(0)) / 2

    def height(points: np.ndarray) -> np.ndarray:
        return np.asarray((points[:, 1] - _over_ground(points) @ slope) / np.linalg.norm([1, *slope[1:]]))

    angle, radius = _polar(places - middle)
    rim = _rim(*_polar(edge - middle), angle)
    top = max(float(height(hat).max()), 1e-3)
    down = np.arctan2(radius / rim, height(places) / top) * (top + float(rim.mean())) / 2
    return Frame(wrap(angle - front), down)


def _over_ground(points: Float[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 3"]:
    return np.stack([np.ones(len(points)), points[:, 0], points[:, 2]], 1).astype(np.float64)


def _polar(offsets: Float[np.ndarray, "n 3"]) -> tuple[np.ndarray, np.ndarray]:
    """Azimuth and distance over the ground."""
    return np.arctan2(offsets[:, 0], offsets[:, 2]), np.hypot(offsets[:, 0], offsets[:, 2])


def _rim(
    angles: Float[np.ndarray, " e"], radii: Float[np.ndarray, " e"], at: Float[np.ndarray, " n"]
) -> Float64[np.ndarray, " n"]:
    """The brim's distance from its middle in each direction `at`: means of sectors, straight between them."""
    sector = ((angles / (2 * np.pi) + 0.5) * _SECTORS).astype(int) % _SECTORS
    counts = np.bincount(sector, minlength=_SECTORS)
    known = np.flatnonzero(counts)
    means = np.bincount(sector, radii, _SECTORS)[known] / counts[known]
    return np.asarray(np.interp(at, ((known + 0.5) / _SECTORS - 0.5) * 2 * np.pi, means, period=2 * np.pi))
