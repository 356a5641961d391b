"""Hair and headwear as one closed, smooth sheet around the head that meets the photograph's silhouette."""

import numpy as np
import scipy.ndimage
from jaxtyping import Bool, Float64

from facecraft4d.toolkit.core.geometry import project
from facecraft4d.toolkit.shape_prior.parametric.shells.constants import (
    COLUMNS,
    CROWN_CENTER,
    SPACING_METRES,
    TORSO_ROWS,
)
from facecraft4d.toolkit.shape_prior.parametric.shells.grid import (
    ShellGrid,
    capsule_grid,
    last_hits,
    sheet_triangles,
)
from facecraft4d.toolkit.shape_prior.parametric.shells.hairline import hair_edge, head_on_grid
from facecraft4d.toolkit.shape_prior.parametric.shells.relief import lump_height, lumps
from facecraft4d.toolkit.shape_prior.parametric.shells.sheet import FittedHead, Shell, height_at
from facecraft4d.toolkit.shape_prior.parametric.shells.volume import (
    hair_radii,
    pixels_per_metre,
    silhouette,
    to_border,
)

_EDGE = 0.007
"""Metres on both sides of the hair's edge over which presence falls from 1 to 0."""
_ROUNDING = 0.015
"""The most metres over which hair rises from its edge to its height, as a quarter of an ellipse."""
_BELOW = 0.042
"""Metres that the sheet goes on below the scalp, or below where the photograph's hair ends: hair that covers the nape ends there."""
_HEM_EDGE, _HEM_ROWS = 0.001, 2
"""Metres that hair on the bust's lower edge lies within its own edge: it ends there rounded, not cut to nothing; rows that end there, for
the edge falls by up to one from column to column."""
_DIVE = 0.008
"""Metres below the skin at which the sheet goes on where there is no hair."""
_FIT_ROUNDS, _INSIDE = 4, 0.5
"""Rounds in which points that left the matte are drawn in, and pixels inside its border at which they come to lie."""


def hair_shell(fitted: FittedHead, torso: Shell) -> Shell:
    """The sheet of hair and headwear, from the crown to where the photograph's hair ends, or to the nape; outside skin and clothes."""
    low, high = fitted.scalp.min(0), fitted.scalp.max(0)
    center = np.array([0.0, low[1] + CROWN_CENTER * (high[1] - low[1]), (low[2] + high[2]) / 2])
    bottom = float(torso.vertices[:, 1].min())
    lowest = _lowest_height(fitted, center)
    grid = capsule_grid(center, min(max(lowest, bottom), float(low[1])) - _BELOW, COLUMNS, SPACING_METRES)
    hem = _hem(grid, torso)
    clothes = _clothes(grid, torso) * (grid.origins[..., 1] > hem)
    head = head_on_grid(fitted, grid, clothes)
    body = head.skin
    grown, worn, hanging = hair_edge(fitted, head, bottom)
    edge = np.maximum(grown, worn)
    above_hem = head.points[..., 1] - hem
    # the rows below the hem are raised to it, so that it runs straight from column to column wherever it crosses a row
    raised = above_hem > -_HEM_ROWS * grid.spacing
    edge = np.minimum(edge, np.where(raised, np.maximum(above_hem, 0) + _HEM_EDGE, above_hem))
    edge[-1] = -_EDGE
    edge[_loose(edge > 0)] = -_EDGE
    height = hair_radii(fitted, head, edge, hanging) - body
    width = np.clip(height, 1e-3, _ROUNDING)
    rise = np.sqrt(np.clip(1 - (1 - np.clip(edge / width, 0, 1)) ** 2, 0, 1))
    inner = np.where(above_hem > 0, body, head.bare) + np.maximum(edge / _EDGE, -1) * _DIVE
    radii = np.where(edge > 0, body + rise * (height + _relief(fitted, grid, body + height, grown > worn)), inner)
    radii = _within_matte(fitted, grid, radii, (edge > 0) & ~head.clothed)
    rim = grid.points(radii)
    rim[..., 1] = np.maximum(rim[..., 1], hem)
    vertices = np.concatenate([rim.reshape(-1, 3), rim[[0, -1]].mean(1)])
    present, hat = (np.clip(0.5 + inside / (2 * _EDGE), 0, 1) for inside in (edge, worn))
    return Shell(grid, vertices, sheet_triangles(*radii.shape), present, True, hat)


def _loose(hair: Bool[np.ndarray, "r c"]) -> Bool[np.ndarray, "r c"]:
    """Hair that does not hang together, around the columns, with the largest piece: it would float."""
    twice, _ = scipy.ndimage.label(np.hstack([hair, hair]))
    sizes = np.bincount(twice.ravel())
    sizes[0] = 0
    kept = twice == sizes.argmax()
    return np.asarray(hair & ~kept[:, : hair.shape[1]] & ~kept[:, hair.shape[1] :])


def _relief(fitted: FittedHead, grid: ShellGrid, radii: np.ndarray, hair: np.ndarray) -> np.ndarray:
    """Metres by which lumps rise above the smooth sheet, where it is one of hair, and lie below it."""
    height = lump_height(*silhouette(fitted), pixels_per_metre(fitted))
    return np.asarray(height * lumps(grid.points(radii), np.random.default_rng(0)) * hair)


def _within_matte(fitted: FittedHead, grid: ShellGrid, radii: np.ndarray, hair: np.ndarray) -> np.ndarray:
    """Radii drawn in where a point of `hair` leaves the matte."""
    border, _ = silhouette(fitted)
    for _ in range(_FIT_ROUNDS):
        out = to_border(fitted, grid, grid.points(radii), border - _INSIDE)
        radii = radii + np.where(hair & np.isfinite(out), np.minimum(out, 0), 0)
    return radii


def _lowest_height(fitted: FittedHead, center: np.ndarray) -> float:
    rows = np.flatnonzero(fitted.segments.hair.any(1))
    depth = float(project(fitted.camera, center)[1])
    return height_at(fitted.camera, float(rows.max() + 1) if len(rows) else 0.0, depth)


def _clothes(grid: ShellGrid, torso: Shell) -> np.ndarray:
    """Radius at which each ray leaves the clothes, 0 where it meets none."""
    corner = np.append(torso.present.ravel(), [1.0, 1.0])
    return last_hits(grid, torso.vertices, torso.triangles[(corner[torso.triangles] > 0.5).all(1)])


def _hem(grid: ShellGrid, torso: Shell) -> Float64[np.ndarray, " c"]:
    """Height of the bust's lower edge in each column: hair that lies on clothes goes no lower."""
    edge = torso.vertices[:-2].reshape(*torso.present.shape, 3)[TORSO_ROWS] - grid.center
    around = np.arctan2(edge[:, 0], edge[:, 2])
    order = np.argsort(around)
    heights = np.interp(grid.azimuths, around[order], edge[order, 1] + grid.center[1], period=2 * np.pi)
    return np.asarray(heights)
