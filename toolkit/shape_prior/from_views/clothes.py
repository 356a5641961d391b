"""Neck, shoulders and what they wear as one sheet that lies where the surface does, from the collar to where the photograph's matte ends."""

import numpy as np
import scipy.spatial
from jaxtyping import Bool, Float, Float32, Int

from facecraft4d.toolkit.core.geometry import area_vectors
from facecraft4d.toolkit.shape_prior.from_views.closed import Closed
from facecraft4d.toolkit.shape_prior.from_views.labels import HAIR, SKIN, TORSO
from facecraft4d.toolkit.shape_prior.parametric.shells.collar import collar_at, crossing_heights, heights_around
from facecraft4d.toolkit.shape_prior.parametric.shells.cut import lower_rows
from facecraft4d.toolkit.shape_prior.parametric.shells.grid import last_hits, outer_radii, wrapped_filter
from facecraft4d.toolkit.shape_prior.parametric.shells.sheet import FittedHead, Shell
from facecraft4d.toolkit.shape_prior.parametric.shells.torso import bust_center, bust_rays, bust_sheet

ABOVE_RING = 0.02
"""Metres above the base of the neck up to which a surface may be that of clothes."""
HAIR_ON_CLOTHES = 0.01
"""Metres of hair that lies on clothes."""
CALM = (1.0, 1.0)
"""Rays over which the sheet is smoothed: they are a few millimetres apart."""


def torso_sheet(
    head: FittedHead,
    surface: Closed,
    shares: Float32[np.ndarray, "s 3"],
    neck: Int[np.ndarray, "n 3"],
    ring: Float[np.ndarray, "m 3"],
) -> Shell:
    """The sheet, below a neck with triangles `neck` of the head's vertices and `ring` around its base (posed, metres)."""
    middle = ring.mean(0).astype(np.float64)
    edge = lower_rows(head, middle)
    rays = bust_rays(bust_center(head, middle, edge))
    neck_skin = last_hits(rays, head.vertices, neck)
    below = surface.vertices[:, 1] < heights_around(ring, surface.vertices) + ABOVE_RING
    hair = shares.argmax(1) == HAIR
    outer = surface.triangles[_faces_away(surface, rays.center)]
    body, hanging = (outer[(below & kind)[outer].all(1)] for kind in (~hair, hair))
    # where the surface has no shoulders the neck goes on
    vertices = np.concatenate([surface.vertices, head.vertices])
    bare = outer_radii(rays, vertices, np.concatenate([body, neck + len(surface.vertices)]))
    under = last_hits(rays, surface.vertices, hanging)
    bare = np.where(under > 0, np.minimum(bare, np.maximum(under - HAIR_ON_CLOTHES, neck_skin)), bare)
    points = rays.points(bare)
    label = shares[scipy.spatial.cKDTree(surface.vertices).query(points)[1]].astype(np.float64)
    begins = (label[1:, :, TORSO] > 0.5) & (label[:-1, :, SKIN] > 0.5)
    seen = crossing_heights(points, label[..., TORSO], begins)
    above = points[..., 1] - collar_at(seen, rays, bare, neck_skin > 0, ring)
    dressed = wrapped_filter(bare, CALM)
    return bust_sheet(head, rays, dressed, np.where(neck_skin > 0, neck_skin, bare), above, edge)


def _faces_away(surface: Closed, center: Float[np.ndarray, "3"]) -> Bool[np.ndarray, " f"]:
    """Triangles that a ray from `center` leaves the surface by. By the others it comes in: what closes a head below, where that ends above the
    center, is no neck."""
    corners = surface.vertices[surface.triangles].astype(np.float64)
    return np.asarray(((corners[:, 0] - center) * area_vectors(corners)).sum(1) > 0)
