"""Which of a closed surface is skin, hair or clothes: as the views from the front are parsed, and elsewhere as colour and place tell.

The surface is where all views meet: a label that one view knows holds in all others, and what no parsed view shows (the back of a head) is
told by the colours that the parsed ones found of each label.
"""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
import scipy.spatial
from jaxtyping import Float32, Float64

from facecraft4d.toolkit.core.datatypes import View, ViewSet
from facecraft4d.toolkit.core.geometry import project, smoothstep, vertex_normals
from facecraft4d.toolkit.core.rigging import in_regions
from facecraft4d.toolkit.face_model.model import FaceModel
from facecraft4d.toolkit.fitting.observation import Segments
from facecraft4d.toolkit.images import smoothed
from facecraft4d.toolkit.meshes.graph import unique_edges, weighted_fill
from facecraft4d.toolkit.meshes.raster import interpolate, rasterize
from facecraft4d.toolkit.meshes.views import seen
from facecraft4d.toolkit.shape_prior.from_views.closed import Closed
from facecraft4d.toolkit.shape_prior.from_views.sighted import SOLID
from facecraft4d.toolkit.shape_prior.parametric.colours import bins_of, histogram

SKIN, HAIR, TORSO = range(3)
"""Columns of the shares."""
TOLERANCE_METRES = 0.008
"""How far the coarse surface may be off a view's depth where the view shows it."""
GUESS_WEIGHT = 0.2
"""Of what colour and place tell, beside a parsed view that sees a vertex squarely."""
SMOOTHNESS = 1.0
"""How much an edge of the surface makes its ends alike, beside such a view."""
COLOUR_BLUR = 1.5
"""Pixels over which pictures are smoothed before their colours are counted: strands and pores are none."""
LEAST_ODDS = 0.05
"""Of a label beside the likeliest one that its colours alone leave it: shade and highlights look like anything."""
OFF_METRES, OFF_WIDTH = 0.012, 0.012
"""Metres outside of the fitted skin around which a surface is hardly skin any more, and over which that grows."""
PLACES = {
    "face": (0.9, 0.09, 0.01), "ears": (0.6, 0.39, 0.01), "scalp": (0.15, 0.84, 0.01), "neck": (0.45, 0.35, 0.2), "below": (0.02, 0.28, 0.7),
}  # fmt: skip
"""Shares of skin, hair and clothes expected on and before parts of the head; below the neck's base skin counts as clothes."""


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """The fitted head as it is posed among the views, metres."""

    model: FaceModel
    posed: Float32[np.ndarray, "v 3"]


def surface_shares(
    surface: Closed, views: ViewSet, parsed: dict[int, Segments], place: Place
) -> Float32[np.ndarray, "v 3"]:
    """Share of skin, hair and clothes at every vertex of the surface; rows sum to 1."""
    votes = np.zeros((len(surface.vertices), 3))
    points, normals = surface.vertices.astype(np.float64), surface.normals.astype(np.float64)
    for index, segments in parsed.items():
        view = views.views[index]
        weight = seen(view, points, normals, TOLERANCE_METRES) ** 2
        votes += weight[:, None] * _at(view, np.dstack([segments.skin, segments.hair, segments.torso]), points)
    guess = _by_colour(views, parsed, points, normals) * _by_place(place, points)
    guess /= guess.sum(1, keepdims=True)
    weights = votes.sum(1) + GUESS_WEIGHT
    values = (votes + GUESS_WEIGHT * guess) / weights[:, None]
    edges = unique_edges(surface.triangles)
    shares = weighted_fill(edges, np.full(len(edges), SMOOTHNESS), values, weights).clip(1e-6)
    return np.asarray(shares / shares.sum(1, keepdims=True), np.float32)


def _at(view: View, values: np.ndarray, points: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n k"]:
    """Values [h, w, k] at the pixels that hold points."""
    pixels, _ = project(view.camera, points)
    height, width = values.shape[:2]
    column, row = np.moveaxis(np.floor(pixels).astype(np.int64), -1, 0)
    return np.asarray(values[row.clip(0, height - 1), column.clip(0, width - 1)], np.float64)


def _by_colour(
    views: ViewSet, parsed: dict[int, Segments], points: Float64[np.ndarray, "n 3"], normals: Float64[np.ndarray, "n 3"]
) -> Float64[np.ndarray, "n 3"]:
    """How likely the colours that the views show of each vertex are those of each label; alike where none shows it."""
    bins = [bins_of(smoothed(view.image, COLOUR_BLUR)) for view in views.views]
    counts = np.zeros((3, 32, 32, 32))
    for index, segments in parsed.items():
        for label, mask in enumerate((segments.skin, segments.hair, segments.torso)):
            counts[label] += histogram(bins[index], mask.astype(np.float64)) * bool(mask.any())
    shown = np.array([float(count.sum()) for count in counts])
    chances = counts / np.maximum(shown, 1e-9)[:, None, None, None] + (shown == 0)[:, None, None, None] / counts[0].size
    total, weights = np.zeros((len(points), 3)), np.zeros(len(points))
    for view, binned in zip(views.views, bins, strict=True):
        weight = seen(view, points, normals, TOLERANCE_METRES) ** 2
        odds = np.moveaxis(np.stack([chance[binned] for chance in chances]), 0, -1)
        total += weight[:, None] * _at(view, odds / odds.sum(-1, keepdims=True), points)
        weights += weight
    mean = (total + 1e-3) / (weights + 3e-3)[:, None]
    return np.asarray(np.maximum(mean, LEAST_ODDS * mean.max(1, keepdims=True)))


def _by_place(place: Place, points: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 3"]:
    """What is expected where the surface lies beside the fitted head."""
    model, posed = place.model, place.posed
    kinds = np.array([_kind(name) for name in model.region_names])[model.triangle_regions]
    outer = np.flatnonzero(~in_regions(model, "teeth", "tongue", "mouth_interior", "eye_sockets", optional=True))
    middles = posed[model.triangles[outer]].mean(1).astype(np.float64)
    _, nearest = scipy.spatial.cKDTree(middles).query(points)
    shares = np.array([PLACES[kind] for kind in kinds[outer[nearest]].tolist()])
    corners = model.triangles[outer[nearest]]
    facing = vertex_normals(posed, model.triangles)[corners].mean(1)
    off = ((points - middles[nearest]) * facing).sum(1)
    if model.neck_ring is not None:
        below = points[:, 1] < posed[model.neck_ring, 1].min()
        shares[below] = PLACES["below"]
    outside = smoothstep(0.5 + (off - OFF_METRES) / OFF_WIDTH)[:, None]
    shares[:, [SKIN]] *= 1 - 0.98 * outside
    return np.asarray(shares / shares.sum(1, keepdims=True))


def _kind(region: str) -> str:
    return region if region in PLACES else "face"


def drawn_segments(surface: Closed, shares: Float32[np.ndarray, "v 3"], view: View) -> Segments:
    """The labels of a view's matte, drawn from the surface; beside it those of the nearest pixel on it."""
    matte = view.mask > SOLID
    fragments = rasterize(view.camera, surface.vertices, surface.triangles)
    label = interpolate(fragments, shares[surface.triangles]).argmax(-1)
    if not fragments.covered.any():
        return Segments(matte & False, matte, matte & False)
    near = scipy.ndimage.distance_transform_edt(~fragments.covered, return_distances=False, return_indices=True)
    label = label[tuple(near)]
    return Segments(matte & (label == SKIN), matte & (label == HAIR), matte & (label == TORSO))
