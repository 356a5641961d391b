"""Where hair is: a signed distance to its edge on the grid of rays, from the photograph where it shows the head and from the scalp elsewhere."""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
from jaxtyping import Bool, Float64
from scipy.spatial import cKDTree

from facecraft4d.toolkit.core.geometry import camera_center, normalized, project, smoothstep
from facecraft4d.toolkit.shape_prior.parametric.shells.grid import (
    ShellGrid,
    last_hits,
    outer_radii,
    picture_values,
    signed_distance,
)
from facecraft4d.toolkit.shape_prior.parametric.shells.hair_prior import REACH, hair_prior, looks
from facecraft4d.toolkit.shape_prior.parametric.shells.headwear import brim
from facecraft4d.toolkit.shape_prior.parametric.shells.sheet import FittedHead, height_at, side_reach, wrap
from facecraft4d.toolkit.shape_prior.parametric.shells.smooth import membrane

_SEEN = (0.1, 0.5)
"""Cosines to the line of sight at which the photograph begins to tell hair from skin, and tells it surely."""
_SUPPOSED = 0.1
"""Weight of what is supposed beside what the photograph shows."""
_EDGE_LENGTH = 0.004
"""Metres over which the edge is smoothed: less than a strand of a fringe is wide."""
_LOCK_LENGTH = 0.02
"""Metres over which the edge is smoothed on clothes: about as wide as a lock."""
_OVER_CLOTHES = 0.003
"""Metres that hair stays off clothes."""
_BARE = 0.05
"""Share of the scalp in sight that hair must cover before any is supposed where nobody looks."""
_EAR_MARGIN = 0.006
"""Metres of skin around the points of an ear that the photograph shows: half of what lies between them, so that no hair grows in it."""
_RIM, _RIM_SHOWN = 0.7, 0.3
"""Quantile of their distance from the middle above which points of an ear are its rim, and the share of the rim that must show."""
_LOCK = 0.01
"""Metres: hair below the collar that is narrower is a speck, and that ends so near the matte's end is cut off by it."""
_LONG = 0.03
"""Metres below the nape from which hair beside the neck hangs rather than lies."""
_BEHIND_LIMB = np.radians(80.0)
"""Angle from the line of sight beyond which hair that is seen beside face and neck hangs: in front of it the photograph would show it
on the skin itself."""


@dataclass(frozen=True, slots=True, eq=False)
class HeadOnGrid:
    """The head as the rays of a grid see it."""

    grid: ShellGrid
    skin: Float64[np.ndarray, "r c"]
    """Radius at which each ray leaves what hair lies on: skin or clothes."""
    facing: Float64[np.ndarray, " c"]
    """Azimuth from the camera's."""
    points: Float64[np.ndarray, "r c 3"]
    scalp: Bool[np.ndarray, "r c"]
    """Whether that is the model's scalp."""
    seen: Float64[np.ndarray, "r c"]
    """How surely the photograph shows the skin, or what grows on it: 0..1."""
    bare: Float64[np.ndarray, "r c"]
    """Radius at which each ray leaves the skin."""
    clothed: Bool[np.ndarray, "r c"]
    """Whether that is clothes."""
    nape: float
    """Height of the scalp's lower edge."""


def head_on_grid(fitted: FittedHead, grid: ShellGrid, clothes: Float64[np.ndarray, "r c"]) -> HeadOnGrid:
    """Measure what hair lies on: the skin, and clothes where rays leave them at a radius above 0; below their end they go straight on."""
    bare = outer_radii(grid, fitted.vertices, fitted.triangles)
    scalp = last_hits(grid, fitted.vertices, fitted.scalp_triangles) > bare - 1e-3
    ended = np.maximum.accumulate(clothes, 0) * (clothes == 0)
    clothed = np.maximum(clothes, ended) > bare
    skin = np.where(clothed, np.maximum(clothes, ended) + _OVER_CLOTHES, bare)
    points = grid.points(skin)
    cosine = (surface_normals(points) * normalized(camera_center(fitted.camera) - points)).sum(-1)
    seen = smoothstep((cosine - _SEEN[0]) / (_SEEN[1] - _SEEN[0]))
    facing = wrap(grid.azimuths - fitted.camera_azimuth)
    nape = float(fitted.scalp[:, 1].min())
    return HeadOnGrid(grid, skin, facing, points, scalp, seen, bare, clothed, nape)


