"""One picture of a view x time set: the view's pixels ride on the mesh, what opens is painted from it."""

import numpy as np
from jaxtyping import Float32, Int32, UInt8

from facecraft4d.toolkit.core.geometry import project, resized_camera, smoothstep
from facecraft4d.toolkit.core.pixels import to_bytes
from facecraft4d.toolkit.meshes.raster import Fragments, interpolate, rasterize, sample_texture
from facecraft4d.toolkit.video_prior.mesh.lids import LASH_LINE, crease_light, folded, lash_line
from facecraft4d.toolkit.video_prior.mesh.mouth import (
    IN_MOUTH,
    MOUTH_REDNESS,
    inner_lip_light,
    lip_shadow,
    mouth_colors,
)
from facecraft4d.toolkit.video_prior.mesh.pixels import STILL, TORN, extended, gather, look_up, trace
from facecraft4d.toolkit.video_prior.mesh.source import FINE, LAYER_REACH, STEP_REACH, Source, signed_areas
from facecraft4d.toolkit.video_prior.mesh.surface import LAYERS, SKIN, Surface

TORN_OUT, INTACT = 0.2, 0.5
"""Skin drawn out to five times its area in the source shows the fill, up to twice its area its own pixels."""

LID_TORN_OUT, LID_INTACT = 0.4, 0.8
"""The same for lids, whose few pixels carry lashes and shadows."""

NO_AREA = 1e-3
"""Square pixels below which a surface counts as seen edge-on; it then counts as intact."""

UNSURE = [LAYERS.index("tongue"), LAYERS.index("mouth_interior")]
"""Layers of which a photograph shows too little to trust the fit: what it shows there (mostly teeth) does not move with them."""


def animated(source: Source, surface: Surface, vertices: Float32[np.ndarray, "v 3"]) -> UInt8[np.ndarray, "h w 4"]:
    """The view with the head's vertices at `vertices`: RGBA, straight alpha, colours of the white composite."""
    camera = source.camera
    fine = rasterize(resized_camera(camera, FINE * camera.width, FINE * camera.height), vertices, surface.triangles)
    moved = np.zeros((*fine.depth.shape, 2), np.float32)
    share = np.zeros_like(fine.depth)
    motion = (project(camera, vertices)[0] - source.pixels).astype(np.float32)
    shown = (
        source.triangle, source.barycentrics, source.depth, source.doubtful, source.areas,
        (camera.fx, camera.fy, camera.cx, camera.cy), (LAYER_REACH * len(fine.depth), STEP_REACH * len(fine.depth)),
    )  # fmt: skip
    plain = surface.skin_vertices & ~surface.lips & ~surface.lids
    vertex = (source.points, motion, intactness(source, surface, vertices), plain)
    trace(fine.triangle, fine.barycentrics, surface.triangles, surface.layers, shown, vertex, moved, share)
    light = lip_shadow(camera, surface, fine)
    share *= certainty(source, surface, fine.triangle, moved, light)
    lashes = lash_line(source, surface, vertices, fine)
    share *= 1 - lashes
    fill = fill_colors(source, surface, vertices, fine, share, light)
    fill *= 1 - (1 - LASH_LINE) * lashes[..., None]
    return composed(source, fine.triangle, moved, share, fill)


def certainty(
    source: Source,
    surface: Surface,
    triangle: Int32[np.ndarray, "fh fw"],
    moved: Float32[np.ndarray, "fh fw 2"],
    light: Float32[np.ndarray, "fh fw"],
) -> Float32[np.ndarray, "fh fw"]:
    """How far the source's pixels are those of the surface. What is in doubt does not move, it fades within a pixel of motion;
    what is seen through the mouth fades where its `light` is less than it was."""
    sure = np.ones(triangle.shape, np.float32)
    in_doubt = (surface.rim[surface.triangles].max(1) > 0) | np.isin(surface.layers, IN_MOUTH)
    row, column = np.nonzero((triangle >= 0) & in_doubt[triangle])
    layer, motion = surface.layers[triangle[row, column]], np.abs(moved[row, column]).max(-1)
    from_column, from_row = (
        np.clip(np.rint(index + FINE * moved[row, column, axis]).astype(int), 0, side - 1)
        for axis, index, side in ((0, column, triangle.shape[1]), (1, row, triangle.shape[0]))
    )
    strange = source.strange[from_row, from_column] * ((layer == SKIN) & (motion > STILL))
    darker = light[row, column] / source.mouth_light[from_row, from_column]
    sure[row, column] = (1 - strange * np.clip(motion / TORN, 0, 1)) * np.minimum(darker**2, 1)
    sure[row, column] *= ~(np.isin(layer, UNSURE) & (motion > TORN))
    return sure


