"""How far each expression alone moves each splat: for formats and engines that know no triangles to carry them."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int32

from facecraft4d.toolkit.core.datatypes import BoundSplats, Rig
from facecraft4d.toolkit.core.geometry import (
    Array,
    axis_angle_from_wxyz,
    multiply_wxyz,
    triangle_frames,
    wxyz_from_rotation,
)

INVERSE = np.array([1, -1, -1, -1])
"""Of a unit quaternion wxyz, entry by entry."""
LEAST_SCALE = 1e-9
"""Metres: a triangle without length has this scale, so that scales have ratios."""


class SplatDeltas(NamedTuple):
    """The splats that an expression moves; the others stay where they are."""

    rows: Int32[np.ndarray, " n"]
    """Index of each, ascending."""
    means: Float32[np.ndarray, "n 3"]
    """Displacement of its mean at weight 1, metres."""


class SplatChanges(NamedTuple):
    """What becomes of splats between two poses of the rig's mesh; those that are not listed stay as they are."""

    rows: Int32[np.ndarray, " n"]
    """Index of each, ascending."""
    means: Float32[np.ndarray, "n 3"]
    """Displacement, metres."""
    rotations: Float32[np.ndarray, "n 3"]
    """What its rotation is multiplied by from the left, as an axis-angle vector in the world, radians, at most pi long."""
    log_scales: Float32[np.ndarray, " n"]
    """Natural logarithm of what all three standard deviations are multiplied by."""


def splat_deltas(rig: Rig, splats: BoundSplats, expression: int) -> SplatDeltas:
    """Displacements of the means when the expression of that index is at weight 1 and all else at rest.

    Weights between are not linear where a triangle turns: half the displacement at weight 0.5 is an approximation.
    """
    rows, means, _, _ = splat_changes(rig, splats, rig.vertices, rig.vertices + rig.expression_deltas[expression])
    moved = means.any(1)
    return SplatDeltas(rows[moved], means[moved])


def splat_changes(
    rig: Rig, splats: BoundSplats, before: Float32[np.ndarray, "v 3"], after: Float32[np.ndarray, "v 3"]
) -> SplatChanges:
    """Changes of the splats when the rig's vertices go from one place to another."""
    moving = (after != before).any(1)[rig.triangles].any(1)
    rows = np.flatnonzero(moving[splats.triangles])
    of = np.cumsum(moving)[splats.triangles[rows]] - 1  # among the moving triangles
    first, second = (_frames(vertices[rig.triangles[moving]]) for vertices in (before, after))
    means = _means(splats, rows, of, second) - _means(splats, rows, of, first)
    turned = multiply_wxyz(second.wxyz, first.wxyz * INVERSE)
    rotations, log_scales = axis_angle_from_wxyz(turned)[of], _log_ratios(first.scale, second.scale)[of]
    changed = means.any(1) | rotations.any(1) | (log_scales != 0)
    return SplatChanges(
        rows[changed].astype(np.int32),
        means[changed].astype(np.float32),
        rotations[changed].astype(np.float32),
        log_scales[changed].astype(np.float32),
    )


class _Frames(NamedTuple):
    """Of triangles, in float64."""

    rotation: Array
    scale: Array
    centroid: Array
    wxyz: Array


def _frames(corners: np.ndarray) -> _Frames:
    rotation, scale, centroid = triangle_frames(corners.astype(np.float64))
    return _Frames(rotation, scale, centroid, wxyz_from_rotation(rotation))


def _log_ratios(before: Array, after: Array) -> Array:
    return np.asarray(np.log(np.maximum(after, LEAST_SCALE) / np.maximum(before, LEAST_SCALE)))


def _means(splats: BoundSplats, rows: np.ndarray, of: np.ndarray, frames: _Frames) -> np.ndarray:
    """World means of these splats on these triangles."""
    turned = np.einsum("nij,nj->ni", frames.rotation[of], splats.means[rows])
    return np.asarray(frames.scale[of, None] * turned + frames.centroid[of])
