"""The bust: the body's neck base, shoulders, chest and back with the garment on them, as one sheet from the collar to a clean edge.

The body follows the head's identity; its upright slices are lifted to where the photograph shows the outline of the shoulders, and the
garment lies some millimetres outside. Rows of the sheet run along the collar and the lower edge, columns around the neck.
"""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
from jaxtyping import Bool, Float, Float32, Float64, Int

from facecraft4d.toolkit.core.geometry import project, smoothstep
from facecraft4d.toolkit.meshes.raster import rasterize
from facecraft4d.toolkit.shape_prior.parametric.shells.collar import calmed, collar_heights, heights_around
from facecraft4d.toolkit.shape_prior.parametric.shells.constants import (
    ABOVE_CUT,
    COLLAR_GAP,
    CUT_END,
    CUT_ROWS,
    HEM,
    LEAST_FALL,
    LIFT_BLUR,
    MOST_LIFT,
    RAY_ENDS,
    RAYS,
    SKIN_ABOVE,
    SKIN_FADE,
    TORSO_COLUMNS,
    TORSO_ROWS,
    UNDER_JAW,
    UNDER_NECK,
    UNDER_SKIN_METRES,
)
from facecraft4d.toolkit.shape_prior.parametric.shells.cut import cut_radii, front_of, lower_rows, outlined
from facecraft4d.toolkit.shape_prior.parametric.shells.fan import FanGrid, fan_grid
from facecraft4d.toolkit.shape_prior.parametric.shells.grid import (
    last_hits,
    outer_radii,
    sheet_triangles,
    wrapped_filter,
)
from facecraft4d.toolkit.shape_prior.parametric.shells.sheet import FittedHead, Shell, height_at, world_steps


@dataclass(frozen=True, slots=True, eq=False)
class Shoulders:
    """What clothes hang on, as posed."""

    vertices: Float[np.ndarray, "b 3"]
    """The body of the fitted identity, below the head."""
    triangles: Int[np.ndarray, "g 3"]
    neck: Int[np.ndarray, "n 3"]
    """Triangles of the head's own neck, among the head's vertices."""
    ring: Float[np.ndarray, "m 3"]
    """The neck's base, in order around it."""


def torso_shell(fitted: FittedHead, shoulders: Shoulders) -> tuple[Shell, Float32[np.ndarray, "v 3"]]:
    """The sheet of clothes and shoulders, from where the photograph's skin ends, or the base of the neck, down to where its matte does.

    Also how the head's own skin below the base of the neck moves to lie under it, metres.
    """
    neck = shoulders.ring.mean(0).astype(np.float64)
    edge = lower_rows(fitted, neck)
    center = bust_center(fitted, neck, edge)
    skin, body = lifted(fitted, shoulders)
    rays = bust_rays(center)
    neck_skin = last_hits(rays, skin, shoulders.neck)
    vertices = np.concatenate([body, skin])
    triangles = np.concatenate([shoulders.triangles, shoulders.neck + len(body)])
    bare = outer_radii(rays, vertices, triangles)
    collar = collar_heights(fitted, rays, bare, neck_skin > 0, shoulders.ring)
    above = rays.points(bare)[..., 1] - collar
    dressed = np.maximum(wrapped_filter(bare, (1.0, 1.0)), bare) + COLLAR_GAP
    dressed = outlined(fitted, rays, dressed, cut_radii(fitted, rays, edge, front_of(rays, dressed)), above > 0)
    shell = bust_sheet(fitted, rays, dressed, np.where(neck_skin > 0, neck_skin, bare), above, edge)
    return shell, (skin - fitted.vertices).astype(np.float32)


def bust_center(fitted: FittedHead, neck: Float64[np.ndarray, "3"], edge: Float64[np.ndarray, " w"]) -> np.ndarray:
    """Where the bust's rays start, metres: below the middle `neck` of the neck's base, above the lower `edge` in the picture (lower_rows)."""
    depth = float(project(fitted.camera, neck[None])[1][0])
    lowest = height_at(fitted.camera, edge[0], depth)
    return np.array([neck[0], min(lowest + ABOVE_CUT, neck[1] - UNDER_NECK), neck[2]])


def bust_rays(center: np.ndarray) -> FanGrid:
    """Rays from inside the neck down to below any edge."""
    return fan_grid(center, np.radians([[end] * TORSO_COLUMNS for end in RAY_ENDS]), (RAYS,))


