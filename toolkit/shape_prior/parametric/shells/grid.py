"""A grid of rays around a vertical axis, and the closed sheet that stands on it: the common ground of hair and clothes.

Rows run from the top to the bottom, columns around the axis by azimuth (0 at the face, positive towards the subject's left).
Above its centre the rays fan out like a globe's radii, below they are horizontal, like a cylinder's.
"""

from dataclasses import dataclass
from typing import no_type_check

import numba
import numpy as np
import scipy.ndimage
from jaxtyping import Float, Float64, Int, Shaped

from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.core.geometry import project
from facecraft4d.toolkit.shape_prior.parametric.shells.constants import CROWN_DEGREES, GAP_ROUNDS, HEAD_RADIUS


@dataclass(frozen=True, slots=True, eq=False)
class ShellGrid:
    """Rays; a sheet is one radius for each."""

    center: Float64[np.ndarray, "3"]
    elevations: Float64[np.ndarray, " e"]
    """Radians of the rows that fan out, from the crown down; may be empty."""
    spacing: float
    """Metres between the level rows, the first of which runs through `center`."""
    origins: Float64[np.ndarray, "r c 3"]
    directions: Float64[np.ndarray, "r c 3"]
    azimuths: Float64[np.ndarray, " c"]
    """Radians in [-pi, pi)."""

    def points(self, radii: Float[np.ndarray, "r c"]) -> Float64[np.ndarray, "r c 3"]:
        """World points on the rays."""
        return np.asarray(self.origins + radii[..., None] * self.directions)

    def locate(self, points: Float[np.ndarray, "n 3"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Fractional row and column [n] of the ray through each point, and its radius [n]; rows may lie outside the grid."""
        x, y, z = (points.astype(np.float64) - self.center).T
        flat = np.hypot(x, z)
        columns = (np.arctan2(x, z) / (2 * np.pi) + 0.5) * len(self.azimuths)
        level = len(self.elevations) - y / self.spacing
        if not len(self.elevations):
            return level, columns, flat
        # The fan ends one step above the first level row, which stands for elevation 0.
        ladder = np.append(self.elevations, 0.0)
        fan = np.interp(-np.arctan2(y, flat), -ladder, np.arange(len(ladder)))
        above = y > 0
        return np.where(above, fan, level), columns, np.where(above, np.hypot(flat, y), flat)

    def feet(self, points: Float[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 3"]:
        """Where the ray through each point starts."""
        axis = self.center * [1, 0, 1] + points * [0, 1, 0]
        fan = (points[:, 1] > self.center[1]) & (len(self.elevations) > 0)
        return np.asarray(np.where(fan[:, None], self.center, axis))

    def sample(self, values: Float[np.ndarray, "r c"], rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Bilinear values at fractional rows and columns; the last rows go on beyond the grid."""
        wrapped = np.concatenate([values, values[:, :1]], 1)
        return np.asarray(scipy.ndimage.map_coordinates(wrapped, [rows, columns], order=1, mode="nearest"))


def capsule_grid(
    center: Float64[np.ndarray, "3"], bottom: float, columns: int, spacing: float, dome: bool = True
) -> ShellGrid:
    """Rays from `center` upwards (if `dome`) and from the axis below it down to height `bottom`, about `spacing` metres apart."""
    azimuths = (np.arange(columns) / columns * 2 - 1) * np.pi
    flat = np.stack([np.sin(azimuths), np.zeros(columns), np.cos(azimuths)], -1)
    step = np.degrees(spacing / HEAD_RADIUS)
    elevations = np.radians(np.arange(CROWN_DEGREES, 0.5 * step, -step)) if dome else np.zeros(0)
    fan = np.cos(elevations)[:, None, None] * flat + np.sin(elevations)[:, None, None] * np.array([0.0, 1.0, 0.0])
    count = max(int(np.ceil((center[1] - bottom) / spacing)), 1) + 1
    spacing = max(float(center[1] - bottom), 1e-3) / (count - 1)
    origins = np.tile(center, (len(elevations) + count, columns, 1))
    origins[len(elevations) :, :, 1] = (center[1] - spacing * np.arange(count))[:, None]
    directions = np.concatenate([fan, np.tile(flat, (count, 1, 1))])
    return ShellGrid(center, elevations, spacing, origins, directions, azimuths)


def outer_radii(
    grid: ShellGrid, vertices: Float[np.ndarray, "v 3"], triangles: Int[np.ndarray, "f 3"]
) -> Float64[np.ndarray, "r c"]:
    """Where each ray leaves a mesh for the last time, metres; gaps are filled smoothly from around."""
    shape = grid.origins.shape[:2]
    hits = last_hits(grid, vertices, triangles)
    known = hits > 0
    if not known.any():
        raise ValueError("the mesh must be hit by some ray, got none")
    padded = np.concatenate([hits, hits, hits], 1)
    gaps = np.concatenate([~known] * 3, 1)
    index = scipy.ndimage.distance_transform_edt(gaps, return_distances=False, return_indices=True)
    filled = padded[tuple(index)]
    for _ in range(GAP_ROUNDS):
        smooth = scipy.ndimage.uniform_filter(filled, 3, mode="nearest")
        filled = np.where(gaps, smooth, padded)
    return np.asarray(filled[:, shape[1] : 2 * shape[1]])


def last_hits(
    grid: ShellGrid, vertices: Float[np.ndarray, "v 3"], triangles: Int[np.ndarray, "f 3"]
) -> Float64[np.ndarray, "r c"]:
    """Where each ray leaves a mesh for the last time, metres; 0 where it meets none of it."""
    corners = np.ascontiguousarray(vertices.astype(np.float64)[triangles])
    hits = _last_hits(grid.origins.reshape(-1, 3), grid.directions.reshape(-1, 3), corners)
    return np.asarray(hits).reshape(grid.origins.shape[:2])


@numba.njit(cache=True)
@no_type_check
def _last_hits(origins, directions, corners):
    """Farthest intersection of each ray with any triangle (Moeller and Trumbore 1997); 0 where there is none."""
    hits = np.zeros(len(origins))
    for f in range(len(corners)):
        a = corners[f, 0]
        u = corners[f, 1] - a
        v = corners[f, 2] - a
        for i in range(len(origins)):
            d = directions[i]
            p0, p1, p2 = d[1] * v[2] - d[2] * v[1], d[2] * v[0] - d[0] * v[2], d[0] * v[1] - d[1] * v[0]
            determinant = u[0] * p0 + u[1] * p1 + u[2] * p2
            if abs(determinant) < 1e-14:
                continue
            s0, s1, s2 = origins[i, 0] - a[0], origins[i, 1] - a[1], origins[i, 2] - a[2]
            first = (s0 * p0 + s1 * p1 + s2 * p2) / determinant
            if first < 0.0 or first > 1.0:
                continue
            q0, q1, q2 = s1 * u[2] - s2 * u[1], s2 * u[0] - s0 * u[2], s0 * u[1] - s1 * u[0]
            second = (d[0] * q0 + d[1] * q1 + d[2] * q2) / determinant
            if second < 0.0 or first + second > 1.0:
                continue
            along = (v[0] * q0 + v[1] * q1 + v[2] * q2) / determinant
            if along > hits[i]:
                hits[i] = along
    return hits


def picture_values(camera: Camera, picture: Shaped[np.ndarray, "h w"], points: Float[np.ndarray, "*n 3"]) -> np.ndarray:
    """Bilinear samples of a picture where world points project to; beyond its rim the rim's values."""
    pixels, _ = project(camera, points)
    return np.asarray(
        scipy.ndimage.map_coordinates(
            picture.astype(np.float32), [pixels[..., 1] - 0.5, pixels[..., 0] - 0.5], order=1, mode="nearest"
        )
    )


def signed_distance(mask: np.ndarray) -> np.ndarray:
    """Distance in pixels to the border of a mask: positive inside."""
    inside, outside = scipy.ndimage.distance_transform_edt(mask), scipy.ndimage.distance_transform_edt(~mask)
    return np.asarray(np.where(mask, inside - 0.5, 0.5 - outside))


def wrapped_filter(values: np.ndarray, sigma: tuple[float, float]) -> np.ndarray:
    """Gaussian filter that goes around the columns."""
    return np.asarray(scipy.ndimage.gaussian_filter(values, sigma, mode=("nearest", "wrap")))


def sheet_triangles(rows: int, columns: int) -> Int[np.ndarray, "f 3"]:
    """Triangles of the sheet with a lid on both ends, counter-clockwise from outside.

    Vertices: the grid row by row, then the top's and the bottom's middle.
    """
    index = np.arange(rows * columns).reshape(rows, columns)
    here, right = index, np.roll(index, -1, 1)
    a, b, c, d = here[:-1], right[:-1], here[1:], right[1:]
    body = np.concatenate([np.stack([a, c, b], -1), np.stack([b, c, d], -1)], 1).reshape(-1, 3)
    top, bottom = rows * columns, rows * columns + 1
    lid = np.stack([np.full(columns, top), here[0], right[0]], -1)
    floor = np.stack([np.full(columns, bottom), right[-1], here[-1]], -1)
    return np.concatenate([body, lid, floor]).astype(np.int32)
