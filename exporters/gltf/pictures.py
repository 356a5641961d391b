"""Pictures inside of files, decoded with distrust."""

import io
import warnings

import numpy as np
from jaxtyping import UInt8

from facecraft4d.toolkit.core.asset import MAX_TEXTURE_SIDE
from facecraft4d.toolkit.core.untrusted.door import Budget
from facecraft4d.toolkit.core.untrusted.pictures import jpeg_scans

PNG_MIME = "image/png"
FORMATS = ("PNG", "JPEG")
"""What is decoded: glTF's own two; nothing else is even tried."""
MOST_SCANNED = 500_000_000
"""Pixels of a progressive JPEG in all its scans: seven over the largest picture, some seconds."""


def decode_picture(data: bytes, budget: Budget) -> UInt8[np.ndarray, "h w 3"]:
    """A PNG or JPEG as RGB. Raises ValueError for anything else, and for too large sides, too many scans or a spent budget before it is
    decoded.

    In this process, unlike other pictures of strangers: who embeds the player may not want a child; the two formats' decoders are small.
    """
    from PIL import Image  # slow to import, and an avatar may have no picture

    with warnings.catch_warnings():  # remarks on odd metadata are nobody's business
        warnings.simplefilter("ignore")
        try:
            opened = Image.open(io.BytesIO(data), formats=FORMATS)
            width, height = opened.size
            if max(width, height) > MAX_TEXTURE_SIDE:
                raise ValueError(f"at most {MAX_TEXTURE_SIDE} pixels a side, got {opened.size}")
            if (scans := jpeg_scans(data)) * width * height > MOST_SCANNED:
                raise ValueError(
                    f"at most {MOST_SCANNED // 10**6} megapixels in all scans, got {scans} of {opened.size}"
                )
            budget.spend_array((height, width, 3), np.uint8, "a picture")
            return np.array(opened.convert("RGB"), np.uint8)
        except Exception as error:
            raise ValueError(f"a picture must be a sound PNG or JPEG: {error}") from None
