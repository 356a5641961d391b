"""How thick hair is: a membrane through what the silhouette shows, over the body that the hair falls on."""

import numpy as np
import scipy.ndimage
from jaxtyping import Bool, Float64, Int64

from facecraft4d.toolkit.core.geometry import camera_center, project
from facecraft4d.toolkit.shape_prior.parametric.shells.grid import (
    ShellGrid,
    picture_values,
    signed_distance,
    wrapped_filter,
)
from facecraft4d.toolkit.shape_prior.parametric.shells.hair_prior import hair_prior, looks
from facecraft4d.toolkit.shape_prior.parametric.shells.hairline import HeadOnGrid
from facecraft4d.toolkit.shape_prior.parametric.shells.relief import departure
from facecraft4d.toolkit.shape_prior.parametric.shells.sheet import FittedHead
from facecraft4d.toolkit.shape_prior.parametric.shells.smooth import membrane

_ROUNDS = 8
"""Rounds in which the silhouette of the hair is drawn to that of the photograph."""
_SECTOR = np.radians(4.0)
"""Radians of the picture in which one point at least makes the silhouette."""
_NEAR, _SHARE = 0.003, 0.1
"""Metres by which others may lie behind it and count as well, and what is added for each metre that hair stands off."""
_LENGTH = 0.008
"""Metres over which the silhouette is smoothed: about as wide as a curl's end."""
_FLAT = 0.02
"""Weight beside the silhouette's of hair lying flat on clothes."""
_SUPPOSED = 0.03
"""Weight beside the silhouette's of what people's hair usually is where the silhouette does not pass."""
_LEAST, _MOST = 0.003, 0.12
"""Metres that hair stands off the body, at least and at most."""
_SLANT = 0.3
"""Least part of a step along a ray that must count as a step across the silhouette; shallower rays tell too little."""
_STEP = 1e-3
"""Metres along a ray by which its direction in the picture is told."""
_USUAL = 0.008
"""Metres of hair that lies close to the skull, or on clothes."""


def hair_radii(
    fitted: FittedHead,
    head: HeadOnGrid,
    edge: Float64[np.ndarray, "r c"],
    hanging: Float64[np.ndarray, " c"],
) -> Float64[np.ndarray, "r c"]:
    """Radius of the hair's outer surface on every ray, as if hair were everywhere.

    `edge` is the distance within the hair's edge, `hanging` how far hair falls from the head rather than lie on it.
    """
    border, valid = silhouette(fitted)
    # through the middle of what locks and curls make of it
    border = signed_distance(departure(border > 0, pixels_per_metre(fitted)) > 0)
    thickness = np.full(head.skin.shape, _USUAL)
    prior = hair_prior("thickness", fitted.ears, float(fitted.scalp[:, 1].max()), head.points)
    alone = looks(head.points)
    for _ in range(_ROUNDS):
        base = _draped(head, hanging, float(np.median(np.append(thickness[edge > 0], _USUAL))))
        lying, points = head.grid.points(base + _USUAL), head.grid.points(base + thickness)
        out = to_border(fitted, head.grid, points, border)
        known = np.isfinite(out) & (picture_values(fitted.camera, valid, points) > 0.5)
        known &= ~head.clothed | (out < 0)
        sectors, hair = _sectors(head, lying), edge > 0
        below = np.maximum(to_border(fitted, head.grid, lying, border), 0)
        nearest = _least(below, hair, sectors)
        limb = np.exp(-(((below - nearest) / (_NEAR + _SHARE * nearest)) ** 2))
        limb = np.where(hair & np.isfinite(below), limb, 0)
        weights = np.where(known, np.maximum(limb, out < 0), 0)
        # neighbours of the outermost point follow halfway: cropped hair keeps the skull's roundness, and big hair fills its outline
        rise = np.where(out < 0, out, (_least(out, hair, sectors) + out) / 2)
        seen = np.clip(np.where(known, thickness + rise, _USUAL), _LEAST, _MOST)
        off = base - head.skin
        expected = np.where(head.clothed, _USUAL, prior.given(seen + off, weights * alone) - off)
        rest = np.where(head.clothed, _FLAT, _SUPPOSED * (1 - hanging))
        target = (weights * seen + rest * expected) / np.maximum(weights + rest, 1e-9)
        weights = weights + rest
        thickness = np.clip(membrane(points, target, weights, _LENGTH), _LEAST, _MOST)
    return np.asarray(base + thickness)


