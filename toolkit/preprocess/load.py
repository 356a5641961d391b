"""Read a photograph of any usual kind as upright 8-bit sRGB, or refuse it in one clear line."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8

from facecraft4d.toolkit.images import read_picture


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """A photograph, upright, on white where it is transparent."""

    name: str
    """The path as the user gave it, for messages."""
    rgb: UInt8[np.ndarray, "h w 3"]
    alpha: Float32[np.ndarray, "h w"] | None
    """Its own cut-out in [0, 1], if it has a meaningful one."""
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
        rgb = np.rint(rgb * alpha[..., None] + 255 * (1 - alpha[..., None])).astype(np.uint8)
    return Photo(str(path), rgb, alpha, hashlib.sha256(content).hexdigest(), notes)


def _rgb_and_alpha(pixels: np.ndarray) -> tuple[UInt8[np.ndarray, "h w 3"], Float32[np.ndarray, "h w"] | None]:
    """Eight bits of every kind of picture; straight alpha in [0, 1] where there is one."""
    if pixels.ndim == 2:
        return np.repeat(_eight_bits(pixels)[..., None], 3, -1), None
    if pixels.shape[2] == 3:
        return pixels, None
    return np.ascontiguousarray(pixels[..., :3]), pixels[..., 3].astype(np.float32) / 255


def _eight_bits(values: np.ndarray) -> UInt8[np.ndarray, "h w"]:
    """Grey values of 16 bits, or of floating point in [0, 1] or [0, 255], as 8 bits."""
    finite = np.nan_to_num(values.astype(np.float64), posinf=0, neginf=0)
    top = finite.max(initial=0)
    scale = 1 / 257 if top > 255 else 255 if values.dtype.kind == "f" and top <= 1 else 1
    return np.clip(np.rint(finite * scale), 0, 255).astype(np.uint8)


def _meaningful(alpha: Float32[np.ndarray, "h w"]) -> tuple[Float32[np.ndarray, "h w"] | None, tuple[str, ...]]:
    """Keep an alpha channel that cuts something out: part of the picture opaque, part of it clear."""
    if (alpha > 0.9).mean() < 0.02:
        return None, ("the picture's alpha channel is empty: ignored",)
    if (alpha < 0.1).mean() < 0.02:
        return None, ()
    return alpha, ("the picture's own alpha channel is the matte",)