def bust_sheet(
    fitted: FittedHead,
    rays: FanGrid,
    dressed: Float64[np.ndarray, "r c"],
    neck_skin: Float64[np.ndarray, "r c"],
    above: Float64[np.ndarray, "r c"],
    edge: Float64[np.ndarray, " w"],
) -> Shell:
    """The sheet of clothes between collar and lower edge.

    On every ray the radius of clothes and that of the neck's skin, and metres above the collar; `edge` as lower_rows gives it.
    """
    front = front_of(rays, dressed)
    cut = cut_radii(fitted, rays, edge, front)
    upper, lower = calmed(_crossed(rays, above)), _crossed(rays, cut - dressed)
    upper = np.maximum(upper, lower + np.radians(LEAST_FALL))
    # The first row lies under the skin, the second over it: the sheet comes out at the collar.
    upper = upper + (upper - lower) / TORSO_ROWS * UNDER_SKIN_METRES / (UNDER_SKIN_METRES + COLLAR_GAP)
    ends = np.stack([upper, lower, np.full(len(upper), np.radians(CUT_END))])
    grid = fan_grid(rays.center, ends, (TORSO_ROWS, CUT_ROWS))
    at = rays.locate(grid.points(np.ones(grid.origins.shape[:2])).reshape(-1, 3))[:2]
    below, radii = (rays.sample(each, *at).reshape(grid.origins.shape[:2]) for each in (neck_skin, dressed))
    radii[TORSO_ROWS:] = np.inf
    radii = np.minimum(radii, cut_radii(fitted, grid, edge, front))
    radii[0], radii[1] = below[0] - UNDER_SKIN_METRES, np.minimum(radii[1], below[1] + COLLAR_GAP)
    present = np.minimum(1, HEM[0] + HEM[1] * np.arange(len(radii)))[:, None] * np.ones(TORSO_COLUMNS)
    rim = grid.points(radii)
    closed = np.concatenate([rim.reshape(-1, 3), rim[[0, -1]].mean(1)])
    return Shell(grid, closed, sheet_triangles(*radii.shape), present, False, np.zeros_like(present))


def lifted(fitted: FittedHead, shoulders: Shoulders) -> tuple[Float64[np.ndarray, "v 3"], Float64[np.ndarray, "b 3"]]:
    """The head's skin and the body, their upright slices below the neck's base raised or lowered to the photograph's outline, once dressed."""
    skin = fitted.vertices.astype(np.float64)
    body = shoulders.vertices.astype(np.float64)
    below = heights_around(shoulders.ring, skin) - skin[:, 1]
    mine = np.zeros(len(skin))
    mine[shoulders.neck] = smoothstep((below + SKIN_ABOVE) / SKIN_FADE)[shoulders.neck]
    skin[:, 1] += mine * _rise(fitted, shoulders, skin, shoulders.neck)
    body[:, 1] += _rise(fitted, shoulders, body, shoulders.triangles)
    return skin, body


def _rise(
    fitted: FittedHead, shoulders: Shoulders, vertices: Float64[np.ndarray, "n 3"], triangles: Int[np.ndarray, "t 3"]
) -> Float64[np.ndarray, " n"]:
    """Metres by which a surface's slices must rise at each vertex so that its outline is the photograph's; 0 where that shows none."""
    camera, segments, center = fitted.camera, fitted.segments, shoulders.ring.mean(0).astype(np.float64)
    matte = segments.matte
    drawn = rasterize(camera, vertices.astype(np.float32), triangles).triangle >= 0
    columns = np.flatnonzero(drawn.any(0) & matte.any(0))
    rows = _tops(matte)[columns]
    right, down = world_steps(fitted, center)
    middle, start = project(camera, center[None] + [0, UNDER_JAW, 0])[0][0]
    outlined = ~segments.hair[rows, columns] & (rows > start)
    columns, rows = columns[outlined], rows[outlined]
    if not len(columns):
        return np.zeros(len(vertices))
    x = (columns + 0.5 - middle) * right
    gap = COLLAR_GAP * segments.torso[rows, columns]
    rise = np.clip((drawn[:, columns].argmax(0) - rows) * down - gap, -MOST_LIFT, MOST_LIFT)
    if (x > 0).all() or (x < 0).all():
        x, rise = np.concatenate([x, -x]), np.concatenate([rise, rise])
    order = np.argsort(x)
    ladder = np.arange(x.min(), x.max() + 1e-3, 1e-3)
    smooth = scipy.ndimage.gaussian_filter1d(np.interp(ladder, x[order], rise[order]), LIFT_BLUR / 1e-3, mode="nearest")
    return np.asarray(np.interp(vertices[:, 0] - center[0], ladder, smooth))


def _tops(matte: Bool[np.ndarray, "h w"]) -> Int[np.ndarray, " w"]:
    """The row at which the lowest run of each column begins: hair may hang over background over shoulders."""
    rows = np.arange(len(matte))[:, None]
    bottom = np.where(matte, rows, -1).max(0)
    return np.asarray(np.where(~matte & (rows < bottom), rows, -1).max(0) + 1)


def _crossed(rays: FanGrid, height: Float64[np.ndarray, "r c"]) -> Float64[np.ndarray, " c"]:
    """Elevation at which each column first comes below 0, radians."""
    first = np.where((height < 0).any(0), (height < 0).argmax(0), len(height) - 1).clip(1)
    here, before = (np.take_along_axis(height, each[None], 0)[0] for each in (first, first - 1))
    at = first - 1 + np.clip(before / np.maximum(before - here, 1e-9), 0, 1)
    upper, lower = rays.ends
    return np.asarray(upper + at / (len(height) - 1) * (lower - upper))
