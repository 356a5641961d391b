"""The closed surface of a whole head as it is worked with: evenly coarse, however fine it was made."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int, Int32

from facecraft4d.toolkit.core.checks import UserError, check_finite, check_shape
from facecraft4d.toolkit.core.geometry import transform_points, triangle_areas, vertex_normals
from facecraft4d.toolkit.meshes.graph import parts

CELL_METRES = 0.004
"""Side of the cubes whose vertices become one: finer than the shells of hair and clothes."""


@runtime_checkable
class HasSurface(Protocol):
    """Whoever has triangles."""

    @property
    def vertices(self) -> Float[np.ndarray, "v 3"]: ...

    @property
    def triangles(self) -> Int[np.ndarray, "f 3"]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Closed:
    """Skin, hair and clothes in one, as seen from outside; metres, world."""

    vertices: Float32[np.ndarray, "v 3"]
    triangles: Int32[np.ndarray, "f 3"]
    """Counter-clockwise seen from outside."""

    @property
    def normals(self) -> Float32[np.ndarray, "v 3"]:
        """Unit, outward."""
        return vertex_normals(self.vertices, self.triangles)

    def moved(self, matrix: Float64[np.ndarray, "4 4"]) -> "Closed":
        """After a rigid motion."""
        points = transform_points(matrix, self.vertices.astype(np.float64))
        return Closed(np.asarray(points, np.float32), self.triangles)


def closed_surface(surface: HasSurface) -> Closed:
    """A surface with one vertex in each cube of `CELL_METRES`: the mean of those that lie there.

    ValueError for values that are no mesh, UserError for a surface without area.
    """
    vertices, triangles = surface.vertices, surface.triangles
    check_shape("vertices", vertices, ("v", 3))
    check_finite("vertices", vertices)
    check_shape("triangles", triangles, ("f", 3))
    if triangles.size and not 0 <= int(triangles.min()) <= int(triangles.max()) < len(vertices):
        raise ValueError(f"triangles must index 0..{len(vertices) - 1}, got {triangles.min()}..{triangles.max()}")
    cells, owner = np.unique(np.floor(vertices / CELL_METRES).astype(np.int64), axis=0, return_inverse=True)
    owner = owner.reshape(-1)
    counts = np.bincount(owner, minlength=len(cells))
    sums = [np.bincount(owner, column, len(cells)) for column in vertices.T.astype(np.float64)]
    corners = owner[triangles]
    whole = (corners != np.roll(corners, 1, 1)).all(1)
    _, first = np.unique(np.sort(corners[whole], 1), axis=0, return_index=True)
    corners = corners[whole][np.sort(first)]
    if not len(corners):
        raise UserError(
            "the inverted head does not match the photograph: its surface is empty; try another seed or photograph"
        )
    points = np.stack(sums, 1) / np.maximum(counts, 1)[:, None]
    corners = corners[_largest(points, corners)]
    used, compact = np.unique(corners, return_inverse=True)
    return Closed(points[used].astype(np.float32), compact.reshape(-1, 3).astype(np.int32))


def _largest(points: Float64[np.ndarray, "v 3"], triangles: Int[np.ndarray, "f 3"]) -> Bool[np.ndarray, " f"]:
    """Triangles of the connected part of the largest area: what floats beside a head is none of it."""
    part = parts(triangles, len(points))[triangles[:, 0]]
    areas = np.bincount(part, triangle_areas(points[triangles]))
    return np.asarray(part == areas.argmax())
