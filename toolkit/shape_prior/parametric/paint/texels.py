"""Where texels lie on the posed head and what the photograph shows there."""

from dataclasses import dataclass

import cv2
import numpy as np
import scipy.ndimage
from jaxtyping import Bool, Float32, Int32

from facecraft4d.toolkit.core.datatypes import Camera, Portrait
from facecraft4d.toolkit.core.geometry import camera_center, normalized, project, smoothstep, vertex_normals
from facecraft4d.toolkit.fitting.observation import Segments
from facecraft4d.toolkit.images import weighted_blur
from facecraft4d.toolkit.meshes.raster import Fragments, rasterize
from facecraft4d.toolkit.shape_prior.parametric.assembly import Assembly
from facecraft4d.toolkit.shape_prior.parametric.shells.grid import signed_distance

DEPTH_TOLERANCE = 0.003
"""Metres behind the nearest surface at which a point still counts as seen."""
GRAZING = (0.15, 0.5)
"""Cosines between normal and line of sight at which trust begins and is complete."""
_RIM_PIXELS = (1.0, 4.0)
"""Distances to the matte's border at which trust begins and is complete, per 512 pixels."""
_SOLID = 0.6
"""Alpha from which a pixel lies inside the matte."""
_LEAST_ALPHA = 0.3
"""Alpha below which the person's own colour cannot be told from the white behind: more is not taken out."""
_BLOCK = 16384
"""Samples at once: OpenCV's pictures have fewer rows than 32768."""


@dataclass(frozen=True, slots=True, eq=False)
class Texels:
    """The texels that some triangle owns."""

    rows: Int32[np.ndarray, " n"]
    columns: Int32[np.ndarray, " n"]
    triangles: Int32[np.ndarray, " n"]
    barycentrics: Float32[np.ndarray, "n 3"]
    size: int

    def of(self, mine: Bool[np.ndarray, " n"]) -> "Texels":
        """Some of the texels."""
        return Texels(self.rows[mine], self.columns[mine], self.triangles[mine], self.barycentrics[mine], self.size)

    def spread(self, corner_values: np.ndarray, triangles: np.ndarray) -> np.ndarray:
        """Vertex values [v, k] at the texels [n, k]."""
        return np.asarray(np.einsum("nc,nck->nk", self.barycentrics, corner_values[triangles[self.triangles]]))


def texels(assembly: Assembly, size: int) -> Texels:
    """Rasterise the atlas."""
    flat = assembly.corner_uvs.reshape(-1, 2) * size
    plane = np.concatenate([flat, np.ones((len(flat), 1))], 1)
    camera = Camera(np.eye(4), 1.0, 1.0, 0.0, 0.0, size, size)
    fragments: Fragments = rasterize(camera, plane, np.arange(len(flat), dtype=np.int32).reshape(-1, 3))
    rows, columns = np.nonzero(fragments.covered)
    return Texels(
        rows.astype(np.int32),
        columns.astype(np.int32),
        fragments.triangle[rows, columns],
        fragments.barycentrics[rows, columns],
        size,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Visibility:
    """What a camera sees of surface points."""

    pixels: Float32[np.ndarray, "n 2"]
    clear: Float32[np.ndarray, " n"]
    """0 hidden or at the matte's border, 1 well inside."""
    facing: Float32[np.ndarray, " n"]
    """Cosine between normal and line of sight; 0 where hidden."""

    def trust(self, grazing: tuple[float, float]) -> Float32[np.ndarray, " n"]:
        """How far the picture's colours count: less where the surface turns away."""
        trusted: Float32[np.ndarray, " n"] = (
            self.clear * smoothstep((self.facing - grazing[0]) / (grazing[1] - grazing[0]))
        ).astype(np.float32)
        return trusted


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceView:
    """The portrait as a source of colours."""

    portrait: Portrait
    image: Float32[np.ndarray, "h w 3"]
    """Its colours without the white that shines through at the matte's border."""
    segments: Segments
    camera: Camera
    depth: Float32[np.ndarray, "h w"]
    rim: Float32[np.ndarray, "h w"]
    """Distance to the matte's border in pixels, positive inside; the picture's own edge is no border."""


def reference_view(portrait: Portrait, segments: Segments, camera: Camera, assembly: Assembly) -> ReferenceView:
    """The portrait with the depth of the assembled head in its view."""
    depth = rasterize(camera, assembly.posed, assembly.rig.triangles).depth
    padded = np.pad(portrait.alpha > _SOLID, 8, mode="edge")
    rim = signed_distance(padded)[8:-8, 8:-8].astype(np.float32)
    return ReferenceView(portrait, unblended(portrait), segments, camera, depth, rim)


def unblended(portrait: Portrait) -> Float32[np.ndarray, "h w 3"]:
    """Take the white background out of half transparent pixels."""
    alpha = np.maximum(portrait.alpha, _LEAST_ALPHA)[..., None]
    return np.asarray(((portrait.image - (1 - alpha)) / alpha).clip(0, 1), np.float32)


def visibility(
    photo: ReferenceView, points: Float32[np.ndarray, "n 3"], normals: Float32[np.ndarray, "n 3"]
) -> Visibility:
    """How well the photograph sees surface points (world, posed) with unit normals."""
    pixels, z = project(photo.camera, points.astype(np.float64))
    size = photo.camera.width
    column, row = (np.floor(pixels[:, i]).astype(int).clip(0, size - 1) for i in range(2))
    inside = ((pixels > 0) & (pixels < size)).all(1)
    nearest = scipy.ndimage.maximum_filter(photo.depth, 3)[row, column]
    seen = inside & (z < nearest + DEPTH_TOLERANCE)
    view = normalized(camera_center(photo.camera) - points)
    facing = np.where(seen, (view * normals).sum(1), 0).clip(0)
    rim = photo.rim[row, column] * 512 / size
    low, high = _RIM_PIXELS
    clear = smoothstep((rim - low) / (high - low)) * seen
    return Visibility(pixels.astype(np.float32), clear.astype(np.float32), facing.astype(np.float32))


def sample_picture(
    picture: Float32[np.ndarray, "h w c"], pixels: Float32[np.ndarray, "n 2"]
) -> Float32[np.ndarray, "n c"]:
    """Cubic samples of a picture at pixel positions."""
    at = (pixels - 0.5).astype(np.float32)
    blocks = [
        cv2.remap(
            picture,
            at[i : i + _BLOCK, None, 0],
            at[i : i + _BLOCK, None, 1],
            cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE,
        )
        for i in range(0, len(at), _BLOCK)
    ]
    return np.concatenate(blocks).reshape(len(at), -1)


def posed_normals(assembly: Assembly) -> Float32[np.ndarray, "v 3"]:
    """Vertex normals of the posed head."""
    return vertex_normals(assembly.posed, assembly.rig.triangles)


def label_blur(
    picture: Float32[np.ndarray, "h w 3"], mask: Bool[np.ndarray, "h w"], sigma: float
) -> Float32[np.ndarray, "h w 3"]:
    """Gaussian blur that takes colours from inside the mask only."""
    return weighted_blur(picture, mask.astype(np.float32), sigma)[0]
