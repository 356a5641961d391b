"""A view as a source of pixels: where each vertex was in it, what it showed there, what colours fill what it did not show."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8

from facecraft4d.toolkit.datatypes import Camera, View
from facecraft4d.toolkit.geometry import camera_center, normalized, project, resized_camera, transform_points
from facecraft4d.toolkit.mesh_raster import rasterize, sample_texture, vertex_normals
from facecraft4d.toolkit.video_prior.surface import (
    LAYERS,
    MOUTH_LAYERS,
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

FACING = 0.3
"""Cosine towards the camera from which a vertex's colour is trusted."""

CLEAN = 0.012
"""Radius in image heights around a trusted vertex that shows nothing but skin."""

NEAR_THE_MOUTH = 0.05
"""Metres around a layer within which the skin's brightness tells that of the layer."""

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
    layer: UInt8[np.ndarray, "fh fw"]
    """Layer of the nearest surface at each fine sample, `NOTHING` for none."""
    depth: Float32[np.ndarray, "fh fw"]
    areas: Float32[np.ndarray, " f"]
    """Signed area of each triangle in square pixels; negative for those that face away."""
    skin_colors: Float32[np.ndarray, "v 3"]
    """Fill for the skin layer."""
    gains: Float32[np.ndarray, "l 3"]
    """Texture times gain is the fill for each other layer."""


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
        layer=np.where(fine.covered, surface.layers[fine.triangle], NOTHING).astype(np.uint8),
        depth=fine.depth,
        areas=signed_areas(pixels[surface.triangles]),
        skin_colors=np.zeros_like(vertices),
        gains=np.ones((len(LAYERS), 3), np.float32),
    )
    return _with_fill(source, vertices, surface)


def signed_areas(corners: Float[np.ndarray, "f 3 2"]) -> Float32[np.ndarray, " f"]:
    """Areas of projected triangles in square pixels, positive if seen from outside (y points down in the picture)."""
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return np.asarray(0.5 * (second[:, 0] * first[:, 1] - second[:, 1] * first[:, 0]), np.float32)


def _with_fill(source: Source, vertices: Float32[np.ndarray, "v 3"], surface: Surface) -> Source:
    """Fill colours from what the view shows: trusted vertices keep theirs, the rest of the skin is diffused from them."""
    known = trusted(source, vertices, surface)
    height, width = source.rgba.shape[:2]
    smooth = cv2.GaussianBlur(source.rgba[..., :3], (0, 0), 0.5 * CLEAN * height)
    shown = sample_texture(smooth, source.pixels / np.array([width, height], np.float32))
    textured = np.full_like(vertices, 0.5)
    owners, uvs = vertex_texture_corners(surface)
    textured[owners] = sample_texture(surface.texture, uvs)
    gain = np.ones(3) if not known.any() else shown[known].mean(0) / np.maximum(textured[known].mean(0), 0.02)
    colors = diffuse(surface, shown, known, textured * np.clip(gain, *GAIN_LIMITS))
    gains = [
        _layer_gain(layer, shown / np.maximum(textured, 0.02), known, vertices, surface) for layer in range(len(LAYERS))
    ]
    return replace(source, skin_colors=np.clip(colors, 0, 1), gains=np.stack(gains))


def trusted(source: Source, vertices: Float32[np.ndarray, "v 3"], surface: Surface) -> Bool[np.ndarray, " v"]:
    """Skin vertices that the view surely shows: they face it, nothing but skin is near them, and so for their neighbours."""
    height, width = source.layer.shape
    radius = round(CLEAN * height)
    column, row = (
        np.clip((source.pixels[:, i] * FINE).astype(int), 0, side - 1) for i, side in ((0, width), (1, height))
    )
    solid = cv2.resize((source.rgba[..., 3] > 0.99).astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    skin = cv2.erode((source.layer == SKIN) * solid, np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)) > 0
    towards = normalized(camera_center(source.camera) - vertices)
    faces = (vertex_normals(vertices, surface.triangles) * towards).sum(-1) > FACING
    near = np.abs(source.points[:, 2] - source.depth[row, column]) < SAME_SURFACE
    shown = surface.skin_vertices & faces & near & skin[row, column]
    return np.asarray(shown & ~grown(surface, surface.skin_vertices & ~(faces & near)))


def _layer_gain(
    layer: int,
    ratios: Float[np.ndarray, "v 3"],
    known: Bool[np.ndarray, " v"],
    vertices: Float32[np.ndarray, "v 3"],
    surface: Surface,
) -> Float32[np.ndarray, "3"]:
    """How much brighter the view shows the skin around a layer than its texture has it; 1 where that is not known."""
    members = np.unique(surface.triangles[surface.layers == layer])
    if not len(members) or layer == SKIN:
        return np.ones(3, np.float32)
    centre = vertices[members].mean(0) * ([0, 1, 1] if LAYERS[layer] in MOUTH_LAYERS else [1, 1, 1])
    around = known & (np.abs(vertices - centre)[:, 1:].max(1) < NEAR_THE_MOUTH)
    if not around.any():
        return np.ones(3, np.float32)
    return np.asarray(np.clip(np.median(ratios[around], 0), *GAIN_LIMITS), np.float32)
