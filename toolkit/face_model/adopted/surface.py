"""Where points lie on another mesh."""

from dataclasses import dataclass

import numpy as np
import scipy.spatial
from jaxtyping import Float, Float64, Int

from facecraft4d.toolkit.core.geometry import area_vectors, normalized
from facecraft4d.toolkit.face_model.embedding import closest_on_triangles

CANDIDATES = 24
"""Triangles with the nearest centres that are looked at for each point."""
AGAINST = 0.015
"""Metres that a triangle counts as farther if it faces the other way than the point; half of it if it faces aside: the other lip is no neighbour."""


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where points lie on the triangles of a mesh."""

    triangles: Int[np.ndarray, " n"]
    barycentrics: Float64[np.ndarray, "n 3"]
    distances: Float64[np.ndarray, " n"]
    """Metres between each point and its place."""

    def of(
        self, values: Float[np.ndarray, "*k v c"], triangles: Int[np.ndarray, "f 3"]
    ) -> Float64[np.ndarray, "*k n c"]:
        """The values of the mesh's vertices at the places; `triangles` are the mesh's."""
        corners = triangles[self.triangles]
        return np.asarray(np.einsum("nc,...ncx->...nx", self.barycentrics, values[..., corners, :]), np.float64)


def places_on(
    points: Float[np.ndarray, "n 3"],
    normals: Float[np.ndarray, "n 3"],
    vertices: Float[np.ndarray, "v 3"],
    triangles: Int[np.ndarray, "f 3"],
) -> Places:
    """The place of each point on the nearest triangle that faces about the same way."""
    corners = vertices[triangles].astype(np.float64)
    count = min(CANDIDATES, len(triangles))
    _, near = scipy.spatial.cKDTree(corners.mean(1)).query(points, count)
    near = near.reshape(len(points), count)
    facing = (normalized(area_vectors(corners))[near] * normals[:, None]).sum(-1)
    shares, squared = closest_on_triangles(np.repeat(points, count, 0).astype(np.float64), corners[near.ravel()])
    distance = np.sqrt(np.maximum(squared, 0)).reshape(len(points), count)
    best = (distance + AGAINST * (1 - facing) / 2).argmin(1)
    row = np.arange(len(points))
    return Places(near[row, best], shares.reshape(len(points), count, 3)[row, best], distance[row, best])


def first_hits(
    origin: Float64[np.ndarray, "3"],
    directions: Float64[np.ndarray, "n 3"],
    vertices: Float[np.ndarray, "v 3"],
    triangles: Int[np.ndarray, "f 3"],
) -> Places:
    """Where rays from one point first meet a mesh (Moller and Trumbore 1997); `distances` along unit `directions`, infinite for none."""
    corners = vertices[triangles].astype(np.float64)
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    from_corner = origin - corners[:, 0]
    across = np.cross(from_corner, first)
    distances = np.full(len(directions), np.inf)
    hits, shares = np.zeros(len(directions), np.int64), np.tile([1.0, 0, 0], (len(directions), 1))
    for index, direction in enumerate(directions):
        normal = np.cross(direction, second)
        facing = (first * normal).sum(1)
        facing = np.where(np.abs(facing) < 1e-15, np.inf, facing)
        u, v = (from_corner * normal).sum(1) / facing, across @ direction / facing
        along = np.where((u >= 0) & (v >= 0) & (u + v <= 1), (second * across).sum(1) / facing, -1)
        along = np.where(along > 0, along, np.inf)
        hits[index] = along.argmin()
        distances[index] = along[hits[index]]
        if np.isfinite(distances[index]):
            shares[index] = 1 - u[hits[index]] - v[hits[index]], u[hits[index]], v[hits[index]]
    return Places(hits, shares, distances)
