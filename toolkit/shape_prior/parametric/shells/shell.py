"""Hair, headwear and clothes as closed sheets around the head that meet the photograph's silhouette."""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
from jaxtyping import Float, Float64, Int, Int32

from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.core.geometry import camera_center, project
from facecraft4d.toolkit.fitting.observation import Segments
from facecraft4d.toolkit.shape_prior.parametric.shells.constants import (
    BACK_METRES,
    BEHIND_JAW_DEGREES,
    BELOW_PICTURE,
    BROW_FADE,
    BROW_HEIGHT,
    BUST_DEPTH,
    CAP_SHARPNESS,
    CHECKED_INSIDE,
    CHEEK_METRES,
    CLOTHES_VISIBLE,
    COLLAR_GAP,
    COLLAR_RISE,
    COLUMNS,
    CONNECTED,
    COVER_LEAST,
    CROWN_CENTER,
    CURTAIN_DEGREES,
    DEPTH_SLOPE,
    FIT_ROUNDS,
    FRINGE_METRES,
    FULL,
    GROWN_DEGREES,
    HAIR_VISIBLE,
    INSIDE_PIXELS,
    LEAST_BUST,
    LEAST_REACH,
    LEAST_SHOULDER,
    LEVEL_FADE,
    MATTE_BLUR,
    MOST_DEPTH,
    NAPE_DROP,
    NAPE_WAVE,
    NECK_RADIUS,
    RISE,
    SHOULDER_POWER,
    SIDE_DEGREES,
    SOFT_EDGE,
    SPACING_METRES,
    UNDER_EARS,
    UNDER_SKIN_METRES,
    USUAL_HAIR,
    WALK,
    WALK_STEP,
    WAVE_GAIN,
    WAVE_LENGTH,
)
from facecraft4d.toolkit.shape_prior.parametric.shells.grid import (
    ShellGrid,
    capsule_grid,
    largest_part,
    outer_radii,
    picture_values,
    sheet_triangles,
    signed_distance,
    wrapped_filter,
)


@dataclass(frozen=True, slots=True, eq=False)
class Shell:
    """A sheet; its texture chart is the grid itself."""

    grid: ShellGrid
    vertices: Float64[np.ndarray, "v 3"]
    triangles: Int32[np.ndarray, "f 3"]
    present: Float64[np.ndarray, "r c"]
    """Above one half where the sheet is outside the skin."""
    crown: bool
    """Whether the sheet is closed above (hair, open below inside the neck) or below (clothes, open above)."""


@dataclass(frozen=True, slots=True, eq=False)
class FittedHead:
    """What the sheets are made from."""

    camera: Camera
    segments: Segments
    vertices: Float[np.ndarray, "v 3"]
    """The posed skin."""
    triangles: Int[np.ndarray, "f 3"]
    """Skin without ears, eyes and mouth."""
    scalp: Float64[np.ndarray, "n 3"]
    """Points of the model's scalp."""

    @property
    def camera_azimuth(self) -> float:
        """Radians about +Y."""
        center = camera_center(self.camera)
        return float(np.arctan2(center[0], center[2]))


def hair_shell(fitted: FittedHead, rng: np.random.Generator) -> Shell:
    """The sheet of hair and headwear, from the crown to where the photograph's hair ends, or to the nape; `rng` draws its edge."""
    low, high = fitted.scalp.min(0), fitted.scalp.max(0)
    center = np.array([0.0, low[1] + CROWN_CENTER * (high[1] - low[1]), (low[2] + high[2]) / 2])
    lowest = _lowest_height(fitted, fitted.segments.hair, center)
    nape = float(low[1])
    grid = capsule_grid(center, min(lowest, nape) - NAPE_DROP - 2 * SPACING_METRES, COLUMNS, SPACING_METRES)
    skin = outer_radii(grid, fitted.vertices, fitted.triangles)
    facing = _wrap(grid.azimuths - fitted.camera_azimuth)
    sides = [_side_reach(fitted, grid, skin, facing, side, fitted.segments.hair) for side in (1, -1)]
    level = np.hypot(*grid.directions[:, 0, [0, 2]].T)
    heights = (grid.points(skin)[..., 1].mean(1) - low[1]) / (high[1] - low[1])
    below = np.clip((BROW_HEIGHT - heights) / BROW_FADE, 0, 1)
    thickness = _around(facing, sides, (FRINGE_METRES, BACK_METRES), level, below)
    wave = scipy.ndimage.gaussian_filter1d(rng.normal(0, WAVE_GAIN * NAPE_WAVE, COLUMNS), WAVE_LENGTH, mode="wrap")
    drop = NAPE_DROP * np.clip(-np.cos(grid.azimuths), 0, 1) ** 2 + wave
    present = _hair_presence(fitted, grid, skin + 0.5 * thickness, facing, nape - drop)
    present[-1] = 0
    present = wrapped_filter(present, SOFT_EDGE)
    radii = skin + _lift(present, thickness)
    return _finished(fitted, grid, radii, present, True)


