"""Where splats lie on the rig's mesh, in the words of MPEG_gaussian_splatting_transport (ISO/IEC 23090-14, a draft): faces, weights, distances.

An engine that skins the mesh itself puts a splat there: the sum of its face's corners by `weights`, and `distances` along the face's normal.
https://github.com/KhronosGroup/glTF/pull/2573
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, UInt8, UInt16, UInt32

from facecraft4d.exporters.gltf.rig import shown_triangles
from facecraft4d.toolkit.core.datatypes import BoundSplats, Rig
from facecraft4d.toolkit.core.geometry import triangle_frames

INFLUENCES = 4
"""Joints that hold a splat, as engines have them."""
WHOLE = 65535
"""A joint's weight of 1."""
FLAT = 1e-12
"""Squared sine of the angle at the first corner below which a triangle has no area."""


class Stitching(NamedTuple):
    """One row for each splat."""

    faces: UInt32[np.ndarray, " n"]
    """Triangle of HeadRig's primitive in the GLB; those of eyewear, which it leaves out, follow."""
    weights: Float32[np.ndarray, "n 3"]
    """Of the three corners; they sum to 1 and may be negative: a splat may lie beside its face."""
    distances: Float32[np.ndarray, " n"]
    """Metres along the outward normal, at rest."""


class Skin(NamedTuple):
    """One row for each splat."""

    joints: UInt8[np.ndarray, "n 4"]
    weights: UInt16[np.ndarray, "n 4"]
    """They sum to `WHOLE`."""


def stitching(rig: Rig, splats: BoundSplats) -> Stitching:
    """Exact at rest."""
    corners = rig.vertices[rig.triangles].astype(np.float64)
    rotation, scale, centroid = (part[splats.triangles] for part in triangle_frames(corners))
    local = scale[:, None] * splats.means
    plane = local * (1, 0, 1)
    points = np.einsum("nij,nj->ni", rotation, plane) + centroid
    shown = shown_triangles(rig)
    numbers = np.argsort(np.argsort(~shown, kind="stable"))
    return Stitching(
        numbers[splats.triangles].astype(np.uint32),
        _barycentric(points, corners[splats.triangles]).astype(np.float32),
        local[:, 1].astype(np.float32),
    )


def splat_skin(rig: Rig, splats: BoundSplats) -> Skin:
    """The means of the corners' weights, the four largest of them."""
    weights = rig.skin_weights[rig.triangles].astype(np.float64).mean(1)
    joints = np.argsort(-weights, axis=1, kind="stable")[:, :INFLUENCES]
    kept = np.take_along_axis(weights, joints, 1)
    counts = np.round(kept / kept.sum(1, keepdims=True) * WHOLE)
    counts[:, 0] += WHOLE - counts.sum(1)
    padding = ((0, 0), (0, INFLUENCES - joints.shape[1]))
    joints = np.where(np.pad(counts, padding) > 0, np.pad(joints, padding), 0)
    rows = splats.triangles
    return Skin(joints.astype(np.uint8)[rows], np.pad(counts, padding).astype(np.uint16)[rows])


def _barycentric(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Weights [n, 3] of points in the planes of triangles [n, 3, 3]; thirds where there is no area."""
    first, second, offset = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0], points - corners[:, 0]
    a, b, c = ((first * first).sum(1), (first * second).sum(1), (second * second).sum(1))
    d, e = (offset * first).sum(1), (offset * second).sum(1)
    area = a * c - b * b
    flat = area <= FLAT * a * c
    divisor = np.where(flat, 1, area)
    u, v = (c * d - b * e) / divisor, (a * e - b * d) / divisor
    found = np.stack([1 - u - v, u, v], -1)
    found[flat] = 1 / 3
    return found
