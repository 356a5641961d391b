"""One picture of a view x time set: the view's pixels ride on the mesh, what opens is painted from it."""

import numpy as np
from jaxtyping import Float32, UInt8

from facecraft4d.toolkit.geometry import project, resized_camera
from facecraft4d.toolkit.mesh_raster import Fragments, interpolate, rasterize, sample_texture
from facecraft4d.toolkit.video_prior.pixels import extended, gather, look_up, trace
from facecraft4d.toolkit.video_prior.source import FINE, Source, signed_areas
from facecraft4d.toolkit.video_prior.surface import LAYERS, MOUTH_LAYERS, SKIN, Surface

TORN_OUT, INTACT = 0.2, 0.5
"""Skin drawn out to five times its area in the source shows the fill, up to twice its area its own pixels."""

LIPS_DEPTH, MOUTH_FADE, MOUTH_DARKEST = 0.004, 0.022, 0.12
"""Light in the mouth: full up to this many metres behind the front of the lips, then falling by 1/e per this many, to no less than this."""


def animated(source: Source, surface: Surface, vertices: Float32[np.ndarray, "v 3"]) -> UInt8[np.ndarray, "h w 4"]:
    """The view with the head's vertices at `vertices`: RGBA, straight alpha, colours of the white composite."""
    fine_camera = resized_camera(source.camera, FINE * source.camera.width, FINE * source.camera.height)
    fine = rasterize(fine_camera, vertices, surface.triangles)
    moved = np.zeros((*fine.depth.shape, 2), np.float32)
    share = np.zeros_like(fine.depth)
    trace(
        fine.triangle, fine.barycentrics, surface.triangles, surface.layers, intactness(source, surface, vertices),
        source.pixels, source.depths, source.areas, source.layer, source.depth, moved, share,
    )  # fmt: skip
    fill = fill_colors(source, surface, vertices, fine, share)
    return composed(source, fine.triangle, moved, share, fill)


def intactness(source: Source, surface: Surface, vertices: Float32[np.ndarray, "v 3"]) -> Float32[np.ndarray, " v"]:
    """1 where the skin is about as large in the picture as in the source, 0 where it is drawn out of a few pixels."""
    now = signed_areas(project(source.camera, vertices)[0][surface.triangles])
    before = np.maximum(source.areas, 0)
    counted = (now > 0) & (surface.layers == SKIN)
    corners, count = surface.triangles[counted].ravel(), len(vertices)
    old = np.bincount(corners, np.repeat(before[counted], 3), count)
    new = np.bincount(corners, np.repeat(now[counted], 3), count)
    ratio = np.where(new > 0, old / np.maximum(new, 1e-9), 1)
    rise = np.clip((ratio - TORN_OUT) / (INTACT - TORN_OUT), 0, 1)
    return np.asarray(rise * rise * (3 - 2 * rise), np.float32)


def fill_colors(
    source: Source,
    surface: Surface,
    vertices: Float32[np.ndarray, "v 3"],
    fine: Fragments,
    share: Float32[np.ndarray, "fh fw"],
) -> Float32[np.ndarray, "fh fw 3"]:
    """What the source does not show: skin from around it, the rest from the texture, darker inside the mouth."""
    fill = np.zeros((*share.shape, 3), np.float32)
    row, column = np.nonzero(fine.covered & (share < 1))
    picked = Fragments(*(part[row, column][None] for part in (fine.triangle, fine.barycentrics, fine.depth)))
    layer = surface.layers[picked.triangle[0]]
    corner_light = mouth_light(surface, vertices)[surface.triangles][..., None]
    color = interpolate(picked, source.skin_colors[surface.triangles])[0]
    texture = sample_texture(surface.texture, interpolate(picked, surface.corner_uvs)[0]) * source.gains[layer]
    in_mouth = np.isin(layer, [LAYERS.index(name) for name in MOUTH_LAYERS])[:, None]
    texture *= np.where(in_mouth, interpolate(picked, corner_light)[0], 1)
    fill[row, column] = np.where((layer == SKIN)[:, None], color, texture)
    return fill


def mouth_light(surface: Surface, vertices: Float32[np.ndarray, "v 3"]) -> Float32[np.ndarray, " v"]:
    """How much light reaches each vertex if it lies behind the lips."""
    if not surface.lips.any():
        return np.ones(len(vertices), np.float32)
    behind = np.percentile(vertices[surface.lips, 2], 90) - vertices[:, 2] - LIPS_DEPTH
    return np.clip(np.exp(-behind / MOUTH_FADE), MOUTH_DARKEST, 1).astype(np.float32)


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
    return np.asarray(np.clip(rgba * 255 + 0.5, 0, 255), np.uint8)