def torso_shell(fitted: FittedHead, neck: Float64[np.ndarray, "3"]) -> Shell:
    """The sheet of clothes and shoulders around the axis of the neck, from its middle (`neck`) to where the matte ends."""
    torso, throat = fitted.segments.torso, neck[1]
    rows = np.flatnonzero(torso.any(1))
    if len(rows):
        top = _height_at(fitted.camera, float(rows.min()), float(project(fitted.camera, neck)[1])) + SPACING_METRES
        neck = np.array([neck[0], np.clip(top, neck[1], neck[1] + COLLAR_RISE), neck[2]])
    lowest = float(rows.max() + 1) if len(rows) else 0.0
    bottom = _height_at(fitted.camera, lowest, float(project(fitted.camera, neck)[1]))
    if lowest >= fitted.camera.height:
        bottom -= BELOW_PICTURE  # the picture cuts the shoulders off: go on below its edge
    grid = capsule_grid(neck, min(bottom, neck[1] - LEAST_BUST), COLUMNS, SPACING_METRES, dome=False)
    skin = outer_radii(grid, fitted.vertices, fitted.triangles)
    facing = _wrap(grid.azimuths - fitted.camera_azimuth)
    reach = [_side_reach(fitted, grid, skin * 0, facing, side, torso)[0] for side in (1, -1)]
    in_picture = project(fitted.camera, grid.points(skin * 0)[:, 0])[0][:, 1] < min(lowest, fitted.camera.height) - 2
    last = max(int(in_picture.sum()) - 1, 0)
    reach = [np.where(in_picture, side, side[last]) for side in reach]
    wide = _mixed(facing, reach)
    deep = np.minimum(wide, BUST_DEPTH + DEPTH_SLOPE * np.maximum(wide - BUST_DEPTH, 0)).clip(max=MOST_DEPTH)
    power = SHOULDER_POWER
    radii = (np.abs(np.sin(facing) / wide) ** power + np.abs(np.cos(facing) / deep) ** power) ** (-1 / power)
    radii = np.maximum(radii, np.minimum(skin, NECK_RADIUS) + COLLAR_GAP)
    seen = picture_values(fitted.camera, _softened(torso, fitted.segments.matte), grid.points(CHECKED_INSIDE * radii))
    start = _first_row(np.maximum(*[(side > LEAST_SHOULDER).astype(float) for side in reach]))
    low = max(start, int((grid.origins[:, 0, 1] > throat + 1e-9).sum()))
    visible = np.cos(facing) > CLOTHES_VISIBLE
    behind = np.arange(len(seen))[:, None] >= np.minimum(low, _sloping(np.where(visible, seen, 0)))
    present = np.maximum.accumulate(np.where(visible, seen, behind).astype(float), 0)
    present = wrapped_filter(present, SOFT_EDGE)
    covered = np.minimum(skin, radii)
    return _finished(fitted, grid, covered + _lift(present, radii - covered), present, False)


def _lift(present: np.ndarray, thickness: np.ndarray) -> np.ndarray:
    """Height over the skin: crosses it exactly where presence is one half."""
    rise = np.clip((present - 0.5) * 2, -1, 1)
    return np.asarray(np.where(rise > 0, thickness * np.minimum(1, RISE * rise), UNDER_SKIN_METRES * rise))


def _wrap(angles: np.ndarray) -> np.ndarray:
    return np.asarray((angles + np.pi) % (2 * np.pi) - np.pi)


def _height_at(camera: Camera, row: float, depth: float) -> float:
    """World height of a picture row at a camera depth in the middle of the picture."""
    seen = np.array([0.0, (row - camera.cy) / camera.fy * depth, depth])
    matrix = camera.camera_from_world
    return float((matrix[:3, :3].T @ (seen - matrix[:3, 3]))[1])


def _lowest_height(fitted: FittedHead, mask: np.ndarray, center: np.ndarray) -> float:
    rows = np.flatnonzero(mask.any(1))
    depth = float(project(fitted.camera, center)[1])
    return _height_at(fitted.camera, float(rows.max() + 1) if len(rows) else 0.0, depth)


