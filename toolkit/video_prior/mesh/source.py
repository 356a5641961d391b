"""A view as a source of pixels: where each vertex was in it and what it showed there."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, Int32, UInt8

from facecraft4d.toolkit.core.datatypes import Camera, View
from facecraft4d.toolkit.core.geometry import project, resized_camera, transform_points
from facecraft4d.toolkit.meshes.raster import rasterize
from facecraft4d.toolkit.video_prior.mesh.surface import Surface

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
    """Fill for skin, lips and lids."""
    gain: Float32[np.ndarray, "3"]
    """Texture times gain is the fill for what is not skin."""
    mouth_gain: float
    """The same for the painted inside of the mouth."""
    strange: Float32[np.ndarray, "fh fw"]
    """How surely a sample of a rim shows something else than that rim (teeth on a lip, lashes on a lid), 0 to 1."""
    mouth_light: Float32[np.ndarray, "fh fw"]
    """Light on what is seen through the mouth, see mouth.lip_shadow."""


def bare_source(view: View, vertices: Float32[np.ndarray, "v 3"], surface: Surface, size: int) -> Source:
    """A view [any size] for a set of `size` pixels without fill; `vertices` are those of the view's own pose."""
    camera = resized_camera(view.camera, size, size)
    fine = rasterize(resized_camera(camera, FINE * size, FINE * size), vertices, surface.triangles)
    pixels = project(camera, vertices)[0]
    values = np.dstack([view.image, view.mask])
    rgba = values if len(values) == size else cv2.resize(values, (size, size), interpolation=cv2.INTER_AREA)
    return Source(
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
        gain=np.ones(3, np.float32),
        mouth_gain=1.0,
        strange=np.zeros_like(fine.depth),
        mouth_light=np.ones_like(fine.depth),
    )


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