def surface_normals(points: Float64[np.ndarray, "r c 3"]) -> Float64[np.ndarray, "r c 3"]:
    """Outward unit normals of a sheet that goes around its columns."""
    across = np.roll(points, -1, 1) - np.roll(points, 1, 1)
    down = np.gradient(points, axis=0)
    return np.asarray(normalized(np.cross(down, across)))


def hair_edge(
    fitted: FittedHead, head: HeadOnGrid, bottom: float
) -> tuple[Float64[np.ndarray, "r c"], Float64[np.ndarray, "r c"], Float64[np.ndarray, " c"]]:
    """Metres within the edges of hair and of headwear [r, c], negative outside, and how far hair hangs [c]: 0 lies on the head, 1 falls.

    `bottom` is the height at which hair ends that the picture cuts off.
    """
    hat = fitted.segments.headwear
    worn = brim(head.points, _pictured(fitted, head, hat), head.seen) if hat is not None and hat.any() else None
    hair = fitted.segments.hair if worn is None or hat is None else fitted.segments.hair & ~hat
    pictured = _pictured(fitted, head, hair)
    ends, hanging, beside = _falls(fitted, head, hair, bottom)
    supposed = _supposed(fitted, head, pictured, ends, hanging, head.seen if worn is None else head.seen * (worn < 0))
    mirror = (-np.arange(len(head.facing))) % len(head.facing)
    other = head.seen[:, mirror] * (1 - head.seen)
    weights = head.seen + 0.5 * other + _SUPPOSED
    targets = (head.seen * pictured + 0.5 * other * pictured[:, mirror] + _SUPPOSED * supposed) / weights
    # beside the face the silhouette tells where hair is, however steeply the skin lies
    known = beside != 0
    targets, weights = (
        np.where(known, np.where(beside > 0, np.maximum(targets, beside), beside), targets),
        weights + known,
    )
    fine, coarse = (membrane(head.points, targets, weights, length) for length in (_EDGE_LENGTH, _LOCK_LENGTH))
    # smoothed so widely, what nobody saw on clothes would be drawn down by all the hair above
    shown = np.where(np.abs(head.facing) < _BEHIND_LIMB, 1, np.clip(head.seen + other, 0, 1))
    coarse = shown * coarse + (1 - shown) * np.minimum(coarse, supposed)
    edge = np.where(head.clothed, coarse, fine)
    edge = np.minimum(edge, _ear_distance(fitted, head, hanging))
    if worn is None:
        return edge, np.full_like(edge, -1.0), hanging
    return edge, np.where(head.clothed, -1.0, worn), hanging


def _pictured(fitted: FittedHead, head: HeadOnGrid, mask: Bool[np.ndarray, "h w"]) -> Float64[np.ndarray, "r c"]:
    """Metres within a mask where the photograph shows each point, negative outside; outside the matte the nearest label goes on."""
    if not mask.any():
        return np.full_like(head.skin, -REACH)
    nearest = scipy.ndimage.distance_transform_edt(~fitted.segments.matte, return_distances=False, return_indices=True)
    pixels = picture_values(fitted.camera, signed_distance(mask[tuple(nearest)]), head.points)
    depth = project(fitted.camera, head.points)[1]
    return np.asarray(np.clip(pixels * depth / fitted.camera.fx, -REACH, REACH))


