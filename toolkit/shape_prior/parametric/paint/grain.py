"""The fine texture of skin, hair and cloth for what nobody saw: pieces of the photograph's own, scattered over the surface.

Each piece is what the photograph shows around a well seen point, laid around another point so that up stays up and strands follow the
fall. Pieces overlap, and where they do they are summed so that the contrast stays (variance-preserving blending, Heitz and Neyret 2018):
no rows, no repeats, no seams of an atlas, and the statistics of what was seen.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import scipy.spatial
from jaxtyping import Bool, Float, Float32, Int64

from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.core.geometry import normalized, project
from facecraft4d.toolkit.shape_prior.parametric.paint.texels import sample_picture

_OVERLAPPING = 4
"""Pieces that a point looks at."""
_SPACING = 0.8
"""Distance of the pieces' middles as a share of their radius."""
_SHARPNESS = 2.0
"""Power of a piece's weight, which falls from its middle to its rim: higher keeps curls whole, and shows more of the borders."""


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """Points of a surface with the directions that its texture follows."""

    points: Float32[np.ndarray, "n 3"]
    across: Float32[np.ndarray, "n 3"]
    down: Float32[np.ndarray, "n 3"]

    def at(self, chosen: Int64[np.ndarray, " m"] | Bool[np.ndarray, " n"]) -> "Surface":
        """Some of the points."""
        return Surface(self.points[chosen], self.across[chosen], self.down[chosen])


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A picture of the texture (zero in the mean) and the surface points around which pieces may be taken from it."""

    picture: Float32[np.ndarray, "h w 1"]
    usable: Bool[np.ndarray, "h w"]
    camera: Camera
    middles: Surface


def surface(
    points: Float[np.ndarray, "n 3"], normals: Float[np.ndarray, "n 3"], down: Float[np.ndarray, "n 3"]
) -> Surface:
    """Frames on a surface whose texture runs along `down`, as far as that lies in the surface."""
    along = normalized(down - (down * normals).sum(1, keepdims=True) * normals)
    across = np.cross(along, normals)
    return Surface(points.astype(np.float32), across.astype(np.float32), along.astype(np.float32))


def scattered(wanted: Surface, source: Source, radius: float, rng: np.random.Generator) -> Float32[np.ndarray, "n 1"]:
    """The texture at the wanted points, from pieces of `radius` metres; 0 where no piece shows any."""
    result = np.zeros((len(wanted.points), 1), np.float32)
    if not len(wanted.points) or not len(source.middles.points):
        return result
    cells = np.floor((wanted.points + rng.random(3)) / (_SPACING * radius)).astype(np.int64)
    order = rng.permutation(len(cells))
    middles = wanted.at(order[np.unique(cells[order], axis=0, return_index=True)[1]])
    takes = source.middles.at(rng.integers(0, len(source.middles.points), len(middles.points)))
    count = min(_OVERLAPPING, len(middles.points))
    _, near = scipy.spatial.cKDTree(middles.points).query(wanted.points, count)
    layered = np.dstack([source.picture, source.usable]).astype(np.float32)
    total, squares = result, np.zeros_like(result)
    for piece in np.asarray(near).reshape(len(result), count).T:
        offset = wanted.points - middles.points[piece]
        x, y = ((offset * axes[piece]).sum(1)[:, None] for axes in (middles.across, middles.down))
        at = takes.points[piece] + x * takes.across[piece] + y * takes.down[piece]
        pixels = project(source.camera, at.astype(np.float64))[0].astype(np.float32)
        sample = sample_picture(layered, pixels)
        weight = np.clip(1 - (offset**2).sum(1, keepdims=True) / radius**2, 1e-3, 1) ** _SHARPNESS
        weight = weight * (sample[:, 1:] > 0.99)
        total += weight * sample[:, :1]
        squares += weight**2
    return np.asarray(total / np.sqrt(np.maximum(squares, 1e-12)), np.float32)


def strands(
    picture: Float32[np.ndarray, "h w 1"], usable: Bool[np.ndarray, "h w"], scale: float
) -> Float32[np.ndarray, "h w 2"]:
    """The direction (x, y in pixels, unit, either sign) along which the picture changes least around each pixel (structure tensor)."""
    grey = picture[..., 0] * usable
    dx, dy = (cv2.Sobel(grey, cv2.CV_32F, *order, ksize=3) * usable for order in ((1, 0), (0, 1)))
    xx, yy, xy = (cv2.GaussianBlur(v, (0, 0), scale) for v in (dx * dx, dy * dy, dx * dy))
    angle = 0.5 * np.arctan2(2 * xy, xx - yy) + np.pi / 2
    return np.stack([np.cos(angle), np.sin(angle)], -1).astype(np.float32)
