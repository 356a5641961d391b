"""How far each expression alone moves each splat: for formats and engines that know no triangles to carry them."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int32

from facecraft4d.toolkit.core.datatypes import BoundSplats, Rig
from facecraft4d.toolkit.core.geometry import triangle_frames


class SplatDeltas(NamedTuple):
    """The splats that an expression moves; the others stay where they are."""

    rows: Int32[np.ndarray, " n"]
    """Index of each, ascending."""
    means: Float32[np.ndarray, "n 3"]
    """Displacement of its mean at weight 1, metres."""


def splat_deltas(rig: Rig, splats: BoundSplats, expression: int) -> SplatDeltas:
    """Displacements of the means when the expression of that index is at weight 1 and all else at rest.

    Weights between are not linear where a triangle turns: half the displacement at weight 0.5 is an approximation.
    """
    vertices = rig.vertices + rig.expression_deltas[expression]
    moving = (vertices != rig.vertices).any(1)[rig.triangles].any(1)
    rows = np.flatnonzero(moving[splats.triangles])
    means = _means(splats, rows, vertices[rig.triangles]) - _means(splats, rows, rig.vertices[rig.triangles])
    moved = means.any(1)
    return SplatDeltas(rows[moved].astype(np.int32), means[moved].astype(np.float32))


def _means(splats: BoundSplats, rows: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """World means of these splats on triangles with these corners [f, 3, 3]."""
    rotation, scale, centroid = triangle_frames(corners[splats.triangles[rows]].astype(np.float64))
    return np.asarray(scale[:, None] * np.einsum("nij,nj->ni", rotation, splats.means[rows]) + centroid)