def _sectors(head: HeadOnGrid, points: Float64[np.ndarray, "r c 3"]) -> Int64[np.ndarray, "r c"]:
    """Numbers of the directions of the picture in which points lie: angles above the grid's middle, left and right of each row below it."""
    across = np.sin(head.facing) * np.hypot(points[..., 0], points[..., 2])
    above = np.broadcast_to(np.maximum(points[..., 1] - head.grid.center[1], 0), across.shape)
    row = np.maximum(np.arange(len(points)) - len(head.grid.elevations) + 1, 0)[:, None]
    turn = np.round(np.arctan2(np.abs(across), above) / _SECTOR)
    return np.asarray((np.where(row > 0, turn.max() + row, turn) * 2 + (across > 0)).astype(int))


def _least(
    out: Float64[np.ndarray, "r c"], hair: Bool[np.ndarray, "r c"], sectors: Int64[np.ndarray, "r c"]
) -> Float64[np.ndarray, "r c"]:
    """Of all hair in each point's sector the least `out`; 0 where none tells any."""
    able = hair & np.isfinite(out)
    least = np.full(sectors.max() + 1, np.inf)
    np.minimum.at(least, sectors[able], out[able])
    return np.asarray(np.where(np.isfinite(least), least, 0)[sectors])


def silhouette(fitted: FittedHead) -> tuple[np.ndarray, np.ndarray]:
    """Pixels within the matte, and 1 where its border is one of hair.

    The matte goes on below clothes and below what lies on them: there the picture ends, not the person.
    """
    segments = fitted.segments
    matte = segments.matte.copy()
    if segments.torso.any():
        top = np.flatnonzero(segments.torso.any(1)).min()
        cut = segments.torso.any(0) | matte[top + 2 :].any(0)
        lowest = len(matte) - 1 - matte[::-1].argmax(0)
        matte |= (np.arange(len(matte))[:, None] > lowest) & cut
    nearest = scipy.ndimage.distance_transform_edt(~segments.matte, return_distances=False, return_indices=True)
    return signed_distance(np.pad(matte, 64, mode="edge"))[64:-64, 64:-64], segments.hair[tuple(nearest)].astype(
        np.float32
    )


def pixels_per_metre(fitted: FittedHead) -> float:
    """Of the photograph, at the head's middle."""
    return fitted.camera.fx / float(np.linalg.norm(camera_center(fitted.camera)))


def to_border(
    fitted: FittedHead, grid: ShellGrid, points: Float64[np.ndarray, "r c 3"], border: np.ndarray
) -> Float64[np.ndarray, "r c"]:
    """How far (metres) points must go out along their rays to come to the matte's border.

    Not a number where they hardly near it, and where the picture ends before.
    """
    pixels, _ = project(fitted.camera, points)
    ahead, _ = project(fitted.camera, points + _STEP * grid.directions)
    slope = np.gradient(scipy.ndimage.gaussian_filter(border, 2.0))[::-1]
    outward = -np.stack([picture_values(fitted.camera, along, points) for along in slope], -1)
    scale = fitted.camera.fx / np.linalg.norm(camera_center(fitted.camera) - points, axis=-1)
    rate = ((ahead - pixels) * outward).sum(-1) / _STEP
    inside = picture_values(fitted.camera, border, points)
    size = np.array([fitted.camera.width, fitted.camera.height])
    shown = inside < np.minimum(pixels, size - pixels).min(-1)
    return np.where(shown & (rate > _SLANT * scale), inside / np.maximum(rate, _SLANT * scale), np.nan)


def _draped(head: HeadOnGrid, hanging: np.ndarray, thickness: float) -> np.ndarray:
    """What the hair lies on [r, c]: long hair falls straight from the widest part above, short hair bridges what it is thicker than."""
    level = len(head.grid.elevations)
    hull = head.skin.copy()
    hull[level:] = np.maximum.accumulate(head.skin[level:], 0)
    base = head.skin + np.minimum(hull - head.skin, max(thickness - _USUAL, 0) + hanging * _MOST)
    return np.asarray(np.maximum(wrapped_filter(base, (1.0, 1.0)), head.skin))