def _falls(
    fitted: FittedHead, head: HeadOnGrid, hair: Bool[np.ndarray, "h w"], bottom: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The height [c] at which hair ends, how far it hangs [c], and metres within hair beside the face [r, c], 0 where none can tell."""
    heights = head.points[..., 1].mean(1)
    level = np.arange(len(heights)) >= len(head.grid.elevations)
    lobe = fitted.ears[:, 1].min()
    ends, beside = [], np.zeros_like(head.skin)
    for side in (1, -1):
        valid, hidden = side_reach(fitted, head.grid, head.skin, head.facing, side, hair)
        rows = np.flatnonzero(valid & level)
        if not len(rows):
            ends.append(head.nape)
            continue
        gaps = np.flatnonzero(np.diff(np.cumsum(~(valid | hidden))[rows]) > 1)
        last = rows[gaps[0]] if len(gaps) else rows[-1]
        over = _end_over_clothes(fitted, head, hair, side, bottom)
        end = min(float(heights[last]), over)
        ends.append(end)
        limb = np.abs(wrap(head.facing - side * np.pi / 2)) < np.pi / 2 - _BEHIND_LIMB
        # the silhouette tells nothing of hair that lies on shoulders, or behind an ear that stands out
        free = -np.inf if over < heights[last] else lobe
        told = level & ((heights >= heights[last]) | (heights < free))
        beside[np.ix_(told, limb)] = np.clip(heights[told] - end, -REACH, REACH)[:, None]
    left = smoothstep(0.5 + 0.5 * np.sin(head.facing))
    behind = np.clip(-np.cos(head.facing), 0, 1) ** 0.5
    # a nape is level: hair that one side alone shows so low (a shadow, a lock over the shoulder) does not hang behind
    aside = ends[1] + left * (ends[0] - ends[1])
    mixed = aside + behind * (max(ends) - aside)
    return mixed, np.clip((head.nape - mixed) / _LONG, 0, 1), beside


def _end_over_clothes(
    fitted: FittedHead, head: HeadOnGrid, hair: Bool[np.ndarray, "h w"], side: int, bottom: float
) -> float:
    """The height at which one side's hair ends below the collar; `bottom` where the matte ends with it, infinite where none hangs so low."""
    if not fitted.segments.torso.any():
        return np.inf
    middle, depth = project(fitted.camera, head.grid.center)
    columns = np.arange(hair.shape[1]) + 0.5
    low = hair & ((columns - middle[0]) * side > 0)
    low[: np.flatnonzero(fitted.segments.torso.any(1))[0]] = False
    strands = np.flatnonzero(low.any(0))
    if len(strands) < _LOCK * fitted.camera.fx / depth:
        return np.inf
    rows = np.arange(len(hair))[:, None]
    ends, matte = (np.where(mask, rows, 0).max(0)[strands] for mask in (low, fitted.segments.matte))
    if np.median(matte - ends) < _LOCK * fitted.camera.fx / depth:
        return bottom
    return max(height_at(fitted.camera, float(np.median(ends)), float(depth)), bottom)


def _supposed(
    fitted: FittedHead, head: HeadOnGrid, pictured: np.ndarray, ends: np.ndarray, hanging: np.ndarray, bare: np.ndarray
) -> np.ndarray:
    """What people's hairlines, and the height at which hair ends that hangs, say of the places that nobody saw.

    Only where the head is seen `bare` of headwear, or hair hangs beside it, does the photograph tell whether hair grows on it at all.
    """
    weight = bare * head.scalp
    covered = (weight * (pictured > 0)).sum() / max(float(weight.sum()), 1e-9)
    if covered < _BARE and not hanging.any():
        return np.full_like(pictured, -REACH)
    prior = hair_prior("edge", fitted.ears, float(fitted.scalp[:, 1].max()), head.points)
    grown = prior.given(pictured, bare * looks(head.points)).clip(-REACH, REACH)
    behind = (np.abs(head.facing) - _BEHIND_LIMB)[None, :] * head.skin
    hung = np.minimum(head.points[..., 1] - ends, behind).clip(-REACH, REACH)
    return np.where(hanging > 0, np.maximum(grown, hung), grown)


def _ear_distance(fitted: FittedHead, head: HeadOnGrid, hanging: Float64[np.ndarray, " c"]) -> np.ndarray:
    """Metres to the ears that are bare, less a margin; large where none is.

    An ear is bare where the photograph shows its rim, or the other ear's while no hair hangs on its own side.
    """
    shown = picture_values(fitted.camera, fitted.segments.skin.astype(np.float32), fitted.ears) > 0.5
    spans = []
    for side in (1, -1):
        out = fitted.ears[:, 0] * side
        rim = out > np.quantile(out[out > 0], _RIM)
        heights = fitted.ears[shown & rim, 1]
        spans.append((heights.min(), heights.max()) if len(heights) > _RIM_SHOWN * rim.sum() else None)
    bare = np.zeros(len(fitted.ears), bool)
    for side, own, other in zip((1, -1), spans, spans[::-1], strict=True):
        beside = np.abs(wrap(head.facing - side * np.pi / 2)).argmin()
        span = own or (other if hanging[beside] < 0.5 else None)
        if span is not None:
            bare |= (fitted.ears[:, 0] * side > 0) & (fitted.ears[:, 1] > span[0]) & (fitted.ears[:, 1] < span[1])
    if not bare.any():
        return np.full(head.skin.shape, np.inf)
    rows, columns, _ = head.grid.locate(fitted.ears[bare])
    feet = np.stack([head.grid.sample(head.points[..., i], rows, columns) for i in range(3)], -1)
    distance, _ = cKDTree(feet).query(head.points)
    return np.asarray(distance - _EAR_MARGIN)
