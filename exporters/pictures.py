"""Pictures inside of files: encoded without loss, decoded with distrust."""

import io
import warnings

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from facecraft4d.toolkit.core.asset import MAX_TEXTURE_SIDE
from facecraft4d.toolkit.core.pixels import DAMAGED

PNG_MIME = "image/png"
FORMATS = ("PNG", "JPEG")
"""What is decoded: glTF's own two; nothing else is even tried."""


def encode_png(picture: UInt8[np.ndarray, "h w 3"]) -> bytes:
    """An RGB picture as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()


def decode_picture(data: bytes) -> UInt8[np.ndarray, "h w 3"]:
    """A PNG or JPEG as RGB. Raises ValueError for anything else, and for sides above MAX_TEXTURE_SIDE before it is decoded."""
    with warnings.catch_warnings():  # remarks on odd metadata are nobody's business
        warnings.simplefilter("ignore")
        try:
            opened = Image.open(io.BytesIO(data), formats=FORMATS)
            size = opened.size
            if max(size) <= MAX_TEXTURE_SIDE:
                return np.array(opened.convert("RGB"), np.uint8)
        except (*DAMAGED, Image.DecompressionBombError) as error:
            raise ValueError(f"a picture must be PNG or JPEG, got {error}") from None
    raise ValueError(f"a picture may have at most {MAX_TEXTURE_SIDE} pixels a side, got {size}")
