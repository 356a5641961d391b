"""A grid of rays that fan out from one point: rows follow a garment's edges, between which each column has elevations of its own."""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
from jaxtyping import Float, Float64

from facecraft4d.toolkit.shape_prior.parametric.shells.grid import ShellGrid


@dataclass(frozen=True, slots=True, eq=False)
class FanGrid(ShellGrid):
    """Rays from `center`; elevations are evenly spaced between the rows that follow edges."""

    edges: tuple[int, ...]
    """The rows that follow an edge, the first and the last row among them."""
    ends: Float64[np.ndarray, "k c"]
    """Elevation of each of these rows in each column, radians, downwards."""

    def locate(self, points: Float[np.ndarray, "n 3"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Fractional row and column [n] of the ray through each point, and its radius [n]; rows may lie outside the grid."""
        x, y, z = (points.astype(np.float64) - self.center).T
        columns = (np.arctan2(x, z) / (2 * np.pi) + 0.5) * len(self.azimuths)
        ends = [scipy.ndimage.map_coordinates(end, [columns], order=1, mode="grid-wrap") for end in self.ends]
        flat = np.hypot(x, z)
        elevation = np.arctan2(y, flat)
        rows = np.zeros(len(points))
        last = len(ends) - 2
        for i in range(len(ends) - 1):
            share = (ends[i] - elevation) / (ends[i] - ends[i + 1])
            share = share.clip(None if i == 0 else 0, None if i == last else 1)
            rows += share * (self.edges[i + 1] - self.edges[i])
        return rows, columns, np.hypot(flat, y)

    def feet(self, points: Float[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 3"]:
        """Where the ray through each point starts."""
        return np.broadcast_to(self.center, points.shape)


def fan_grid(center: Float64[np.ndarray, "3"], ends: Float64[np.ndarray, "k c"], rows: tuple[int, ...]) -> FanGrid:
    """For each column as many evenly spaced elevations as `rows` says between one of its `ends` (radians, downwards) and the next."""
    columns = ends.shape[1]
    azimuths = (np.arange(columns) / columns * 2 - 1) * np.pi
    edges = tuple(np.cumsum((0, *rows)).tolist())
    every = np.arange(edges[-1] + 1)
    elevations = np.stack([np.interp(every, edges, column) for column in ends.T], 1)
    level = np.cos(elevations)
    directions = np.stack([level * np.sin(azimuths), np.sin(elevations), level * np.cos(azimuths)], -1)
    origins = np.broadcast_to(center, directions.shape)
    return FanGrid(center, np.zeros(0), 0.0, origins, directions, azimuths, edges, ends)
