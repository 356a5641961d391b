"""The colour of a figure's skin as a map, the light on it, and what pictures say of vertices by their colours (direct alignment).

A sample is a point on the surface that a picture shows. It rides on its triangle: moved, it meets other pixels, whose difference from its own
colour says where it belongs (Lucas and Kanade 1981). Visibility is that of the last drawing.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32

from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.core.geometry import camera_center, normalized, project
from facecraft4d.toolkit.fitting.rows import Block, by_vertices, projection_slopes
from facecraft4d.toolkit.meshes.raster import Fragments, sample_texture

SIGMA = 0.04
"""Expected error of a colour, sRGB; larger ones count linearly (L1)."""
FACING = 0.15
"""Least cosine between a surface and the line of sight to it: edge-on the mesh is not sure."""
BESIDE, BEFORE = 2, 0.004
"""Pixels beside another piece of the mesh, and metres by which it is nearer, within which a surface is not looked at: the frame of glasses is in
the pixels around it, a lid is not so far before its eye."""


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Points of the surface that one picture shows."""

    triangle: Int32[np.ndarray, " n"]
    barycentrics: Float32[np.ndarray, "n 3"]
    cosine: Float32[np.ndarray, " n"]
    """Between the surface and the line of sight."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One picture, smoothed as a stage of a fit wants it, with its slopes."""

    camera: Camera
    values: Float32[np.ndarray, "h w 3"]
    mask: Float32[np.ndarray, "h w"]
    by_column: Float32[np.ndarray, "h w 3"]
    by_row: Float32[np.ndarray, "h w 3"]


def picture_of(camera: Camera, image: Float32[np.ndarray, "h w 3"], mask: np.ndarray, blur: float) -> Picture:
    """A picture smoothed by `blur` pixels."""
    values = cv2.GaussianBlur(image, (0, 0), blur) if blur else image
    slopes = (cv2.Sobel(values, cv2.CV_32F, dx, 1 - dx, ksize=3, scale=1 / 8) for dx in (1, 0))
    return Picture(camera, values, mask.astype(np.float32), *slopes)


def visible_samples(
    fragments: Fragments,
    camera: Camera,
    posed: Float64[np.ndarray, "v 3"],
    triangles: Int32[np.ndarray, "f 3"],
    wanted: Bool[np.ndarray, " f"],
    pieces: Int32[np.ndarray, " f"],
    stride: int = 1,
) -> Samples:
    """The surface at the centres of pixels of `fragments` that see `wanted` triangles, of every `stride`-th such pixel. Not beside what is before it
    and another one of the mesh's `pieces`."""
    row, column = np.nonzero(fragments.covered & wanted[fragments.triangle] & ~_beside_nearer(fragments, pieces))
    row, column = row[::stride], column[::stride]
    triangle, weights = fragments.triangle[row, column], fragments.barycentrics[row, column]
    corners = posed[triangles[triangle]]
    world = np.einsum("nc,ncx->nx", weights, corners)
    normal = normalized(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))
    cosine = (normal * normalized(camera_center(camera) - world)).sum(-1)
    seen = cosine > FACING
    return Samples(triangle[seen], weights[seen], cosine[seen].astype(np.float32))


def _beside_nearer(fragments: Fragments, pieces: Int32[np.ndarray, " f"]) -> Bool[np.ndarray, "h w"]:
    """Pixels within `BESIDE` of one that sees another piece, nearer by `BEFORE`."""
    depth = np.pad(np.where(fragments.covered, fragments.depth, np.inf), BESIDE, constant_values=np.inf)
    piece = np.pad(np.where(fragments.covered, pieces[fragments.triangle], -1), BESIDE, constant_values=-1)
    inner = slice(BESIDE, -BESIDE)
    height, width = fragments.depth.shape
    found = np.zeros((height, width), bool)
    for down, right in np.ndindex(2 * BESIDE + 1, 2 * BESIDE + 1):
        near = slice(down, down + height), slice(right, right + width)
        found |= (depth[near] < depth[inner, inner] - BEFORE) & (piece[near] != piece[inner, inner])
    return found


