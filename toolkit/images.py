"""Small things with pictures: resize, 8-bit, encoded bytes, rows and columns of pictures."""

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image, ImageOps, UnidentifiedImageError

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.files import write_whole
from facecraft4d.toolkit.core.magic import HEAD_BYTES, kind_of
from facecraft4d.toolkit.core.pixels import DAMAGED, to_bytes
from facecraft4d.toolkit.core.untrusted import read_untrusted

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "AVIF", "HEIF")
"""Pictures that are read; other decoders of Pillow are never tried on a stranger's file."""
MAX_PIXELS, MAX_PICTURE_BYTES = 64_000_000, 512 << 20
"""Larger pictures are refused by their header, before a pixel is decoded."""

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


def open_picture(path: Path) -> tuple[Image.Image, bytes]:
    """A picture file opened by its header alone, and its bytes: its format is on the list, its size within limits. Else UserError.

    Decode it within `refusing_damage`.
    """
    content = read_untrusted(path, f"a picture ({', '.join(FORMATS)})", MAX_PICTURE_BYTES, "save it smaller")
    if not content:
        raise UserError(f"{path}: expected a picture, found an empty file; copy it again")
    if kind := kind_of(content[:HEAD_BYTES]):
        raise UserError(f"{path}: expected a picture ({', '.join(FORMATS)}), found {kind}")
    too_large = f"{path}: expected at most {MAX_PIXELS // 1_000_000} megapixels, found"
    _know_all_formats()
    try:
        image = Image.open(io.BytesIO(content), formats=[name for name in FORMATS if name in Image.OPEN])
    except Image.DecompressionBombError as error:
        raise UserError(f"{too_large} far more; scale it down") from error
    except UnidentifiedImageError as error:
        raise UserError(
            f"{path}: expected a picture ({', '.join(FORMATS)}), found something else; convert it first"
        ) from error
    except DAMAGED as error:
        raise UserError(
            f"{path}: expected a picture with a sound header, found a damaged one; save or copy it again"
        ) from error
    if image.width * image.height > MAX_PIXELS:
        raise UserError(
            f"{too_large} {image.width * image.height / 1e6:.0f} ({image.width} x {image.height}); scale it down"
        )
    return image, content


def _know_all_formats() -> None:
    """Pillow's formats beyond its first five, and HEIC, whose opener turns the picture as it is to be seen and its EXIF tag back to 1."""
    import pi_heif

    Image.init()
    pi_heif.register_heif_opener()


@contextmanager
def refusing_damage(path: Path) -> Iterator[None]:
    """What decoders raise on damaged files becomes a UserError; their remarks on odd metadata are not shown."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except DAMAGED as error:
            raise UserError(
                f"{path}: expected a complete picture, found a truncated or damaged one; save or copy it again"
            ) from error


def read_rgba(path: Path, side: int) -> Float32[np.ndarray, "h w 4"]:
    """A picture upright, straight colour and alpha, its longer side at most `side`; UserError if it cannot be read."""
    with refusing_damage(path):
        opened, _ = open_picture(path)
        opened.draft("RGB", (side, side))
        upright = ImageOps.exif_transpose(opened)
        upright.thumbnail((side, side))
        return np.asarray(upright.convert("RGBA"), np.float32) / 255


def read_rgb(path: Path, side: int) -> Float32[np.ndarray, "h w 3"]:
    """As `read_rgba`, on white."""
    return on_white(read_rgba(path, side))


def on_white(rgba: Float32[np.ndarray, "h w 4"]) -> Float32[np.ndarray, "h w 3"]:
    """Straight colour and alpha over white."""
    return np.asarray(rgba[..., :3] * rgba[..., 3:] + (1 - rgba[..., 3:]))


def encoded(image: Float32[np.ndarray, "h w *c"], kind: str = "JPEG") -> bytes:
    """A picture (grey, RGB; RGBA for PNG) as the bytes of a JPEG or PNG file."""
    options: dict[str, Any] = {"quality": JPEG_QUALITY} if kind == "JPEG" else {"optimize": True}
    buffer = io.BytesIO()
    Image.fromarray(to_bytes(image)).save(buffer, kind, **options)
    return buffer.getvalue()


def write_png(path: Path, image: UInt8[np.ndarray, "h w c"]) -> None:
    """Write an RGB or RGBA picture, quickly rather than small, whole or not at all."""
    done, data = cv2.imencode(".png", image[..., [2, 1, 0, *range(3, image.shape[-1])]])
    if not done:
        raise ValueError(f"image must be a picture, got shape {image.shape}")
    write_whole(path, data.tobytes())


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
