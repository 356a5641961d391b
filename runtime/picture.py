"""Pictures of an avatar: backgrounds and compositing."""

import re

import numpy as np
from jaxtyping import Float32, UInt8

from facecraft4d.runtime import kernels
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.pixels import to_bytes

Color = tuple[float, float, float]
"""sRGB in [0, 1]."""

NAMED: dict[str, Color | None] = {"white": (1.0, 1.0, 1.0), "black": (0.0, 0.0, 0.0), "transparent": None}
"""Backgrounds with a name."""


def background_color(text: str) -> Color | None:
    """white, black, transparent (None) or #rrggbb. Raises UserError for anything else."""
    if text in NAMED:
        return NAMED[text]
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise UserError(f"background must be {', '.join(NAMED)} or #rrggbb, got {text}")
    red, green, blue = bytes.fromhex(text[1:])
    return red / 255, green / 255, blue / 255


def opaque_color(text: str) -> Color:
    """white, black or #rrggbb. Raises UserError for anything else."""
    color = background_color(text)
    if color is None:
        raise UserError("a window cannot be transparent: choose white, black or #rrggbb")
    return color


def composite(
    premultiplied: Float32[np.ndarray, "h w 4"], background: Color | None
) -> UInt8[np.ndarray, "h w 3"] | UInt8[np.ndarray, "h w 4"]:
    """RGB over a colour, or RGBA with straight alpha over nothing; 8 bit, sRGB as displayed."""
    if background is not None:
        rgb = np.empty((*premultiplied.shape[:2], 3), np.uint8)
        kernels.lay_over(premultiplied, np.array(background, np.float32), rgb)
        return rgb
    color, alpha = premultiplied[..., :3], premultiplied[..., 3:]
    return to_bytes(np.concatenate([color / np.maximum(alpha, 1e-6), alpha], -1))
