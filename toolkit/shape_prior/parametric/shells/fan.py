"""A grid of rays that fan out from one point, each column between two elevations of its own: rows follow a garment's edges."""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
from jaxtyping import Float, Float64

from facecraft4d.toolkit.shape_prior.parametric.shells.grid import ShellGrid


@dataclass(frozen=True, slots=True, eq=False)
class FanGrid(ShellGrid):
    """Rays from `center`; row 0 lies at the upper, the last row at the lower elevation of each column."""

    ends: Float64[np.ndarray, "2 c"]
    """Upper and lower elevation of each column, radians."""

    def locate(self, points: Float[np.ndarray, "n 3"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Fractional row and column [n] of the ray through each point, and its radius [n]; rows may lie outside the grid."""
        x, y, z = (points.astype(np.float64) - self.center).T
        columns = (np.arctan2(x, z) / (2 * np.pi) + 0.5) * len(self.azimuths)
        upper, lower = (scipy.ndimage.map_coordinates(end, [columns], order=1, mode="grid-wrap") for end in self.ends)
        flat = np.hypot(x, z)
        rows = (upper - np.arctan2(y, flat)) / (upper - lower) * (len(self.origins) - 1)
        return rows, columns, np.hypot(flat, y)

    def feet(self, points: Float[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 3"]:
        """Where the ray through each point starts."""
        return np.broadcast_to(self.center, points.shape)


def fan_grid(
    center: Float64[np.ndarray, "3"], upper: Float64[np.ndarray, " c"], lower: Float64[np.ndarray, " c"], rows: int
) -> FanGrid:
    """`rows` evenly spaced elevations (radians) for each column, from `upper` down to `lower`."""
    columns = len(upper)
    azimuths = (np.arange(columns) / columns * 2 - 1) * np.pi
    share = np.linspace(0, 1, rows)[:, None]
    elevations = upper + share * (lower - upper)
    level = np.cos(elevations)
    directions = np.stack([level * np.sin(azimuths), np.sin(elevations), level * np.cos(azimuths)], -1)
    origins = np.broadcast_to(center, directions.shape)
    return FanGrid(center, np.zeros(0), 0.0, origins, directions, azimuths, np.stack([upper, lower]))
