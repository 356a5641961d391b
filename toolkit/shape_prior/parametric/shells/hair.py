"""Hair and headwear as a closed sheet around the head that meets the photograph's silhouette."""

import numpy as np
import scipy.ndimage

from facecraft4d.toolkit.core.geometry import project
from facecraft4d.toolkit.shape_prior.parametric.shells.constants import (
    BACK_METRES,
    BEHIND_JAW_DEGREES,
    BROW_FADE,
    BROW_HEIGHT,
    CAP_SHARPNESS,
    CHEEK_METRES,
    COLUMNS,
    CONNECTED,
    COVER_LEAST,
    CROWN_CENTER,
    CURTAIN_DEGREES,
    FRINGE_METRES,
    GROWN_DEGREES,
    HAIR_VISIBLE,
    LEVEL_FADE,
    NAPE_DROP,
    NAPE_WAVE,
    SIDE_DEGREES,
    SOFT_EDGE,
    SPACING_METRES,
    UNDER_EARS,
    USUAL_HAIR,
    WAVE_GAIN,
    WAVE_LENGTH,
)
from facecraft4d.toolkit.shape_prior.parametric.shells.grid import (
    ShellGrid,
    capsule_grid,
    largest_part,
    outer_radii,
    picture_values,
    wrapped_filter,
)
from facecraft4d.toolkit.shape_prior.parametric.shells.sheet import (
    FittedHead,
    Shell,
    finished,
    height_at,
    lift,
    mixed,
    side_reach,
    softened,
    wrap,
)


def hair_shell(fitted: FittedHead, rng: np.random.Generator) -> Shell:
    """The sheet of hair and headwear, from the crown to where the photograph's hair ends, or to the nape; `rng` draws its edge."""
    low, high = fitted.scalp.min(0), fitted.scalp.max(0)
    center = np.array([0.0, low[1] + CROWN_CENTER * (high[1] - low[1]), (low[2] + high[2]) / 2])
    lowest = _lowest_height(fitted, fitted.segments.hair, center)
    nape = float(low[1])
    grid = capsule_grid(center, min(lowest, nape) - NAPE_DROP - 2 * SPACING_METRES, COLUMNS, SPACING_METRES)
    skin = outer_radii(grid, fitted.vertices, fitted.triangles)
    facing = wrap(grid.azimuths - fitted.camera_azimuth)
    sides = [side_reach(fitted, grid, skin, facing, side, fitted.segments.hair) for side in (1, -1)]
    level = np.hypot(*grid.directions[:, 0, [0, 2]].T)
    heights = (grid.points(skin)[..., 1].mean(1) - low[1]) / (high[1] - low[1])
    below = np.clip((BROW_HEIGHT - heights) / BROW_FADE, 0, 1)
    thickness = _around(facing, sides, (FRINGE_METRES, BACK_METRES), level, below)
    wave = scipy.ndimage.gaussian_filter1d(rng.normal(0, WAVE_GAIN * NAPE_WAVE, COLUMNS), WAVE_LENGTH, mode="wrap")
    drop = NAPE_DROP * np.clip(-np.cos(grid.azimuths), 0, 1) ** 2 + wave
    present = _hair_presence(fitted, grid, skin + 0.5 * thickness, facing, nape - drop)
    present[-1] = 0
    present = wrapped_filter(present, SOFT_EDGE)
    radii = skin + lift(present, thickness)
    return finished(fitted, grid, radii, present, True)


def _lowest_height(fitted: FittedHead, mask: np.ndarray, center: np.ndarray) -> float:
    rows = np.flatnonzero(mask.any(1))
    depth = float(project(fitted.camera, center)[1])
    return height_at(fitted.camera, float(rows.max() + 1) if len(rows) else 0.0, depth)


def _around(
    facing: np.ndarray,
    sides: list[tuple[np.ndarray, np.ndarray]],
    caps: tuple[float, float],
    level: np.ndarray,
    low: np.ndarray,
) -> np.ndarray:
    """Thickness [r, c] from the two sides' [r], at most `caps` (front, back) where rays are level; free at the crown.

    `level` [r] is the rays' horizontal share, `low` [r] is 1 below the brows and 0 well above them.
    """
    filled = []
    for reach, valid in sides:
        rows = np.arange(len(reach))
        known = rows[valid] if valid.any() else rows[:1]
        values = reach[valid] if valid.any() else np.full(1, USUAL_HAIR)
        filled.append(np.interp(rows, known, values))
    thickness = mixed(facing, filled)
    level = np.clip(level * LEVEL_FADE[0] - LEVEL_FADE[1], 0, 1)[:, None]
    front, back = (level * np.maximum(sign * np.cos(facing), 0) ** CAP_SHARPNESS for sign in (1, -1))
    start, end = np.radians(CURTAIN_DEGREES)
    curtain = 1 - np.clip((np.abs(facing) - start) / (end - start), 0, 1)
    front = front + low[:, None] * (curtain - front)
    cap = caps[0] + (CHEEK_METRES - caps[0]) * low[:, None]
    capped = (1 - front) * thickness + front * np.minimum(thickness, cap)
    return np.asarray(np.maximum((1 - back) * capped + back * np.minimum(capped, caps[1]), COVER_LEAST))


def _hair_presence(
    fitted: FittedHead, grid: ShellGrid, radii: np.ndarray, facing: np.ndarray, nape: np.ndarray
) -> np.ndarray:
    """1 where there is hair [r, c]: seen in the photograph, or mirrored, or grown behind the ears down to the nape [c]."""
    points = grid.points(radii)
    seen = picture_values(fitted.camera, softened(fitted.segments.hair, fitted.segments.matte), points)
    low, high = fitted.scalp[:, 1].min(), fitted.scalp[:, 1].max()
    under_ears = np.clip(0.5 - (points[..., 1] - low) / (UNDER_EARS * (high - low)), 0, 1)
    seen = seen * (1 - under_ears * (np.abs(facing) < np.radians(BEHIND_JAW_DEGREES)))
    visible = np.cos(facing) > HAIR_VISIBLE
    mirror = (-np.arange(len(facing))) % len(facing)
    mirrored, mirror_visible = seen[:, mirror], visible[mirror]
    fall = _lowest_side_row(seen, facing)
    end = np.minimum(nape, nape - nape.max() + points[fall, :, 1].mean()) if fall >= 0 else nape
    grown = np.clip(0.5 + (points[..., 1] - end) / (2 * SPACING_METRES), 0, 1)
    grown = grown * ((np.abs(grid.azimuths) > np.radians(GROWN_DEGREES)) | (points[..., 1] > fitted.scalp[:, 1].mean()))
    present = np.where(visible, seen, np.where(mirror_visible, mirrored, grown)).astype(float)
    return np.asarray(present * largest_part(present > CONNECTED))


def _lowest_side_row(seen: np.ndarray, facing: np.ndarray) -> int:
    """The lowest row with hair at both sides of the face."""
    lowest = []
    for side in (1, -1):
        near = np.abs(wrap(facing - side * np.pi / 2)) < np.radians(SIDE_DEGREES)
        rows = np.flatnonzero((seen[:, near] > 0.5).any(1))
        lowest.append(int(rows.max()) if len(rows) else -1)
    return min(lowest)
