"""Splats that look right before the first step: flat discs all over the surface, coloured by the views or the texture.

GaussianAvatars starts with one grey splat at each triangle's centre and grows; we start from a budget and a textured head.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64

from facecraft4d.toolkit.core.datatypes import BoundSplats, Head, View, ViewSet
from facecraft4d.toolkit.core.geometry import (
    area_vectors,
    normalized,
    project,
    triangle_areas,
    triangle_frames,
)
from facecraft4d.toolkit.core.rigging import in_regions, pose_vertices
from facecraft4d.toolkit.meshes.raster import sample_texture
from facecraft4d.toolkit.meshes.views import FALLBACK_WEIGHT, seen, view_colors

START_OPACITY = 0.95
"""Nearly opaque, yet not so far out that the logistic function's slope is gone."""
DISC_SIGMA = 0.55
"""Standard deviation of a disc in units of the distance between neighbours: they just cover the surface, and keep its grain."""
DISC_FLATNESS = 0.15
"""Thickness of a disc over its in-plane standard deviation."""
PHOTOGRAPH_BONUS = 1.0
"""What the photograph sees gets 1 + this times the splats for its area."""
BUST, BUST_SHARE = ("torso", "neck"), 0.4
"""Regions that get only so many times the splats for their area: a shoulder is plainer than a face, and two of them are as large as a head."""
OPENED_SHARE = 0.05
"""Share of the splats that goes to what other poses than the photograph's show (teeth, tongue, lids)."""
UNFOLDED = 2.0
"""A triangle that shows at least this many times the area that the photograph sees of it is one of those."""
OPENING_POWER = 2
"""Power of the cosine by which openings count."""
PLASTIC = np.array([0.7548776662466927, 0.5698402909980532])
"""Steps of the R2 low-discrepancy sequence (Roberts 2018)."""


@dataclass(frozen=True, slots=True, eq=False)
class Opening:
    """A picture of the head in another pose than the photograph's: it shows lids, teeth or tongue that the views hide."""

    view: View
    corners: Float[np.ndarray, "f 3 3"]
    """The triangles in its pose, metres."""

    def seen(
        self, triangles: Int64[np.ndarray, " n"], barycentrics: Float[np.ndarray, "n 3"]
    ) -> Float[np.ndarray, " n"]:
        """As `views.seen`, of points on triangles."""
        return seen(self.view, self.points(triangles, barycentrics), normalized(area_vectors(self.corners))[triangles])

    def points(
        self, triangles: Int64[np.ndarray, " n"], barycentrics: Float[np.ndarray, "n 3"]
    ) -> Float[np.ndarray, "n 3"]:
        """Where points on triangles lie in its pose, metres."""
        return np.asarray(np.einsum("nc,ncx->nx", barycentrics, self.corners[triangles]))


def initial_splats(
    head: Head,
    views: ViewSet,
    count: int,
    openings: tuple[Opening, ...] = (),
    shown: Float[np.ndarray, " f"] | None = None,
) -> BoundSplats:
    """`count` splats on the head's triangles, coloured as the views show them in the photograph's pose, what they hide as `openings` do.

    They are shared out by what is `shown` of each triangle (square metres; None: all of it); what never shows gets none.
    """
    posed = pose_vertices(head.rig, head.pose)[head.rig.triangles].astype(np.float64)
    normals = normalized(area_vectors(posed))
    in_photograph = seen(views.views[0], posed.mean(1), normals)
    bust = in_regions(head.rig, *BUST, optional=True)
    areas = triangle_areas(posed)
    weights = areas if shown is None else np.minimum(areas, shown)
    weights = weights * (1 + PHOTOGRAPH_BONUS * in_photograph) * np.where(bust, BUST_SHARE, 1)
    unfolded, widest = unfolding(openings, posed, in_photograph)
    each = (weights > 0) & ((in_photograph > 0) & ~bust | (unfolded > 0))
    counts, crowding = with_openings(weights, count, unfolded, each)
    triangles, barycentrics = surface_points(counts)
    points = np.einsum("nc,ncx->nx", barycentrics, posed[triangles])
    uv = np.einsum("nc,ncx->nx", barycentrics, head.mesh.corner_uvs[triangles])
    texture = sample_texture(head.mesh.texture, uv)
    texture = opened_colors(openings, triangles, barycentrics, texture)
    colors = view_colors(views, points, normals[triangles], texture)
    _, scale, _ = triangle_frames(widest)
    sigma = DISC_SIGMA * np.sqrt(triangle_areas(widest) / np.maximum(crowding, 1e-9)) / np.maximum(scale, 1e-9)
    return _discs(posed, sigma, triangles, points, colors)


