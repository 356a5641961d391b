"""Colours between [0, 1] and bytes, and bytes as a file: the one rounding and the one encoding of every picture that is kept, shown or sent."""

import io

import numpy as np
from jaxtyping import Float, UInt8


def to_bytes(image: Float[np.ndarray, "*s"]) -> UInt8[np.ndarray, "*s"]:
    """Values in [0, 1] to 0..255, rounded to the nearest, a half upwards; others are clipped."""
    scaled = np.clip(image, 0, 1)
    scaled *= 255  # in place: what this takes is the making of arrays
    scaled += 0.5
    return np.asarray(scaled, np.uint8)


def linear_from_srgb(values: Float[np.ndarray, "*s"]) -> Float[np.ndarray, "*s"]:
    """Linear light of sRGB values in [0, 1] (IEC 61966-2-1), in float64."""
    display = values.astype(np.float64)
    return np.where(display <= 0.04045, display / 12.92, ((display + 0.055) / 1.055) ** 2.4)


def srgb_from_linear(values: Float[np.ndarray, "*s"]) -> Float[np.ndarray, "*s"]:
    """sRGB values of linear light, both in [0, 1] (IEC 61966-2-1), in float64; what is outside is clipped."""
    light = np.clip(values.astype(np.float64), 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def encoded_bytes(image: UInt8[np.ndarray, "h w *c"], kind: str, **options: int) -> bytes:
    """Grey, RGB or RGBA as a file of that kind of Pillow's: whole in memory, since Pillow takes a file cut short by a full disk for a whole one."""
    from PIL import Image  # slow to import, and most who read or write an avatar's numbers need none

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind, **options)
    return buffer.getvalue()
