"""Pictures inside of files: encoded without loss, decoded with distrust."""

import io
import warnings

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from facecraft4d.toolkit.core.asset import MAX_TEXTURE_SIDE
from facecraft4d.toolkit.core.untrusted.door import Budget
from facecraft4d.toolkit.core.untrusted.pictures import MOST_SCANS, jpeg_scans

PNG_MIME = "image/png"
FORMATS = ("PNG", "JPEG")
"""What is decoded: glTF's own two; nothing else is even tried."""


def encode_png(picture: UInt8[np.ndarray, "h w 3"]) -> bytes:
    """An RGB picture as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()


def decode_picture(data: bytes, budget: Budget) -> UInt8[np.ndarray, "h w 3"]:
    """A PNG or JPEG as RGB. Raises ValueError for anything else, and for too large sides, too many scans or a
    spent budget before it is decoded.

    In this process, unlike other pictures of strangers: who embeds the player may not want a child; the two formats' decoders are small.
    """
    if (scans := jpeg_scans(data)) > MOST_SCANS:
        raise ValueError(f"a picture may have at most {MOST_SCANS} scans, got {scans}")
    with warnings.catch_warnings():  # remarks on odd metadata are nobody's business
        warnings.simplefilter("ignore")
        try:
            opened = Image.open(io.BytesIO(data), formats=FORMATS)
            size = opened.size
            if max(size) <= MAX_TEXTURE_SIDE:
                budget.spend_array((*size, 3), np.uint8, "a picture")
                return np.array(opened.convert("RGB"), np.uint8)
        except Exception as error:
            raise ValueError(f"a picture must be PNG or JPEG, got {error}") from None
    raise ValueError(f"a picture may have at most {MAX_TEXTURE_SIDE} pixels a side, got {size}")