def intactness(source: Source, surface: Surface, vertices: Float32[np.ndarray, "v 3"]) -> Float32[np.ndarray, " v"]:
    """1 where the skin is about as large in the picture as in the source, 0 where it is drawn out of a few pixels."""
    now = signed_areas(project(source.camera, vertices)[0][surface.triangles])
    before = np.maximum(source.areas, 0)
    counted = (now > 0) & (surface.layers == SKIN)
    corners, count = surface.triangles[counted].ravel(), len(vertices)
    old = np.bincount(corners, np.repeat(before[counted], 3), count)
    new = np.bincount(corners, np.repeat(now[counted], 3), count)
    ratio = (old + NO_AREA) / (new + NO_AREA)
    low, high = np.where(surface.lids, LID_TORN_OUT, TORN_OUT), np.where(surface.lids, LID_INTACT, INTACT)
    whole = smoothstep((ratio - low) / (high - low))
    return np.asarray(whole * (1 - folded(source, surface, vertices)), np.float32)


def fill_colors(
    source: Source,
    surface: Surface,
    vertices: Float32[np.ndarray, "v 3"],
    fine: Fragments,
    share: Float32[np.ndarray, "fh fw"],
    light: Float32[np.ndarray, "fh fw"],
) -> Float32[np.ndarray, "fh fw 3"]:
    """What the source does not show: skin from around it, eyes from the texture, the mouth's inside painted."""
    fill = np.zeros((*share.shape, 3), np.float32)
    row, column = np.nonzero(fine.covered & (share < 1))
    picked = Fragments(*(part[row, column][None] for part in (fine.triangle, fine.barycentrics, fine.depth)))
    layer = surface.layers[picked.triangle[0]]
    texture = sample_texture(surface.texture, interpolate(picked, surface.corner_uvs)[0]) * source.gain
    skin_colors = source.skin_colors * crease_light(source, surface, vertices)[:, None]
    values = np.column_stack([skin_colors, inner_lip_light(surface, vertices)]).astype(np.float32)
    skin, inner = np.split(interpolate(picked, values[surface.triangles])[0], (3,), 1)
    fill[row, column] = np.where((layer == SKIN)[:, None], skin * inner**MOUTH_REDNESS, texture)
    inside = np.isin(layer, IN_MOUTH)
    if inside.any():
        mouth = Fragments(*(part[:, inside] for part in (picked.triangle, picked.barycentrics, picked.depth)))
        shadow = light[row[inside], column[inside], None]
        fill[row[inside], column[inside]] = (
            mouth_colors(surface, vertices, mouth, shadow) * source.gain * source.mouth_gain
        )
    return fill


def composed(
    source: Source,
    triangle: np.ndarray,
    moved: Float32[np.ndarray, "fh fw 2"],
    share: Float32[np.ndarray, "fh fw"],
    fill: Float32[np.ndarray, "fh fw 3"],
) -> UInt8[np.ndarray, "h w 4"]:
    """Fine samples to pixels. Outside the mesh (wisps of hair, soft edges) the motion of the nearest surface goes on."""
    height, width = source.rgba.shape[:2]
    motion, paint = np.zeros((height, width, 2), np.float32), np.zeros((height, width, 3), np.float32)
    shown, filled = np.zeros((2, height, width), np.float32)
    torn = np.zeros((height, width), bool)
    gather(triangle, moved, share, fill, motion, shown, filled, paint, torn)
    looked = np.zeros_like(source.rgba)
    look_up(source.rgba, extended(motion, shown), torn, moved, share, looked)
    painted = np.dstack([paint, np.ones_like(filled)])
    rgba = looked + filled[..., None] * (painted - looked)
    return to_bytes(rgba)
