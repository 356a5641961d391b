"""The aligned crop: roll removed, head centred, hair or hat, neck and shoulders inside, as PanoHead frames its portraits.

Head plane: metres in the upright image, origin between the ears, x to the right, y down.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from facecraft4d.toolkit.landmarks.points import EYE_CORNERS
from facecraft4d.toolkit.preprocess.detect import Face

PORTRAIT_METRES = 0.38
"""Side of the usual crop: a head with short hair, its neck and shoulders with a little space."""
MARGIN = 0.04
"""Least space around the head as a share of the side."""
BUST_DEPTH, HANGING_RISE, HANGING_HALF_WIDTH = 0.2, 0.045, 0.16
"""Metres below the ears at which the bust ends in the middle, under the pit of the throat; hair that hangs beside the neck ends higher, on
the shoulders: by the second at the third from the middle."""
BUST_HALF_WIDTH, BUST_TOP, BUST_SQUARENESS = 0.182, 0.08, 4.0
"""Half of the bust's width (metres): as much of the shoulders as the usual crop holds; the height under the ears at which its sides would be
upright; and the exponent of the superellipse through both: rounded corners."""
_FINEST = 2048
"""Most samples across when the target is coarser than the photograph; beyond that the photograph is shrunk first."""

Channel = UInt8[np.ndarray, "h w"] | Float32[np.ndarray, "h w"]
Image = UInt8[np.ndarray, "h w *c"] | Float32[np.ndarray, "h w *c"]


@dataclass(frozen=True, slots=True)
class Extent:
    """What of the head plane the head covers, in metres."""

    left: float
    right: float
    top: float


def hanging_end(x: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Where hair that hangs from the head ends in the head plane."""
    return BUST_DEPTH - HANGING_RISE * np.square(x / HANGING_HALF_WIDTH)


def bust_edge(x: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Lower end of neck and shoulders in the head plane: level in the middle, rounded up at the sides."""
    aside = np.minimum(np.abs(x) / BUST_HALF_WIDTH, 1) ** BUST_SQUARENESS
    return np.asarray(BUST_TOP + (BUST_DEPTH - BUST_TOP) * (1 - aside) ** (1 / BUST_SQUARENESS))


def roll_radians(face: Face) -> float:
    """Angle of the eye line in the photograph."""
    corners = face.found.landmarks[list(EYE_CORNERS), :2].astype(np.float64)
    dx, dy = corners[2:].mean(0) - corners[:2].mean(0)
    return float(np.arctan2(dy, dx))


def crop_from_photo(face: Face, center: Float[np.ndarray, "2"], side: float, size: int) -> Float[np.ndarray, "3 3"]:
    """Similarity from photograph pixels to those of a square crop: `side` metres about `center` (head plane) in `size` pixels."""
    roll, scale = roll_radians(face), size / (side * face.pixels_per_metre)
    linear = scale * np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    matrix[:2, 2] = size / 2 - center * size / side - linear @ face.ears_midpoint
    return matrix


def head_plane(
    size: int, center: Float[np.ndarray, "2"], side: float
) -> tuple[Float[np.ndarray, "s s"], Float[np.ndarray, "s s"]]:
    """x and y in metres of each pixel of a crop."""
    axis = ((np.arange(size) + 0.5) / size - 0.5) * side
    x, y = np.meshgrid(axis + center[0], axis + center[1])
    return x, y


def frame(extent: Extent) -> tuple[Float[np.ndarray, "2"], float]:
    """Centre and side (head plane, metres) of the crop that holds the head, the neck and what is seen of the bust between its sides."""
    height, half_width = BUST_DEPTH - extent.top, max(-extent.left, extent.right)
    side = max(PORTRAIT_METRES, height / (1 - 2 * MARGIN), 2 * half_width / (1 - 2 * MARGIN))
    return np.array([0.0, (BUST_DEPTH + extent.top) / 2]), side


def warp(image: Image, matrix: Float[np.ndarray, "3 3"], size: int) -> Float32[np.ndarray, "s s *c"]:
    """Resample an image (8 bits, or float in [0, 1]) under target_from_source: Lanczos, averaged over finer samples where the target is coarser.

    Beyond the border the edge goes on; see `coverage`.
    """
    ratio = 1 / np.hypot(*matrix[:2, 0])
    fineness = int(np.clip(np.ceil(ratio - 1e-6), 1, max(1, _FINEST // size)))
    source, matrix = _needed(image, matrix, size, max(1, round(ratio / fineness)))
    fine = _centered(np.diag([fineness, fineness, 1.0]) @ matrix)
    shape = (size * fineness, size * fineness)
    warped = cv2.warpAffine(source, fine[:2], shape, flags=cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
    if fineness > 1:
        warped = cv2.resize(warped, (size, size), interpolation=cv2.INTER_AREA)
    return np.clip(warped, 0, 1).astype(np.float32)


def coverage(shape: tuple[int, int], matrix: Float[np.ndarray, "3 3"], size: int) -> Float32[np.ndarray, "s s"]:
    """1 where the crop shows the photograph of `shape` (height, width), 0 beyond its border."""
    ones = np.ones(shape, np.float32)
    return np.asarray(
        cv2.warpAffine(
            ones, _centered(matrix)[:2], (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
        )
    )


def _needed(
    image: Image, matrix: Float[np.ndarray, "3 3"], size: int, shrink: int
) -> tuple[Float32[np.ndarray, "h2 w2 *c"], Float[np.ndarray, "3 3"]]:
    """The part of the image that a crop shows, as float, area-averaged by about `shrink`, with the matrix that fits it."""
    target_corners = np.array([[0, 0, 1], [size, 0, 1], [0, size, 1], [size, size, 1]], np.float64)
    corners = (target_corners @ np.linalg.inv(matrix).T)[:, :2]
    limit = np.array(image.shape[1::-1])
    pad = 4 * max(shrink, 2)
    low = np.clip(np.floor(corners.min(0)).astype(int) - pad, 0, limit - 1)
    high = np.clip(np.ceil(corners.max(0)).astype(int) + pad, low + 1, limit)
    part = image[low[1] : high[1], low[0] : high[0]]
    matrix = matrix @ np.array([[1, 0, low[0]], [0, 1, low[1]], [0, 0, 1.0]])
    if shrink == 1:
        return _as_float(part), matrix
    width, height = (max(1, int(extent) // shrink) for extent in part.shape[1::-1])
    # channel by channel: all at once would be a gigabyte of floating point for a photograph of 64 megapixels
    channels = (
        [_shrunk(part[..., channel], width, height) for channel in range(part.shape[2])] if part.ndim == 3 else None
    )
    small = _shrunk(part, width, height) if channels is None else np.stack(channels, -1)
    return small, matrix @ np.diag([part.shape[1] / width, part.shape[0] / height, 1.0])


def _shrunk(channel: Channel, width: int, height: int) -> Float32[np.ndarray, "h w"]:
    return np.asarray(cv2.resize(_as_float(channel), (width, height), interpolation=cv2.INTER_AREA), np.float32)


def _as_float(values: Image) -> Float32[np.ndarray, "*s"]:
    """A copy in [0, 1]."""
    copied = values.astype(np.float32)
    if values.dtype == np.uint8:
        copied /= 255
    return copied


def _centered(matrix: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "3 3"]:
    """The same map for cv2, whose pixel centres are at 0 in place of 0.5."""
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    return np.asarray(np.linalg.inv(half) @ matrix @ half)
