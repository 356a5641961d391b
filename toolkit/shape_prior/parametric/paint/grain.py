"""The fine texture of skin, hair and cloth for what nobody saw: pieces of the photograph's own, scattered over the surface.

Each piece is what the photograph shows around a well seen point, laid around another point so that up stays up and strands follow the
fall; the straighter the strands, the longer the pieces. Where pieces overlap they are summed as normal scores, so that the contrast and the
distribution of what was seen stay (histogram-preserving blending, Heitz and Neyret 2018): no rows, no repeats, no seams of an atlas.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import scipy.spatial
import scipy.special
from jaxtyping import Bool, Float, Float32, Int64

from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.core.geometry import normalized, project
from facecraft4d.toolkit.shape_prior.parametric.paint.texels import sample_picture

_OVERLAPPING = 12
"""Pieces that a point looks at."""
_SPACING = 0.8
"""Distance of the pieces' middles as a share of their radius."""
_SHARPNESS = 2.0
"""Power of a piece's weight, which falls from its middle to its rim: higher keeps curls whole, and shows more of the borders."""

_STEP, _MOST_STRETCH = 3e-3, 4.0
"""Metres over which the change across and along strands is told, and the most that it may stretch them."""
_RARE, _QUANTILES = 0.01, 128
"""Share of the values at either end that are cut, and how many values tell a distribution."""


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


def scattered(
    wanted: Surface, source: Source, radius: float, rng: np.random.Generator, stretch: float = 1.0
) -> Float32[np.ndarray, "n 1"]:
    """The texture at the wanted points, from pieces of `radius` metres, `stretch` times as long along the fall; 0 where no piece shows any."""
    result = np.zeros((len(wanted.points), 1), np.float32)
    if not len(wanted.points) or not len(source.middles.points):
        return result
    cells = np.floor((wanted.points + rng.random(3)) / (_SPACING * radius * np.sqrt(stretch))).astype(np.int64)
    order = rng.permutation(len(cells))
    middles = wanted.at(order[np.unique(cells[order], axis=0, return_index=True)[1]])
    takes = source.middles.at(rng.integers(0, len(source.middles.points), len(middles.points)))
    count = min(_OVERLAPPING, len(middles.points))
    _, near = scipy.spatial.cKDTree(middles.points).query(wanted.points, count)
    normal = _Normal.of(source.picture[source.usable, 0])
    layered = np.dstack([normal.forth(source.picture), source.usable]).astype(np.float32)
    total, squares = result, np.zeros_like(result)
    for piece in np.asarray(near).reshape(len(result), count).T:
        offset = wanted.points - middles.points[piece]
        x, y = ((offset * axes[piece]).sum(1)[:, None] for axes in (middles.across, middles.down))
        y = y / stretch
        at = takes.points[piece] + x * takes.across[piece] + y * takes.down[piece]
        pixels = project(source.camera, at.astype(np.float64))[0].astype(np.float32)
        sample = sample_picture(layered, pixels)
        weight = np.clip(1 - (x**2 + y**2) / radius**2, 1e-3, 1) ** _SHARPNESS
        weight = weight * (sample[:, 1:] > 0.99)
        total += weight * sample[:, :1]
        squares += weight**2
    return np.where(squares > 0, normal.back(total / np.sqrt(np.maximum(squares, 1e-12))), 0).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Normal:
    """The monotonous map between some values and ones that are normally distributed: sums of these keep their distribution."""

    values: Float[np.ndarray, " k"]
    scores: Float[np.ndarray, " k"]

    @classmethod
    def of(cls, values: Float[np.ndarray, " n"]) -> "_Normal":
        """For the distribution of some values."""
        shares = np.linspace(_RARE, 1 - _RARE, _QUANTILES)
        return cls(np.quantile(values, shares) if len(values) else 0 * shares, scipy.special.ndtri(shares))

    def forth(self, values: np.ndarray) -> np.ndarray:
        """Normal scores of values."""
        return np.asarray(np.interp(values, self.values, self.scores))

    def back(self, scores: np.ndarray) -> np.ndarray:
        """Values of normal scores."""
        return np.asarray(np.interp(scores, self.scores, self.values))


def elongation(source: Source) -> float:
    """How many times as long as across pieces of the texture are laid down the fall: 1 for curls, more for straight strands.

    The squared ratio of how much a step across and one down the strands changes what is seen: once because strands are that long, once more
    because hair that hangs free is less broken than what frames a face.
    """
    if not len(source.middles.points):
        return 1.0
    layered, middles = np.dstack([source.picture, source.usable]).astype(np.float32), source.middles
    here, across, down = (
        sample_picture(
            layered, project(source.camera, (middles.points + _STEP * v).astype(np.float64))[0].astype(np.float32)
        )
        for v in (0 * middles.down, middles.across, middles.down)
    )
    shown = np.stack([here, across, down])[..., 1].min(0) > 0.99
    changes = [float(np.square(there - here)[shown, 0].sum()) for there in (across, down)]
    return float(np.clip((changes[0] / max(changes[1], 1e-9)) ** 2, 1, _MOST_STRETCH))


def strands(
    picture: Float32[np.ndarray, "h w 1"], usable: Bool[np.ndarray, "h w"], scale: float
) -> Float32[np.ndarray, "h w 2"]:
    """The direction (x, y in pixels, unit, either sign) along which the picture changes least around each pixel (structure tensor)."""
    grey = picture[..., 0] * usable
    dx, dy = (cv2.Sobel(grey, cv2.CV_32F, *order, ksize=3) * usable for order in ((1, 0), (0, 1)))
    xx, yy, xy = (cv2.GaussianBlur(v, (0, 0), scale) for v in (dx * dx, dy * dy, dx * dy))
    angle = 0.5 * np.arctan2(2 * xy, xx - yy) + np.pi / 2
    return np.stack([np.cos(angle), np.sin(angle)], -1).astype(np.float32)
