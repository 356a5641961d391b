"""Hair, headwear and clothes as closed sheets around the head that meet the photograph's silhouette."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int, Int32

from facecraft4d.toolkit.datatypes import Camera
from facecraft4d.toolkit.geometry import camera_center, project
from facecraft4d.toolkit.shape_prior.segment import Segments
from facecraft4d.toolkit.shape_prior.shell_grid import (
    ShellGrid,
    capsule_grid,
    outer_radii,
    picture_values,
    sheet_triangles,
    signed_distance,
    wrapped_filter,
)

COLUMNS = 96
SPACING_METRES = 0.007
UNDER_SKIN_METRES = 0.008
"""How deep a sheet dives below the skin where the photograph shows skin."""
FRINGE_METRES = 0.018
"""The most that hair stands off the forehead; the photograph cannot tell."""
BACK_METRES = 0.035
"""The most that hair stands off the back of the head."""
_WALK = np.arange(0.0, 0.32, 0.001)


@dataclass(frozen=True, slots=True, eq=False)
class Shell:
    """A sheet; its texture chart is the grid itself."""

    grid: ShellGrid
    vertices: Float64[np.ndarray, "v 3"]
    triangles: Int32[np.ndarray, "f 3"]
    present: Float64[np.ndarray, "r c"]
    """Above one half where the sheet is outside the skin."""
    closed_top: bool
    """Whether the sheet has a crown; otherwise its upper rim hides inside the neck."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
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


def hair_shell(scene: Scene) -> Shell:
    """The sheet of hair and headwear, from the crown to where the photograph's hair ends, or to the nape."""
    low, high = scene.scalp.min(0), scene.scalp.max(0)
    center = np.array([0.0, low[1] + 0.45 * (high[1] - low[1]), (low[2] + high[2]) / 2])
    lowest = _lowest_height(scene, scene.segments.hair, center)
    nape = float(low[1])
    grid = capsule_grid(center, min(lowest, nape) - 2 * SPACING_METRES, COLUMNS, SPACING_METRES)
    skin = outer_radii(grid, scene.vertices, scene.triangles)
    facing = _wrap(grid.azimuths - scene.camera_azimuth)
    sides = [_side_reach(scene, grid, skin, facing, side, scene.segments.hair) for side in (1, -1)]
    thickness = _around(facing, sides, (FRINGE_METRES, BACK_METRES), np.hypot(*grid.directions[:, 0, [0, 2]].T))
    present = _hair_presence(scene, grid, skin + 0.5 * thickness, facing, nape)
    present[-1] = 0
    present = wrapped_filter(present, (0.6, 0.6))
    share = np.clip(present * 2 - 0.5, 0, 1)
    radii = skin + share * thickness - (1 - share) * UNDER_SKIN_METRES
    return _finished(scene, grid, radii, present, True)


def torso_shell(scene: Scene, neck: Float64[np.ndarray, "3"]) -> Shell:
    """The sheet of clothes and shoulders around the axis of the neck, from its middle (`neck`) to below the picture's edge."""
    depth = float(project(scene.camera, neck)[1])
    bottom = min(_height_at(scene.camera, scene.camera.height, depth), neck[1] - 0.1) - 0.04
    grid = capsule_grid(neck, bottom, COLUMNS, 1.3 * SPACING_METRES, dome=False)
    skin = outer_radii(grid, scene.vertices, scene.triangles)
    facing = _wrap(grid.azimuths - scene.camera_azimuth)
    reach = [_side_reach(scene, grid, skin * 0, facing, side, scene.segments.torso)[0] for side in (1, -1)]
    in_picture = project(scene.camera, grid.points(skin * 0)[:, 0])[0][:, 1] < scene.camera.height - 2
    last = max(int(in_picture.sum()) - 1, 0)
    reach = [np.where(in_picture, side, side[last]) for side in reach]
    wide = _mixed(facing, reach)
    deep = np.minimum(wide, 0.062 + 0.35 * np.maximum(wide - 0.062, 0)).clip(max=0.125)
    radii = (np.abs(np.sin(facing) / wide) ** 2.4 + np.abs(np.cos(facing) / deep) ** 2.4) ** (-1 / 2.4)
    radii = np.maximum(radii, skin + 0.004)
    soft = scene.segments.torso.astype(np.float32)
    seen = picture_values(scene.camera, soft, grid.points(np.maximum(0.97 * radii, skin)))
    front = np.cos(facing) > 0.05
    start = _first_row(np.maximum(*[(r > 0.02).astype(float) for r in reach]))
    present = np.where(front, seen > 0.5, (np.arange(len(seen)) >= start)[:, None]).astype(float)
    present = wrapped_filter(np.maximum.accumulate(present, 0), (0.6, 0.6))
    share = np.clip(present * 2 - 0.5, 0, 1)
    radii = share * radii + (1 - share) * (skin - UNDER_SKIN_METRES)
    return _finished(scene, grid, radii, present, False)


def _wrap(angles: np.ndarray) -> np.ndarray:
    return np.asarray((angles + np.pi) % (2 * np.pi) - np.pi)


