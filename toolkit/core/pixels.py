"""Colours between [0, 1] and bytes: the one rounding of every picture that this project keeps, shows or writes."""

import numpy as np
from jaxtyping import Float, UInt8


def to_bytes(image: Float[np.ndarray, "*s"]) -> UInt8[np.ndarray, "*s"]:
    """Values in [0, 1] to 0..255, rounded to the nearest, a half upwards; others are clipped."""
    return np.asarray(np.clip(image, 0, 1) * 255 + 0.5, np.uint8)
