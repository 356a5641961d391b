"""Clothes and shoulders as a closed sheet around the neck that meets the photograph's silhouette."""

import numpy as np
from jaxtyping import Float64

from facecraft4d.toolkit.core.geometry import project
from facecraft4d.toolkit.shape_prior.parametric.shells.constants import (
    BELOW_PICTURE,
    BUST_DEPTH,
    CHECKED_INSIDE,
    CLOTHES_VISIBLE,
    COLLAR_GAP,
    COLLAR_RISE,
    COLUMNS,
    DEPTH_SLOPE,
    LEAST_BUST,
    LEAST_SHOULDER,
    MOST_DEPTH,
    NECK_RADIUS,
    SHOULDER_POWER,
    SOFT_EDGE,
    SPACING_METRES,
)
from facecraft4d.toolkit.shape_prior.parametric.shells.grid import (
    capsule_grid,
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


def torso_shell(fitted: FittedHead, neck: Float64[np.ndarray, "3"]) -> Shell:
    """The sheet of clothes and shoulders around the axis of the neck, from its middle (`neck`) to where the matte ends."""
    torso, throat = fitted.segments.torso, neck[1]
    rows = np.flatnonzero(torso.any(1))
    if len(rows):
        top = height_at(fitted.camera, float(rows.min()), float(project(fitted.camera, neck)[1])) + SPACING_METRES
        neck = np.array([neck[0], np.clip(top, neck[1], neck[1] + COLLAR_RISE), neck[2]])
    lowest = float(rows.max() + 1) if len(rows) else 0.0
    bottom = height_at(fitted.camera, lowest, float(project(fitted.camera, neck)[1]))
    if lowest >= fitted.camera.height:
        bottom -= BELOW_PICTURE  # the picture cuts the shoulders off: go on below its edge
    grid = capsule_grid(neck, min(bottom, neck[1] - LEAST_BUST), COLUMNS, SPACING_METRES, dome=False)
    skin = outer_radii(grid, fitted.vertices, fitted.triangles)
    facing = wrap(grid.azimuths - fitted.camera_azimuth)
    reach = [side_reach(fitted, grid, skin * 0, facing, side, torso)[0] for side in (1, -1)]
    in_picture = project(fitted.camera, grid.points(skin * 0)[:, 0])[0][:, 1] < min(lowest, fitted.camera.height) - 2
    last = max(int(in_picture.sum()) - 1, 0)
    reach = [np.where(in_picture, side, side[last]) for side in reach]
    wide = mixed(facing, reach)
    deep = np.minimum(wide, BUST_DEPTH + DEPTH_SLOPE * np.maximum(wide - BUST_DEPTH, 0)).clip(max=MOST_DEPTH)
    power = SHOULDER_POWER
    radii = (np.abs(np.sin(facing) / wide) ** power + np.abs(np.cos(facing) / deep) ** power) ** (-1 / power)
    radii = np.maximum(radii, np.minimum(skin, NECK_RADIUS) + COLLAR_GAP)
    seen = picture_values(fitted.camera, softened(torso, fitted.segments.matte), grid.points(CHECKED_INSIDE * radii))
    start = _first_row(np.maximum(*[(side > LEAST_SHOULDER).astype(float) for side in reach]))
    low = max(start, int((grid.origins[:, 0, 1] > throat + 1e-9).sum()))
    visible = np.cos(facing) > CLOTHES_VISIBLE
    behind = np.arange(len(seen))[:, None] >= np.minimum(low, _sloping(np.where(visible, seen, 0)))
    present = np.maximum.accumulate(np.where(visible, seen, behind).astype(float), 0)
    present = wrapped_filter(present, SOFT_EDGE)
    covered = np.minimum(skin, radii)
    return finished(fitted, grid, covered + lift(present, radii - covered), present, False)


def _first_row(flags: np.ndarray) -> int:
    rows = np.flatnonzero(flags > 0.5)
    return int(rows.min()) if len(rows) else len(flags)


def _sloping(present: np.ndarray) -> np.ndarray:
    """The row [c] at which a sheet begins in each column, if it falls off by one row a column from where it is present."""
    rows, columns = present.shape
    first = np.where((present > 0.5).any(0), (present > 0.5).argmax(0), rows)
    away = np.abs(np.arange(columns)[:, None] - np.arange(columns))
    return np.asarray((first + np.minimum(away, columns - away)).min(1))