def _height_at(camera: Camera, row: float, depth: float) -> float:
    """World height of a picture row at a camera depth in the middle of the picture."""
    seen = np.array([0.0, (row - camera.cy) / camera.fy * depth, depth])
    matrix = camera.camera_from_world
    return float((matrix[:3, :3].T @ (seen - matrix[:3, 3]))[1])


def _lowest_height(scene: Scene, mask: np.ndarray, center: np.ndarray) -> float:
    rows = np.flatnonzero(mask.any(1))
    depth = float(project(scene.camera, center)[1])
    return _height_at(scene.camera, float(rows.max() + 1) if len(rows) else 0.0, depth)


def _side_reach(
    scene: Scene, grid: ShellGrid, skin: np.ndarray, facing: np.ndarray, side: int, mask: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How far the mask reaches beyond `skin` along the rays across the line of sight [r], and where it does at all [r]."""
    column = int(np.abs(_wrap(facing - side * np.pi / 2)).argmin())
    start = skin[:, column]
    ladder = start[:, None] + _WALK
    points = grid.origins[:, column, None] + ladder[..., None] * grid.directions[:, column, None]
    pixels, _ = project(scene.camera, points)
    size = scene.camera.width
    inside = ((pixels >= 0) & (pixels < (size, scene.camera.height))).all(-1)
    value = picture_values(scene.camera, mask, points) * inside
    reach = np.where(value > 0.5, _WALK, 0).max(1)
    full = (value > 0.5).sum(1) * 0.001 > 0.5 * reach
    return reach, (reach > 0.002) & full


def _around(
    facing: np.ndarray, sides: list[tuple[np.ndarray, np.ndarray]], caps: tuple[float, float], level: np.ndarray
) -> np.ndarray:
    """Thickness [r, c] from the two sides' [r], at most `caps` (front, back) where rays are level; free at the crown."""
    filled = []
    for reach, valid in sides:
        rows = np.arange(len(reach))
        known = rows[valid] if valid.any() else rows[:1]
        values = reach[valid] if valid.any() else np.full(1, 0.006)
        filled.append(np.interp(rows, known, values))
    thickness = _mixed(facing, filled)
    level = np.clip(level * 2 - 0.8, 0, 1)[:, None]
    front, back = (level * np.maximum(sign * np.cos(facing), 0) ** 0.7 for sign in (1, -1))
    capped = (1 - front) * thickness + front * np.minimum(thickness, caps[0])
    return np.maximum((1 - back) * capped + back * np.minimum(capped, caps[1]), 0.003)


def _mixed(facing: np.ndarray, sides: list[np.ndarray]) -> np.ndarray:
    left = 0.5 + 0.5 * np.sin(facing)
    return np.maximum(sides[0][:, None] * left + sides[1][:, None] * (1 - left), 1e-3)


def _hair_presence(scene: Scene, grid: ShellGrid, radii: np.ndarray, facing: np.ndarray, nape: float) -> np.ndarray:
    """1 where there is hair [r, c]: seen in the photograph, or mirrored, or grown behind the ears down to the nape."""
    points = grid.points(radii)
    seen = (picture_values(scene.camera, scene.segments.hair, points) > 0.5).astype(float)
    visible = np.cos(facing) > 0.02
    mirror = (-np.arange(len(facing))) % len(facing)
    mirrored, mirror_visible = seen[:, mirror], visible[mirror]
    fall = _lowest_side_row(seen, facing)
    grown = (points[..., 1] > nape) | (np.arange(len(seen))[:, None] <= fall)
    grown &= (np.abs(grid.azimuths) > np.radians(80)) | (points[..., 1] > scene.scalp[:, 1].mean())
    return np.where(visible, seen, np.where(mirror_visible, mirrored, grown)).astype(float)


def _lowest_side_row(seen: np.ndarray, facing: np.ndarray) -> int:
    """The lowest row with hair at both sides of the face."""
    lowest = []
    for side in (1, -1):
        near = np.abs(_wrap(facing - side * np.pi / 2)) < np.radians(25)
        rows = np.flatnonzero(seen[:, near].any(1))
        lowest.append(int(rows.max()) if len(rows) else -1)
    return min(lowest)


def _first_row(flags: np.ndarray) -> int:
    rows = np.flatnonzero(flags > 0.5)
    return int(rows.min()) if len(rows) else len(flags)


def _finished(scene: Scene, grid: ShellGrid, radii: np.ndarray, present: np.ndarray, closed_top: bool) -> Shell:
    """Draw the sheet in until no point leaves the matte, and close its ends."""
    inside = signed_distance(scene.segments.matte)
    for _ in range(12):
        points = grid.points(radii)
        pixels, depth = project(scene.camera, points)
        out = np.minimum(picture_values(scene.camera, inside, points) - 0.25, 0) * depth / scene.camera.fx
        beyond = pixels[..., 1] >= scene.camera.height - 1
        radii = radii + np.where(beyond | (present < 0.5), 0, out)
    rim = grid.points(radii)
    top = rim[0].mean(0)
    bottom = rim[-1].mean(0)
    vertices = np.concatenate([rim.reshape(-1, 3), top[None], bottom[None]])
    return Shell(grid, vertices, sheet_triangles(*radii.shape), present, closed_top)
