"""The texture of a dressed head from the views: by angle and agreement of depth, the photograph first; what no view sees goes on evenly."""

import numpy as np
import scipy.ndimage
from jaxtyping import Float32

from facecraft4d.toolkit.core.datatypes import ViewSet
from facecraft4d.toolkit.core.geometry import normalized
from facecraft4d.toolkit.core.rigging import in_regions
from facecraft4d.toolkit.meshes.graph import unique_edges, weighted_fill
from facecraft4d.toolkit.meshes.views import FALLBACK_WEIGHT, view_sums
from facecraft4d.toolkit.shape_prior.parametric.assembly import SKIN, Assembly
from facecraft4d.toolkit.shape_prior.parametric.paint.appearance import SPECIAL_REGIONS, eye_mask, paint_inside
from facecraft4d.toolkit.shape_prior.parametric.paint.texels import (
    ReferenceView,
    posed_normals,
    sample_picture,
    texels,
    visibility,
)

FAR_METRES, FAR_WEIGHT = 0.015, 0.02
"""How far a view's depth may be off a point that no view shows better, and what such a view counts."""
SMOOTHNESS = 0.02
"""How much an edge of the mesh makes its ends alike where colours are spread, beside a vertex that is seen well."""
EYE_EDGE = 0.7
"""Pixels of smoothing of the open eye's border."""


def texture_of_views(
    assembly: Assembly, views: ViewSet, photo: ReferenceView, size: int
) -> Float32[np.ndarray, "s s 3"]:
    """The texture of the whole head, `size` texels square, sRGB; texels that no triangle owns repeat their neighbours."""
    table, faces = texels(assembly, size), assembly.rig.triangles
    points = table.spread(assembly.posed, faces).astype(np.float64)
    normals = normalized(table.spread(posed_normals(assembly), faces)).astype(np.float64)
    base = table.spread(_spread(assembly, views), faces)
    total, weights = _sums(views, points, normals)
    colors = (total + FALLBACK_WEIGHT**2 * base) / (weights + FALLBACK_WEIGHT**2)[:, None]
    skin = table.of(assembly.triangle_parts[table.triangles] == SKIN)
    mine = np.flatnonzero(assembly.triangle_parts[table.triangles] == SKIN)
    inside = paint_inside(assembly, skin, photo.portrait)
    seen = visibility(photo, points[mine].astype(np.float32), normals[mine].astype(np.float32))
    shown = (
        _in_open_eyes(photo, seen.pixels)
        * (seen.facing > 0)
        * in_regions(assembly.rig, "eyes", optional=True)[skin.triangles]
    )
    painted = (1 - shown)[:, None] * inside.colors + shown[:, None] * sample_picture(photo.image, seen.pixels)
    covers = inside.covers[:, None]
    colors[mine] = (1 - covers) * colors[mine] + covers * painted
    texture, owned = np.zeros((size, size, 3), np.float32), np.zeros((size, size), bool)
    texture[table.rows, table.columns], owned[table.rows, table.columns] = colors, True
    nearest = scipy.ndimage.distance_transform_edt(~owned, return_distances=False, return_indices=True)
    return np.asarray(texture[tuple(nearest)].clip(0, 1), np.float32)


def _sums(views: ViewSet, points: np.ndarray, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums of the views' colours at points, those that see it from a little off counting little; and of their weights."""
    total, weights = view_sums(views, points, normals)
    far_total, far = view_sums(views, points, normals, FAR_METRES)
    return total + FAR_WEIGHT * far_total, weights + FAR_WEIGHT * far


def _spread(assembly: Assembly, views: ViewSet) -> Float32[np.ndarray, "v 3"]:
    """Colours of the vertices, spread evenly over each part of the head to where nobody saw it."""
    total, weights = _sums(views, assembly.posed.astype(np.float64), posed_normals(assembly).astype(np.float64))
    outside = np.zeros(len(weights), bool)
    outside[assembly.rig.triangles[~in_regions(assembly.rig, *SPECIAL_REGIONS, optional=True)]] = True
    values = total / np.maximum(weights, 1e-9)[:, None]
    edges = unique_edges(assembly.rig.triangles)
    return weighted_fill(edges, np.full(len(edges), SMOOTHNESS), values, np.minimum(weights, 1) * outside)


def _in_open_eyes(photo: ReferenceView, pixels: Float32[np.ndarray, "n 2"]) -> Float32[np.ndarray, " n"]:
    """1 where the photograph shows the inside of an open eye."""
    opening = scipy.ndimage.gaussian_filter(eye_mask(photo.portrait).astype(np.float32), EYE_EDGE)[..., None]
    return np.asarray(np.clip(sample_picture(opening, pixels)[:, 0] * 2 - 1, 0, 1), np.float32)
