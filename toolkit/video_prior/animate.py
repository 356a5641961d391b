"""One picture of a view x time set: the view's pixels ride on the mesh, what opens is painted from it."""

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from facecraft4d.toolkit.geometry import project, resized_camera
from facecraft4d.toolkit.mesh_raster import Fragments, interpolate, rasterize, sample_texture, vertex_normals
from facecraft4d.toolkit.video_prior.pixels import TORN, extended, gather, look_up, trace
from facecraft4d.toolkit.video_prior.source import FINE, LAYER_REACH, STEP_REACH, Source, signed_areas
from facecraft4d.toolkit.video_prior.surface import LAYERS, MOUTH_LAYERS, SKIN, Surface

TORN_OUT, INTACT = 0.2, 0.5
"""Skin drawn out to five times its area in the source shows the fill, up to twice its area its own pixels."""

LID_TORN_OUT, LID_INTACT = 0.4, 0.8
"""The same for lids, whose few pixels carry lashes and shadows."""

LIP_SHADOW, SHADOW_WIDTH = 0.5, 0.0015
"""What lies behind the lips is this bright right beside them and full so many metres away: a thin slit stays dark."""

LIPS_DEPTH, MOUTH_FADE, MOUTH_DARKEST = 0.02, 0.03, 0.12
"""Light in the mouth: full up to this many metres behind the front of the lips, then falling by 1/e per this many, to no less than this."""

MOUTH_REDNESS = np.array([0.9, 1.1, 1.15])
"""Exponents of that light for red, green, blue: it is reflected by red walls."""

MOUTH_AMBIENT, MOUTH_LIGHT = 0.8, np.array([0.0, 0.5, 0.87])
"""Share of the light that comes from everywhere, and the direction of the rest: in front and above."""

NO_AREA = 1e-3
"""Square pixels below which a surface counts as seen edge-on; it then counts as intact."""

UNSURE = [LAYERS.index("tongue"), LAYERS.index("mouth_interior")]
"""Layers of which a photograph shows too little to trust the fit: what it shows there (mostly teeth) does not move with them."""

IN_MOUTH = [LAYERS.index(name) for name in MOUTH_LAYERS]


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
    row, column = np.nonzero(np.isin(surface.layers, UNSURE)[fine.triangle] & (share > 0))
    share[row, column] *= np.abs(moved[row, column]).max(-1) <= TORN
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
    ratio = (old + NO_AREA) / (new + NO_AREA)
    low, high = np.where(surface.lids, LID_TORN_OUT, TORN_OUT), np.where(surface.lids, LID_INTACT, INTACT)
    rise = np.clip((ratio - low) / (high - low), 0, 1)
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
    skin, gain, lips, behind, form = np.split(
        interpolate(picked, _vertex_values(source, surface, vertices)[surface.triangles])[0], (3, 6, 7, 8), 1
    )
    texture = sample_texture(surface.texture, interpolate(picked, surface.corner_uvs)[0]) * gain
    light = form * mouth_light(behind, lip_shadow(source, surface, fine)[row, column, None])
    texture *= np.where(np.isin(layer, IN_MOUTH)[:, None], light, 1)
    fill[row, column] = np.where((layer == SKIN)[:, None], skin + lips * (texture - skin), texture)
    return fill


def _vertex_values(
    source: Source, surface: Surface, vertices: Float32[np.ndarray, "v 3"]
) -> Float32[np.ndarray, "v 9"]:
    """Per vertex: skin colour, gain, whether it is of the lips, metres behind them, brightness by its normal."""
    normals = vertex_normals(vertices, surface.triangles[np.isin(surface.layers, IN_MOUTH)])
    form = MOUTH_AMBIENT + (1 - MOUTH_AMBIENT) * np.clip(normals @ MOUTH_LIGHT, 0, 1)
    values = [source.skin_colors, source.gains, surface.lips, behind_lips(surface, vertices), form]
    return np.column_stack(values).astype(np.float32)


def behind_lips(surface: Surface, vertices: Float32[np.ndarray, "v 3"]) -> Float32[np.ndarray, " v"]:
    """How far each vertex lies behind the front of the lips, metres; 0 for a head without lips."""
    if not surface.lips.any():
        return np.zeros(len(vertices), np.float32)
    return np.asarray(np.percentile(vertices[surface.lips, 2], 90) - vertices[:, 2], np.float32)


def mouth_light(behind: Float32[np.ndarray, "n 1"], shadow: Float32[np.ndarray, "n 1"]) -> Float32[np.ndarray, "n 3"]:
    """Light in the mouth: less with depth, and behind the teeth line also less beside the lips; what is left is reddish."""
    depth_light = np.clip(np.exp(-(behind - LIPS_DEPTH) / MOUTH_FADE), MOUTH_DARKEST, 1)
    light = depth_light * (1 - (1 - shadow) * np.clip(behind / LIPS_DEPTH, 0, 1))
    return np.asarray(light**MOUTH_REDNESS, np.float32)


def lip_shadow(source: Source, surface: Surface, fine: Fragments) -> Float32[np.ndarray, "fh fw"]:
    """Light on what is seen through the mouth by its distance in the picture from the lips."""
    light = np.ones_like(fine.depth)
    inside = np.isin(surface.layers, IN_MOUTH)[fine.triangle] & fine.covered
    row, column = np.nonzero(inside)
    if not len(row):
        return light
    box = np.s_[max(row.min() - 1, 0) : row.max() + 2, max(column.min() - 1, 0) : column.max() + 2]
    distance = cv2.distanceTransform(inside[box].astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    metres = distance * fine.depth[row, column].mean() / (FINE * source.camera.fx)
    light[box] = LIP_SHADOW + (1 - LIP_SHADOW) * np.minimum(metres / SHADOW_WIDTH, 1)
    return light


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