def _side_reach(
    fitted: FittedHead, grid: ShellGrid, skin: np.ndarray, facing: np.ndarray, side: int, mask: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How far the mask reaches beyond `skin` along the rays across the line of sight [r], and where it does at all [r]."""
    column = int(np.abs(_wrap(facing - side * np.pi / 2)).argmin())
    start = skin[:, column]
    ladder = start[:, None] + WALK
    points = grid.origins[:, column, None] + ladder[..., None] * grid.directions[:, column, None]
    pixels, _ = project(fitted.camera, points)
    size = fitted.camera.width
    inside = ((pixels >= 0) & (pixels < (size, fitted.camera.height))).all(-1)
    value = picture_values(fitted.camera, mask, points) * inside
    reach = np.where(value > 0.5, WALK, 0).max(1)
    full = (value > 0.5).sum(1) * WALK_STEP > FULL * reach
    return reach, (reach > LEAST_REACH) & full


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
    thickness = _mixed(facing, filled)
    level = np.clip(level * LEVEL_FADE[0] - LEVEL_FADE[1], 0, 1)[:, None]
    front, back = (level * np.maximum(sign * np.cos(facing), 0) ** CAP_SHARPNESS for sign in (1, -1))
    start, end = np.radians(CURTAIN_DEGREES)
    curtain = 1 - np.clip((np.abs(facing) - start) / (end - start), 0, 1)
    front = front + low[:, None] * (curtain - front)
    cap = caps[0] + (CHEEK_METRES - caps[0]) * low[:, None]
    capped = (1 - front) * thickness + front * np.minimum(thickness, cap)
    return np.asarray(np.maximum((1 - back) * capped + back * np.minimum(capped, caps[1]), COVER_LEAST))


def _mixed(facing: np.ndarray, sides: list[np.ndarray]) -> np.ndarray:
    left = 0.5 + 0.5 * np.sin(facing)
    return np.asarray(np.maximum(sides[0][:, None] * left + sides[1][:, None] * (1 - left), 1e-3))


def _hair_presence(
    fitted: FittedHead, grid: ShellGrid, radii: np.ndarray, facing: np.ndarray, nape: np.ndarray
) -> np.ndarray:
    """1 where there is hair [r, c]: seen in the photograph, or mirrored, or grown behind the ears down to the nape [c]."""
    points = grid.points(radii)
    seen = picture_values(fitted.camera, _softened(fitted.segments.hair, fitted.segments.matte), points)
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


def _softened(mask: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """A mask with smooth borders inside the matte; outside the matte the nearest value within goes on."""
    nearest = scipy.ndimage.distance_transform_edt(~matte, return_distances=False, return_indices=True)
    return np.asarray(scipy.ndimage.gaussian_filter(mask[tuple(nearest)].astype(np.float32), MATTE_BLUR * len(mask)))


def _lowest_side_row(seen: np.ndarray, facing: np.ndarray) -> int:
    """The lowest row with hair at both sides of the face."""
    lowest = []
    for side in (1, -1):
        near = np.abs(_wrap(facing - side * np.pi / 2)) < np.radians(SIDE_DEGREES)
        rows = np.flatnonzero((seen[:, near] > 0.5).any(1))
        lowest.append(int(rows.max()) if len(rows) else -1)
    return min(lowest)


def _first_row(flags: np.ndarray) -> int:
    rows = np.flatnonzero(flags > 0.5)
    return int(rows.min()) if len(rows) else len(flags)


def _sloping(present: np.ndarray) -> np.ndarray:
    """The row [c] at which a sheet begins in each column, if it falls off by one row a column from where it is present."""
    rows, columns = present.shape
    first = np.where((present > 0.5).any(0), (present > 0.5).argmax(0), rows)
    away = np.abs(np.arange(columns)[:, None] - np.arange(columns))
    return np.asarray((first + np.minimum(away, columns - away)).min(1))


def _finished(fitted: FittedHead, grid: ShellGrid, radii: np.ndarray, present: np.ndarray, crown: bool) -> Shell:
    """Draw the sheet in until no point leaves the matte, and close its ends."""
    inside = signed_distance(fitted.segments.matte)
    for _ in range(FIT_ROUNDS):
        points = grid.points(radii)
        pixels, depth = project(fitted.camera, points)
        out = np.minimum(picture_values(fitted.camera, inside, points) - INSIDE_PIXELS, 0) * depth / fitted.camera.fx
        beyond = pixels[..., 1] >= fitted.camera.height - 1
        radii = radii + np.where(beyond | (present < 0.5), 0, out)
    rim = grid.points(radii)
    top = rim[0].mean(0)
    bottom = rim[-1].mean(0)
    vertices = np.concatenate([rim.reshape(-1, 3), top[None], bottom[None]])
    return Shell(grid, vertices, sheet_triangles(*radii.shape), present, crown)