def colour_rows(
    picture: Picture,
    posed: Float64[np.ndarray, "v 3"],
    triangles: Int32[np.ndarray, "f 3"],
    samples: Samples,
    expected: Float32[np.ndarray, "n 3"],
    weight: float,
) -> Block:
    """Differences between the pixels that samples lie on and their `expected` colours; `weight` is what one counts."""
    corners = triangles[samples.triangle]
    world = np.einsum("nc,ncx->nx", samples.barycentrics, posed[corners])
    pixels, _ = project(picture.camera, world)
    found, by_column, by_row, mask = _at(picture, pixels)
    error = (found - expected) / SIGMA
    length = np.linalg.norm(error, axis=1)
    trust = np.sqrt(weight * mask * samples.cosine * np.minimum(1, 1 / np.maximum(length, 1e-9)))
    slopes = np.stack([by_column, by_row], 1)  # [n, 2, 3 colours]
    by_world = np.einsum("nax,nac->ncx", projection_slopes(picture.camera, world), slopes)
    rows = by_world * (trust / SIGMA)[:, None, None]
    return by_vertices(rows.astype(np.float32), samples.barycentrics, corners, len(posed)), (
        error * trust[:, None]
    ).ravel().astype(np.float32)


def _at(picture: Picture, pixels: Float64[np.ndarray, "n 2"]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Colours, slopes and mask at points in the picture; nothing counts outside of it."""
    height, width = picture.mask.shape
    stacked = np.dstack([picture.values, picture.by_column, picture.by_row, picture.mask])
    values = sample_texture(np.ascontiguousarray(stacked), pixels / (width, height))
    inside = ((pixels > 0.5) & (pixels < np.array([width, height]) - 0.5)).all(1)
    return values[:, :3], values[:, 3:6], values[:, 6:9], values[:, 9] * inside


@dataclass(slots=True)
class Albedo:
    """A map of the surface's colour that pictures fill: sums of weights and of weighted colours per texel."""

    weights: Float32[np.ndarray, "s s"]
    sums: Float32[np.ndarray, "s s 3"]
    fallback: Float32[np.ndarray, "s s 3"]
    """What is shown where no picture says anything."""

    @classmethod
    def begin(cls, fallback: Float32[np.ndarray, "s s 3"]) -> "Albedo":
        """Nothing seen yet."""
        return cls(np.zeros(fallback.shape[:2], np.float32), np.zeros_like(fallback), fallback)

    def map(self) -> Float32[np.ndarray, "s s 3"]:
        """The colours."""
        weight = self.weights[..., None]
        return np.asarray((self.sums + 0.02 * self.fallback) / (weight + 0.02), np.float32)

    def joined(self, other: "Albedo") -> "Albedo":
        """Both, with this one's fallback."""
        return Albedo(self.weights + other.weights, self.sums + other.sums, self.fallback)

    def fade(self, kept: float) -> None:
        """Let what was seen so far count less."""
        self.weights *= kept
        self.sums *= kept

    def add(self, uv: Float32[np.ndarray, "n 2"], colours: Float32[np.ndarray, "n 3"], weights: np.ndarray) -> None:
        """Take in colours at texture coordinates, shared between the four texels around each."""
        side = len(self.weights)
        place = np.clip(uv * side - 0.5, 0, side - 1.001)
        low = np.floor(place).astype(np.int64)
        share = place - low
        for dx in (0, 1):
            for dy in (0, 1):
                part = weights * np.abs(1 - dx - share[:, 0]) * np.abs(1 - dy - share[:, 1])
                index = (low[:, 1] + dy) * side + low[:, 0] + dx
                self.weights += np.bincount(index, part, side * side).reshape(side, side).astype(np.float32)
                for channel in range(3):
                    total = np.bincount(index, part * colours[:, channel], side * side)
                    self.sums[..., channel] += total.reshape(side, side).astype(np.float32)


def texture_coordinates(corner_uvs: Float32[np.ndarray, "f 3 2"], samples: Samples) -> Float32[np.ndarray, "n 2"]:
    """Where samples lie on the texture."""
    return np.asarray(np.einsum("nc,ncx->nx", samples.barycentrics, corner_uvs[samples.triangle]), np.float32)
