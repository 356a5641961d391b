"""A view as a source of pixels: where each vertex was in it, what it showed there, what colours fill what it did not show."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, Int32, UInt8

from facecraft4d.toolkit.datatypes import Camera, View
from facecraft4d.toolkit.geometry import camera_center, normalized, project, resized_camera, transform_points
from facecraft4d.toolkit.mesh_raster import rasterize, sample_texture, vertex_normals
from facecraft4d.toolkit.video_prior.surface import (
    SKIN,
    Surface,
    diffuse,
    grown,
    vertex_texture_corners,
)

FINE = 2
"""Samples along each side of a pixel."""

NOTHING = 255
"""Layer of samples that see no surface."""

SAME_SURFACE = 0.003
"""Metres within which two depths of one layer are the same surface."""

STEP = 0.006
"""Metres by which a surface must lie in front of another of its layer to count as a separate thing (chin and neck, hair and cheek)."""

LAYER_REACH, STEP_REACH = 0.003, 0.006
"""How far, in image heights, the fitted mesh may be off at the borders of layers and at steps in depth."""

FACING = 0.15
"""Cosine towards the camera from which a vertex's colour is trusted."""

CLEAN = 0.012
"""Radius in image heights around a trusted vertex that shows nothing but skin."""

LIDS_REACH = 0.04
"""Metres around a lid from which its colour is taken."""

ODD = 2.5
"""Colours around the lids that differ from their median by more than this many median deviations (glasses, brows) are left out."""

GAIN_LIMITS = (0.4, 1.6)

LASHES = 0.45
"""Brightness of the lids' edges relative to the skin around them."""


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """One view at the resolution of the set."""

    camera: Camera
    rgba: Float32[np.ndarray, "h w 4"]
    """Colours on white, alpha."""
    pixels: Float32[np.ndarray, "v 2"]
    """Where each vertex of the photograph's pose appears."""
    points: Float32[np.ndarray, "v 3"]
    """The same vertices in the camera's frame, metres."""
    triangle: Int32[np.ndarray, "fh fw"]
    """Nearest triangle at each fine sample, -1 for none."""
    barycentrics: Float32[np.ndarray, "fh fw 3"]
    depth: Float32[np.ndarray, "fh fw"]
    doubtful: Bool[np.ndarray, "fh fw"]
    """Samples near the border of a layer or a step in depth."""
    areas: Float32[np.ndarray, " f"]
    """Signed area of each triangle in square pixels; negative for those that face away."""
    skin_colors: Float32[np.ndarray, "v 3"]
    """Fill for the skin."""
    gains: Float32[np.ndarray, "v 3"]
    """Texture times gain is the fill for lips and for what is not skin."""


def source_of(view: View, vertices: Float32[np.ndarray, "v 3"], surface: Surface, size: int) -> Source:
    """Prepare a view [any size] for a set of `size` pixels; `vertices` are those of the view's own pose."""
    camera = resized_camera(view.camera, size, size)
    fine = rasterize(resized_camera(camera, FINE * size, FINE * size), vertices, surface.triangles)
    pixels = project(camera, vertices)[0]
    values = np.dstack([view.image, view.mask])
    rgba = values if len(values) == size else cv2.resize(values, (size, size), interpolation=cv2.INTER_AREA)
    source = Source(
        camera=camera,
        rgba=np.ascontiguousarray(rgba, np.float32),
        pixels=pixels.astype(np.float32),
        points=transform_points(camera.camera_from_world, vertices).astype(np.float32),
        triangle=fine.triangle,
        barycentrics=fine.barycentrics,
        depth=fine.depth,
        doubtful=grown_by(edges(layer_image(fine.triangle, surface), fine.depth), 2 * max(LAYER_REACH, STEP_REACH)),
        areas=signed_areas(pixels[surface.triangles]),
        skin_colors=np.zeros_like(vertices),
        gains=np.ones_like(vertices),
    )
    return _with_fill(source, vertices, surface)


def layer_image(triangle: Int32[np.ndarray, "fh fw"], surface: Surface) -> UInt8[np.ndarray, "fh fw"]:
    """The layer that each sample sees, `NOTHING` where there is none."""
    return np.where(triangle >= 0, surface.layers[triangle], NOTHING).astype(np.uint8)


