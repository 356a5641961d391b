"""Read a photograph of any usual kind as upright 8-bit sRGB, or refuse it in one clear line."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from facecraft4d.toolkit.images import read_picture

ROWS = 64
"""Of a picture that are made floating point at a time."""
CLEAR, OPAQUE = 0.1 * 255, 0.9 * 255
"""Alpha below which nothing is there, and above which all is."""


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """A photograph, upright, on white where it is transparent."""

    name: str
    """The path as the user gave it, for messages."""
    rgb: UInt8[np.ndarray, "h w 3"]
    alpha: UInt8[np.ndarray, "h w"] | None
    """Its own cut-out, if it has a meaningful one."""
    sha256: str
    notes: tuple[str, ...]


def read(path: Path) -> Photo:
    """Read a photograph; the header is checked before any pixel is decoded. UserError for everything that cannot be used."""
    picture, content = read_picture(path)
    rgb, alpha = _rgb_and_alpha(picture.pixels)
    notes: tuple[str, ...] = ("the file holds several pictures: the first was taken",) if picture.several else ()
    if alpha is not None:
        alpha, alpha_notes = _meaningful(alpha)
        notes += alpha_notes
    if alpha is not None:
        _lay_on_white(rgb, alpha)
    return Photo(str(path), rgb, alpha, hashlib.sha256(content).hexdigest(), notes)


def _rgb_and_alpha(pixels: np.ndarray) -> tuple[UInt8[np.ndarray, "h w 3"], UInt8[np.ndarray, "h w"] | None]:
    """Eight bits of every kind of picture, and straight alpha where there is one."""
    if pixels.ndim == 2:
        return np.repeat(_eight_bits(pixels)[..., None], 3, -1), None
    if pixels.shape[2] == 3:
        return pixels, None
    return np.ascontiguousarray(pixels[..., :3]), pixels[..., 3].copy()


def _lay_on_white(rgb: UInt8[np.ndarray, "h w 3"], alpha: UInt8[np.ndarray, "h w"]) -> None:
    """In place, some rows at a time: a photograph of 64 megapixels in floating point is a gigabyte."""
    for top in range(0, len(rgb), ROWS):
        rows = slice(top, top + ROWS)
        weight = alpha[rows, :, None].astype(np.float32) / 255
        rgb[rows] = np.rint(rgb[rows] * weight + 255 * (1 - weight)).astype(np.uint8)


def _eight_bits(values: np.ndarray) -> UInt8[np.ndarray, "h w"]:
    """Grey values of 16 bits, or of floating point in [0, 1] or [0, 255], as 8 bits; what is no number is black."""
    top = max((float(np.max(row, initial=0, where=np.isfinite(row))) for row in values), default=0.0)
    scale = 1 / 257 if top > 255 else 255 if values.dtype.kind == "f" and top <= 1 else 1
    grey = np.empty(values.shape, np.uint8)
    for row, target in zip(values, grey, strict=True):
        finite = np.nan_to_num(row.astype(np.float64), posinf=0, neginf=0)
        target[:] = np.clip(np.rint(finite * scale), 0, 255)
    return grey


def _meaningful(alpha: UInt8[np.ndarray, "h w"]) -> tuple[UInt8[np.ndarray, "h w"] | None, tuple[str, ...]]:
    """Keep an alpha channel that cuts something out: part of the picture opaque, part of it clear."""
    if (alpha > OPAQUE).mean() < 0.02:
        return None, ("the picture's alpha channel is empty: ignored",)
    if (alpha < CLEAR).mean() < 0.02:
        return None, ()
    return alpha, ("the picture's own alpha channel is the matte",)
