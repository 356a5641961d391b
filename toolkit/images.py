"""Small things with pictures: resize, 8-bit, encoded bytes, rows and columns of pictures."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.files import write_whole
from facecraft4d.toolkit.core.pixels import encoded_bytes, to_bytes
from facecraft4d.toolkit.core.untrusted.door import read_untrusted
from facecraft4d.toolkit.core.untrusted.pictures import EXPECTED, MOST_BYTES, Decoded, decode

JPEG_QUALITY = 88
FINEST_DEVIATION = 2.0
"""Pixels of standard deviation that a smoothing on a smaller picture keeps at least."""


def resized(image: Float32[np.ndarray, "h w *c"], size: int) -> Float32[np.ndarray, "s s *c"]:
    """A square picture with another side: area mean when it shrinks, bilinear when it grows, itself when it fits."""
    if image.shape[0] == size:
        return image
    method = cv2.INTER_AREA if image.shape[0] > size else cv2.INTER_LINEAR
    scaled = np.asarray(cv2.resize(image, (size, size), interpolation=method), np.float32)
    return scaled.reshape(size, size, *image.shape[2:])


def overlap(one: Bool[np.ndarray, "h w"], other: Bool[np.ndarray, "h w"]) -> float:
    """Intersection over union: what two silhouettes have in common, of all that either has; 0 where neither has anything."""
    return float((one & other).sum() / max(int((one | other).sum()), 1))


def read_picture(path: Path, side: int | None = None) -> tuple[Decoded, bytes]:
    """A stranger's picture, and its file's bytes; with `side`, with alpha and its longer side at most so long. UserError for any other file."""
    content = read_untrusted(path, EXPECTED, MOST_BYTES, "save it smaller")
    return decode(content, path, side), content


def read_rgba(path: Path, side: int) -> Float32[np.ndarray, "h w 4"]:
    """A picture upright, straight colour and alpha, its longer side at most `side`; UserError if it cannot be read."""
    return np.asarray(read_picture(path, side)[0].pixels, np.float32) / 255


def read_frame(path: Path) -> UInt8[np.ndarray, "h w 4"]:
    """A picture that a stage of ours wrote (`write_png`), with alpha. UserError where there is none."""
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.ndim != 3 or pixels.shape[2] != 4 or pixels.dtype != np.uint8:
        raise UserError(f"{path}: expected an RGBA picture of the video stage, found none; build with --fresh")
    return np.ascontiguousarray(pixels[..., [2, 1, 0, 3]])


def read_rgb(path: Path, side: int) -> Float32[np.ndarray, "h w 3"]:
    """As `read_rgba`, on white."""
    return on_white(read_rgba(path, side))


def on_white(rgba: Float32[np.ndarray, "h w 4"]) -> Float32[np.ndarray, "h w 3"]:
    """Straight colour and alpha over white."""
    return np.asarray(rgba[..., :3] * rgba[..., 3:] + (1 - rgba[..., 3:]))


def distance_inside(mask: Bool[np.ndarray, "h w"]) -> Float32[np.ndarray, "h w"]:
    """Pixels from each pixel of the mask to the nearest outside of it, exactly; 0 outside.

    Without Intel's primitives, which OpenCV takes on one thread and for small masks: their last bits depend on where an array lies in memory.
    """
    used = cv2.ipp.useIPP()
    cv2.ipp.setUseIPP(False)
    try:
        return np.asarray(cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)
    finally:
        cv2.ipp.setUseIPP(used)


def encoded(image: Float32[np.ndarray, "h w *c"], kind: str = "JPEG") -> bytes:
    """A picture (grey, RGB; RGBA for PNG) as the bytes of a JPEG or PNG file."""
    options = {"quality": JPEG_QUALITY} if kind == "JPEG" else {"optimize": True}
    return encoded_bytes(to_bytes(image), kind, **options)


def write_png(path: Path, image: UInt8[np.ndarray, "h w c"]) -> None:
    """Write an RGB or RGBA picture, quickly rather than small, whole or not at all."""
    write_whole(path, as_png(image))


def as_png(image: UInt8[np.ndarray, "h w c"]) -> bytes:
    """An RGB or RGBA picture as a PNG file, quickly rather than small."""
    done, data = cv2.imencode(".png", image[..., [2, 1, 0, *range(3, image.shape[-1])]])
    if not done:
        raise ValueError(f"image must be a picture, got shape {image.shape}")
    return bytes(data)


def tiled(images: Sequence[Float32[np.ndarray, "h w 3"]], columns: int) -> Float32[np.ndarray, "th tw 3"]:
    """Equal pictures side by side, row by row, on white."""
    height, width, _ = images[0].shape
    rows = -(-len(images) // columns)
    sheet = np.ones((rows * height, columns * width, 3), np.float32)
    for index, image in enumerate(images):
        y, x = divmod(index, columns)
        sheet[y * height : (y + 1) * height, x * width : (x + 1) * width] = image
    return sheet


def weighted_blur(
    values: Float32[np.ndarray, "h w 3"], weight: Float32[np.ndarray, "h w"], deviation: float
) -> tuple[Float32[np.ndarray, "h w 3"], Float32[np.ndarray, "h w"]]:
    """Gaussian mean (`deviation` in pixels) of the values that have weight, and the smoothed weight (normalised convolution)."""
    smooth = smoothed(np.dstack([values * weight[..., None], weight]), deviation)
    known = smooth[..., 3]
    return smooth[..., :3] / np.maximum(known, 1e-4)[..., None], known


def smoothed(values: Float32[np.ndarray, "h w c"], deviation: float) -> Float32[np.ndarray, "h w c"]:
    """Gaussian smoothing; wide ones are done on a smaller picture, where they cost as little as narrow ones and come out some percent wider."""
    height, width = values.shape[:2]
    shrink = 1 << max(0, int(np.log2(max(deviation / FINEST_DEVIATION, 1))))
    if shrink == 1:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), deviation)).reshape(values.shape)
    small = cv2.resize(values, (-(-width // shrink), -(-height // shrink)), interpolation=cv2.INTER_AREA)
    narrow = cv2.GaussianBlur(small, (0, 0), deviation / shrink)
    return np.asarray(cv2.resize(narrow, (width, height), interpolation=cv2.INTER_LINEAR)).reshape(values.shape)