def edges(layer: UInt8[np.ndarray, "fh fw"], depth: Float32[np.ndarray, "fh fw"]) -> Bool[np.ndarray, "fh fw"]:
    """Samples beside which another layer or another depth begins."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    changes = cv2.dilate(layer, cross) != cv2.erode(layer, cross)
    return np.asarray(changes | (cv2.dilate(depth, cross) - cv2.erode(depth, cross) > STEP))


def grown_by(mask: Bool[np.ndarray, "fh fw"], radius: float) -> Bool[np.ndarray, "fh fw"]:
    """The mask grown by a square of `radius` image heights."""
    side = 2 * max(1, round(radius * len(mask))) + 1
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0)


def signed_areas(corners: Float[np.ndarray, "f 3 2"]) -> Float32[np.ndarray, " f"]:
    """Areas of projected triangles in square pixels, positive if seen from outside (y points down in the picture)."""
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return np.asarray(0.5 * (second[:, 0] * first[:, 1] - second[:, 1] * first[:, 0]), np.float32)


def _with_fill(source: Source, vertices: Float32[np.ndarray, "v 3"], surface: Surface) -> Source:
    """Fill from what the view shows: trusted vertices keep their colours, and the rest is diffused from them."""
    known = trusted(source, vertices, surface)
    height, width = source.rgba.shape[:2]
    smooth = cv2.GaussianBlur(source.rgba[..., :3], (0, 0), 0.5 * CLEAN * height)
    shown = sample_texture(smooth, source.pixels / np.array([width, height], np.float32))
    textured = np.full_like(vertices, 0.5)
    owners, uvs = vertex_texture_corners(surface)
    textured[owners] = sample_texture(surface.texture, uvs)
    ratios = np.clip(shown / np.maximum(textured, 0.02), *GAIN_LIMITS)
    usual = np.broadcast_to(np.median(ratios[known], 0) if known.any() else np.ones(3), vertices.shape)
    plain = known & ~odd_beside_lids(shown, known, vertices, surface)
    colors = np.clip(diffuse(surface, shown, plain, textured * usual), 0, 1)
    colors[surface.lashes] *= LASHES
    gains = np.where(surface.skin_vertices[:, None], diffuse(surface, ratios, known, usual), usual)
    return replace(source, skin_colors=colors, gains=np.asarray(gains, np.float32))


def odd_beside_lids(
    shown: Float32[np.ndarray, "v 3"],
    known: Bool[np.ndarray, " v"],
    vertices: Float32[np.ndarray, "v 3"],
    surface: Surface,
) -> Bool[np.ndarray, " v"]:
    """Known vertices around the lids whose colour is not that of most: glasses, brows, strands of hair."""
    odd = np.zeros(len(vertices), bool)
    for side in (vertices[:, 0] > 0, vertices[:, 0] <= 0):
        lid = surface.lids & side
        around = known & (np.linalg.norm(vertices - vertices[lid].mean(0), axis=1) < LIDS_REACH) if lid.any() else odd
        if around.any():
            deviation = np.linalg.norm(shown - np.median(shown[around], 0), axis=1)
            odd |= around & (deviation > ODD * np.median(deviation[around]))
    return odd


def trusted(source: Source, vertices: Float32[np.ndarray, "v 3"], surface: Surface) -> Bool[np.ndarray, " v"]:
    """Skin vertices that the view surely shows: they face it, nothing but skin is near them, and so for their neighbours."""
    height, width = source.depth.shape
    column, row = (
        np.clip((source.pixels[:, i] * FINE).astype(int), 0, side - 1) for i, side in ((0, width), (1, height))
    )
    layer = layer_image(source.triangle, surface)
    clear = cv2.resize((source.rgba[..., 3] <= 0.99).astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    foreign = grown_by((layer != SKIN) | (clear > 0), CLEAN) | grown_by(edges(layer, source.depth), STEP_REACH)
    towards = normalized(camera_center(source.camera) - vertices)
    faces = (vertex_normals(vertices, surface.triangles) * towards).sum(-1) > FACING
    near = np.abs(source.points[:, 2] - source.depth[row, column]) < SAME_SURFACE
    shown = surface.skin_vertices & faces & near & ~foreign[row, column]
    return np.asarray(shown & ~grown(surface, surface.skin_vertices & ~(faces & near)))