def allocate(
    weights: Float[np.ndarray, " f"], count: int, each: Bool[np.ndarray, " f"]
) -> tuple[Int64[np.ndarray, " f"], Float[np.ndarray, " f"]]:
    """Share `count` splats out by weight, one at least for `each` triangle where there are enough; the sum is exact.

    Also the shares before they are rounded. Rounding is systematic along the triangle order, so where there are fewer splats than triangles they
    still cover the surface evenly.
    """
    base = each.astype(np.int64) * (count >= np.count_nonzero(each))
    share = np.maximum(weights / max(weights.sum(), 1e-30) * count - base, 0)
    share *= (count - base.sum()) / max(share.sum(), 1e-30)
    edges = np.cumsum(share)
    edges[-1] = count - base.sum()
    counts = base + np.diff(np.floor(edges + 1e-9).astype(np.int64), prepend=0)
    return np.asarray(counts, np.int64), base + share


def unfolding(
    openings: tuple[Opening, ...], posed: Float[np.ndarray, "f 3 3"], in_photograph: Float[np.ndarray, " f"]
) -> tuple[Float[np.ndarray, " f"], Float[np.ndarray, "f 3 3"]]:
    """By how much (square metres) openings show more of each triangle than the photograph, where it is a multiple; 0 elsewhere.

    Also the corners of each triangle where it is widest: in that opening, else as `posed`.
    """
    in_view = triangle_areas(posed) * (in_photograph > 0)
    areas, widest, everywhere = in_view.copy(), posed.copy(), np.arange(len(posed))
    for opening in openings:
        shown = triangle_areas(opening.corners) * (opening.seen(everywhere, np.full((len(posed), 3), 1 / 3)) > 0)
        wider = (shown > areas) & (shown > UNFOLDED * in_view)
        areas[wider], widest[wider] = shown[wider], opening.corners[wider]
    return np.asarray(areas - in_view), widest


def with_openings(
    weights: Float[np.ndarray, " f"], count: int, opened: Float[np.ndarray, " f"], each: Bool[np.ndarray, " f"]
) -> tuple[Int64[np.ndarray, " f"], Float[np.ndarray, " f"]]:
    """allocate(), but of what is left after one splat on `each` triangle a share goes to the `opened` areas, whose triangles are large."""
    extra = min(round(OPENED_SHARE * count), max(count - int(np.count_nonzero(each)), 0)) if opened.any() else 0
    counts, shares = allocate(weights, count - extra, each)
    if extra:
        more, widely = allocate(opened, extra, np.zeros_like(each))
        counts, shares = counts + more, shares + widely
    return counts, shares


def opened_colors(
    openings: tuple[Opening, ...],
    triangles: Int64[np.ndarray, " n"],
    barycentrics: Float[np.ndarray, "n 3"],
    fallback: Float32[np.ndarray, "n 3"],
) -> Float32[np.ndarray, "n 3"]:
    """What the openings show at points, weighted by how squarely they see it; `fallback` where none does."""
    total, weight_sum = FALLBACK_WEIGHT * fallback.astype(np.float64), np.full(len(triangles), FALLBACK_WEIGHT)
    for opening in openings:
        camera = opening.view.camera
        weight = opening.seen(triangles, barycentrics) ** OPENING_POWER
        pixels, _ = project(camera, opening.points(triangles, barycentrics))
        total += weight[:, None] * sample_texture(opening.view.image, pixels / (camera.width, camera.height))
        weight_sum += weight
    return np.asarray(total / weight_sum[:, None], np.float32)


def surface_points(counts: Int64[np.ndarray, " f"]) -> tuple[Int64[np.ndarray, " n"], Float[np.ndarray, "n 3"]]:
    """Triangle and barycentrics of each splat: the R2 sequence folded into the triangle; a single splat sits at the centroid."""
    triangles = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(len(triangles)) - np.repeat(np.cumsum(counts) - counts, counts)
    square = (1 / 3 + within[:, None] * PLASTIC) % 1
    folded = np.where(square.sum(1, keepdims=True) > 1, 1 - square, square)
    return np.asarray(triangles, np.int64), np.concatenate([1 - folded.sum(1, keepdims=True), folded], 1)


def _discs(
    corners: Float[np.ndarray, "f 3 3"],
    sigma: Float[np.ndarray, " f"],
    triangles: Int64[np.ndarray, " n"],
    points: Float[np.ndarray, "n 3"],
    colors: Float32[np.ndarray, "n 3"],
) -> BoundSplats:
    """Discs in the triangles' planes (the normal is the frame's second axis), of `sigma` in units of the triangle's scale."""
    rotation, scale, centroid = triangle_frames(corners)
    carrier_scale = np.maximum(scale, 1e-9)[triangles, None]
    means = np.einsum("nyx,ny->nx", rotation[triangles], points - centroid[triangles]) / carrier_scale
    sigmas = np.maximum(sigma[triangles, None], 1e-4) * np.array([1, DISC_FLATNESS, 1])
    return BoundSplats(
        means=means.astype(np.float32),
        rotations_wxyz=np.tile(np.array([1, 0, 0, 0], np.float32), (len(points), 1)),
        log_scales=np.log(sigmas).astype(np.float32),
        opacity_logits=np.full(len(points), np.log(START_OPACITY / (1 - START_OPACITY)), np.float32),
        colors=colors,
        triangles=triangles.astype(np.int32),
    )
