"""The bust's outline: the cut in which it ends below and at its sides, and what stands off the body, both told by the photograph's matte.

The cut runs along the lines of sight, so that seen from the camera the bust ends where the picture of it does, and is the same on both
sides.
"""

import numpy as np
import scipy.ndimage
from jaxtyping import Bool, Float64, Int

from facecraft4d.toolkit.core.geometry import project
from facecraft4d.toolkit.meshes.raster import rasterize
from facecraft4d.toolkit.shape_prior.parametric.shells.constants import (
    CUT_CALM,
    CUT_HALVINGS,
    FIT_INSIDE,
    FIT_ROUNDS,
    LEAST_BUST,
    LIMB,
    MOST_OFF,
    OUTLINE_LENGTHS,
    OUTLINE_REACH,
    WALK,
)
from facecraft4d.toolkit.shape_prior.parametric.shells.fan import FanGrid
from facecraft4d.toolkit.shape_prior.parametric.shells.grid import picture_values, sheet_triangles, signed_distance
from facecraft4d.toolkit.shape_prior.parametric.shells.sheet import FittedHead, world_steps
from facecraft4d.toolkit.shape_prior.parametric.shells.smooth import membrane
from facecraft4d.toolkit.shape_prior.parametric.shells.volume import to_border


def lower_rows(fitted: FittedHead, neck: Float64[np.ndarray, "3"]) -> Float64[np.ndarray, " w"]:
    """Row at which the bust ends in the picture at each whole number of pixels aside of `neck`, the middle of the neck's base.

    Level or rising to the sides; 0 beyond the matte. Where the photograph ends earlier on one side, it does on both.
    """
    matte = fitted.segments.matte
    pixel = project(fitted.camera, neck[None])[0][0]
    _, down = world_steps(fitted, neck)
    rows = np.where(matte.any(0), len(matte) - matte[::-1].argmax(0), 0)
    aside = np.arange(matte.shape[1])
    sides = np.stack([np.interp(pixel[0] + side * aside, aside + 0.5, rows, 0, 0) for side in (-1, 1)])
    rows = np.where((sides > 0).all(0), sides.min(0), sides.max(0))
    rows = np.maximum.accumulate(rows[::-1])[::-1]
    shown = rows > 0
    rows = np.where(shown, np.maximum(rows, pixel[1] + LEAST_BUST / down), 0)
    calm = scipy.ndimage.gaussian_filter1d(rows[shown], CUT_CALM / down, mode="nearest")
    rows[shown] = np.minimum(calm, rows[shown])
    return np.asarray(rows, np.float64)


def front_of(rays: FanGrid, radii: Float64[np.ndarray, "r c"]) -> Float64[np.ndarray, "n 2"]:
    """How far aside (metres, rising) and how far to the front (z) a surface comes level with the middle of the rays, the mean of both sides."""
    level = np.abs(rays.directions[:, 0, 1]).argmin()
    points = rays.points(radii)[level]
    both = (points + points[-np.arange(len(points))] * [-1, 1, 1]) / 2
    quarter = both[len(points) // 2 : len(points) // 4 * 3 + 1, [0, 2]]
    return np.column_stack([np.maximum.accumulate(quarter[:, 0]), quarter[:, 1]])


def cut_radii(
    fitted: FittedHead, rays: FanGrid, rows: Float64[np.ndarray, " w"], front: Float64[np.ndarray, "n 2"]
) -> Float64[np.ndarray, "r c"]:
    """How far the bust may reach along each ray before it leaves what ends at `rows` in the picture, metres, alike on both sides.

    It is cut straight to the back from the surface's `front`, and along the line of sight where more would show of it.
    """
    low, high = np.zeros(rays.directions.shape[:2]), np.full(rays.directions.shape[:2], WALK[-1])
    for _ in range(CUT_HALVINGS):
        radii = (low + high) / 2
        within = _within(fitted, rays, rays.points(radii), rows, front)
        low, high = np.where(within, radii, low), np.where(within, high, radii)
    return np.asarray(low)


def _within(
    fitted: FittedHead, rays: FanGrid, points: Float64[np.ndarray, "r c 3"], rows: np.ndarray, front: np.ndarray
) -> Bool[np.ndarray, "r c"]:
    """Whether points, their mirror images, and what lies before these at the front, are seen above `rows`."""
    middle = project(fitted.camera, rays.center[None])[0][0, 0]
    within = np.ones(points.shape[:2], bool)
    for side in (-1, 1):
        mirrored = rays.center + (points - rays.center) * [side, 1, 1]
        ahead = mirrored.copy()
        ahead[..., 2] = np.interp(np.abs(points[..., 0] - rays.center[0]), *front.T)
        for each in (mirrored, ahead):
            pixels, _ = project(fitted.camera, each)
            within &= pixels[..., 1] < np.interp(np.abs(pixels[..., 0] - middle), np.arange(len(rows)), rows)
    return within


def outlined(
    fitted: FittedHead,
    rays: FanGrid,
    radii: Float64[np.ndarray, "r c"],
    cut: Float64[np.ndarray, "r c"],
    bound: Bool[np.ndarray, "r c"],
) -> Float64[np.ndarray, "r c"]:
    """Radii whose outline within the cut is the matte's: what lies on it is drawn to it, the more calmly the farther from it.

    Coarse to fine, each round adds a membrane; points that are `bound` stay.
    """
    segments = fitted.segments
    border = _border(segments.matte)
    nearest = scipy.ndimage.distance_transform_edt(~segments.matte, return_distances=False, return_indices=True)
    clothed = (~segments.hair[tuple(nearest)]).astype(np.float32)
    off, triangles = np.zeros(radii.shape), sheet_triangles(*radii.shape)[: -2 * radii.shape[1]]
    for length in OUTLINE_LENGTHS:
        points = rays.points(np.minimum(radii + off, cut))
        out = to_border(fitted, rays, points, border)
        known = np.isfinite(out) & (picture_values(fitted.camera, clothed, points) > 0.5) & (radii + off < cut) & ~bound
        drawn = rasterize(fitted.camera, points.reshape(-1, 3).astype(np.float32), triangles).covered
        within = picture_values(fitted.camera, _border(drawn), points).clip(0)
        outline = np.where(known, np.maximum(np.exp(-((within / LIMB) ** 2)), out < 0), 0)
        weights = outline + bound + (length / OUTLINE_REACH) ** 2
        target = np.where(known, outline * out, 0) / weights
        off = (off + membrane(points, target, weights, length)).clip(-MOST_OFF, MOST_OFF)
    drawn_in = radii + off
    for _ in range(FIT_ROUNDS):
        at = np.minimum(drawn_in, cut)
        out = to_border(fitted, rays, rays.points(at), border - FIT_INSIDE)
        drawn_in = np.where((out < 0) & ~bound, at + out, drawn_in)
    return np.asarray(drawn_in)


def _border(drawn: Bool[np.ndarray, "h w"]) -> np.ndarray:
    """Pixels within a silhouette, which goes on below where the picture of the bust ends."""
    lowest: Int[np.ndarray, " w"] = len(drawn) - 1 - drawn[::-1].argmax(0)
    longer = drawn | (drawn.any(0) & (np.arange(len(drawn))[:, None] > lowest))
    return signed_distance(np.pad(longer, 64, mode="edge"))[64:-64, 64:-64]
