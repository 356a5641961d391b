"""Where a garment begins: told from the photograph in front, carried round the neck."""

import numpy as np
import scipy.ndimage
from jaxtyping import Bool, Float, Float64

from facecraft4d.toolkit.shape_prior.parametric.shells.constants import (
    COLLAR_BLUR,
    COLLAR_MEDIAN,
    COLLAR_RANGE,
    COLLAR_SEEN,
    COLLAR_UNDER,
)
from facecraft4d.toolkit.shape_prior.parametric.shells.fan import FanGrid
from facecraft4d.toolkit.shape_prior.parametric.shells.grid import picture_values
from facecraft4d.toolkit.shape_prior.parametric.shells.sheet import FittedHead, softened, wrap


def collar_heights(
    fitted: FittedHead,
    rays: FanGrid,
    bare: Float64[np.ndarray, "r c"],
    on_neck: Bool[np.ndarray, "r c"],
    ring: Float[np.ndarray, "m 3"],
) -> Float64[np.ndarray, "r c"]:
    """World height of the collar in each column, metres: as far from the neck's base as where skin is seen to end on cloth.

    Behind garments lie on the neck's base, whatever they leave bare in front; what stands higher at both sides does so behind as well.
    """
    return collar_at(_skin_ends(fitted, rays, rays.points(bare)), rays, bare, on_neck, ring)


def collar_at(
    seen: Float64[np.ndarray, " c"],
    rays: FanGrid,
    bare: Float64[np.ndarray, "r c"],
    on_neck: Bool[np.ndarray, "r c"],
    ring: Float[np.ndarray, "m 3"],
) -> Float64[np.ndarray, "r c"]:
    """As `collar_heights`, where skin is `seen` to end at a height in each column, not a number where that is not known."""
    base = heights_around(ring, rays.points(np.ones(bare.shape))[len(bare) // 2])
    points = rays.points(bare)
    known = np.flatnonzero(np.isfinite(seen))
    off = np.zeros(len(base))
    if len(known):
        columns = len(base)
        told = scipy.ndimage.median_filter((seen - base)[known], COLLAR_MEDIAN, mode="nearest")
        known, told = np.append(known, columns), np.append(told, max(0.0, float(told[[0, -1]].mean())))
        off = np.interp(np.arange(columns), known, told, period=columns)
    off = scipy.ndimage.gaussian_filter1d(off.clip(*COLLAR_RANGE), COLLAR_BLUR, mode="wrap")
    lowest = np.where(on_neck, points[..., 1], np.inf).min(0) + COLLAR_UNDER
    return np.asarray(np.broadcast_to(np.maximum(base + off, lowest), bare.shape))


def calmed(elevations: Float64[np.ndarray, " c"]) -> Float64[np.ndarray, " c"]:
    """A collar's elevations as smooth as its heights: rays that run along a neck meet each facet of its mesh centimetres apart."""
    middle = scipy.ndimage.median_filter(elevations, COLLAR_MEDIAN, mode="wrap")
    return np.asarray(scipy.ndimage.gaussian_filter1d(middle, COLLAR_BLUR, mode="wrap"))


def _skin_ends(fitted: FittedHead, rays: FanGrid, points: Float64[np.ndarray, "r c 3"]) -> Float64[np.ndarray, " c"]:
    """Lowest height at which skin goes over into cloth in each column that faces the camera; not a number where that is not seen."""
    segments = fitted.segments
    cloth, skin = (
        picture_values(fitted.camera, softened(mask, segments.matte), points)
        for mask in (segments.torso, segments.skin)
    )
    facing = np.cos(wrap(rays.azimuths - fitted.camera_azimuth))
    dressed = (cloth > 0.5)[1:] & (skin > 0.5)[:-1] & (facing > COLLAR_SEEN)
    return crossing_heights(points, cloth, dressed)


def crossing_heights(
    points: Float64[np.ndarray, "r c 3"], cloth: Float[np.ndarray, "r c"], dressed: Bool[np.ndarray, "_ c"]
) -> Float64[np.ndarray, " c"]:
    """Height at which cloth comes to one half in each column, at the lowest row where `dressed` says that it begins; else not a number."""
    row = len(dressed) - 1 - dressed[::-1].argmax(0)
    here, before = cloth[row + 1, np.arange(len(row))], cloth[row, np.arange(len(row))]
    share = np.clip((0.5 - before) / np.maximum(here - before, 1e-6), 0, 1)
    y = points[row, np.arange(len(row)), 1] * (1 - share) + points[row + 1, np.arange(len(row)), 1] * share
    return np.where(dressed.any(0), y, np.nan)


def heights_around(ring: Float[np.ndarray, "m 3"], points: Float[np.ndarray, "n 3"]) -> Float64[np.ndarray, " n"]:
    """Height of a ring about its middle at the azimuth of each point."""
    center = ring.mean(0)
    azimuths, wanted = (np.arctan2(each[:, 0] - center[0], each[:, 2] - center[2]) for each in (ring, points))
    order = np.argsort(azimuths)
    return np.asarray(np.interp(wanted, azimuths[order], ring[order, 1], period=2 * np.pi))
