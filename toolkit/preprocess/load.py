"""Read a photograph of any usual kind as upright 8-bit sRGB, or refuse it in one clear line."""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image, ImageCms, ImageOps

from facecraft4d.toolkit.images import open_picture, refusing_damage


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
    with refusing_damage(path):
        image, content = open_picture(path)
        several = getattr(image, "n_frames", 1) > 1
        image.load()
        rgb, alpha = _rgb_and_alpha(ImageOps.exif_transpose(image))
    notes: tuple[str, ...] = ("the file holds several pictures: the first was taken",) if several else ()
    if alpha is not None:
        alpha, alpha_notes = _meaningful(alpha)
        notes += alpha_notes
    if alpha is not None:
        rgb = np.rint(rgb * alpha[..., None] + 255 * (1 - alpha[..., None])).astype(np.uint8)
    return Photo(str(path), rgb, alpha, hashlib.sha256(content).hexdigest(), notes)


def _rgb_and_alpha(image: Image.Image) -> tuple[UInt8[np.ndarray, "h w 3"], Float32[np.ndarray, "h w"] | None]:
    """Eight bits and sRGB from every mode of Pillow; straight alpha in [0, 1] where there is one."""
    if image.mode in ("F", "I") or image.mode.startswith("I;16"):
        return np.repeat(_eight_bits(np.asarray(image))[..., None], 3, -1), None
    alpha = None
    if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        alpha = np.asarray(image.getchannel("A"), np.float32) / 255
    return np.array(_in_srgb(image)), alpha


def _eight_bits(values: np.ndarray) -> UInt8[np.ndarray, "h w"]:
    """Grey values of 16 bits, or of floating point in [0, 1] or [0, 255], as 8 bits."""
    finite = np.nan_to_num(values.astype(np.float64), posinf=0, neginf=0)
    top = finite.max(initial=0)
    scale = 1 / 257 if top > 255 else 255 if values.dtype.kind == "f" and top <= 1 else 1
    return np.clip(np.rint(finite * scale), 0, 255).astype(np.uint8)


def _in_srgb(image: Image.Image) -> Image.Image:
    """RGB through the picture's own colour profile; a profile that cannot be read is left out."""
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "RGBA", "CMYK"):
        source = image.convert("RGB") if image.mode == "RGBA" else image
        try:
            converted = ImageCms.profileToProfile(
                source, io.BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
        except (ImageCms.PyCMSError, OSError):
            return image.convert("RGB")
        return converted if converted is not None else source
    return image.convert("RGB")


def _meaningful(alpha: Float32[np.ndarray, "h w"]) -> tuple[Float32[np.ndarray, "h w"] | None, tuple[str, ...]]:
    """Keep an alpha channel that cuts something out: part of the picture opaque, part of it clear."""
    if (alpha > 0.9).mean() < 0.02:
        return None, ("the picture's alpha channel is empty: ignored",)
    if (alpha < 0.1).mean() < 0.02:
        return None, ()
    return alpha, ("the picture's own alpha channel is the matte",)
