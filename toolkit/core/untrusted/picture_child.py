"""The program of the child that decodes strangers' pictures (pictures.py): Pillow and the standard library.

It reads requests from its standard input, a line of JSON and then the picture's bytes, and answers on its standard output with a line of
JSON and then pixels, row by row. What kills it kills nothing else. It limits its own memory and processor time where the platform can.
"""

import io
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from facecraft4d.toolkit.core.untrusted.limits import limit_memory, limit_seconds

STRIP_PIXELS = 1 << 20
"""Pixels that are converted at a time: a few MiB beside the decoded picture."""

Strips = Iterator[bytes]


class Refused(Exception):
    """What was expected of a picture and what was found, in words."""


def main() -> None:
    """Answer requests until the input ends."""
    limit_memory(int(sys.argv[1]))
    warnings.simplefilter("ignore")  # remarks on odd metadata are nobody's business
    Image.MAX_IMAGE_PIXELS = None  # the request says how many are too many
    Image.init()
    _read_heic_too()
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while line := source.readline():
        request = json.loads(line)
        content = source.read(request["bytes"])
        limit_seconds(request["seconds"])  # for the header
        answer, strips = _answer(request, content)
        sink.write(json.dumps(answer).encode() + b"\n")
        for strip in strips:
            sink.write(strip)
        sink.flush()


def _read_heic_too() -> None:
    try:
        import pi_heif
    except ImportError:
        return  # an extra package brings it
    pi_heif.register_heif_opener()


def _answer(request: dict[str, Any], content: bytes) -> tuple[dict[str, Any], Strips]:
    """The line of JSON, and the strips of pixels that follow it."""
    try:
        image = _opened(request, content)
        limit_seconds(request["seconds"] + request["seconds_a_megapixel"] * image.width * image.height / 1e6)
        several, side = bool(getattr(image, "is_animated", False)), request["side"]
        image, mode, strips = _shrunk(image, side) if side else _whole(image, request["wide_modes"])
        return {"several": several, "mode": mode, "size": image.size}, strips
    except Refused as refusal:
        return {"refused": refusal.args}, iter(())
    except MemoryError:
        return {"refused": ("", "one that takes too much memory to decode; save it smaller, or as JPEG")}, iter(())
    except Exception as error:
        return {"damaged": f"{type(error).__name__} {error}"[:500].strip()}, iter(())


def _opened(request: dict[str, Any], content: bytes) -> Image.Image:
    """A picture opened by its header alone, within the request's limits."""
    formats = [name for name in request["formats"] if name in Image.OPEN]
    try:
        image = Image.open(io.BytesIO(content), formats=formats)
    except UnidentifiedImageError:
        raise Refused("", "something else; convert it first") from None
    width, height = image.size
    found, most, least = f"{width} x {height}", request["most_pixels"], request["least_side"]
    if width * height > most:
        raise Refused(f"at most {most / 1e6:.0f} megapixels", f"{width * height / 1e6:.0f} ({found}); scale it down")
    if min(width, height) < least:
        raise Refused(f"sides of at least {least} pixels", found)
    if max(width, height) > request["most_aspect"] * min(width, height):
        raise Refused(f"one side at most {request['most_aspect']} times the other", f"{found}; cut it")
    return image


def _shrunk(image: Image.Image, side: int) -> tuple[Image.Image, str, Strips]:
    """Upright, its longer side at most `side`, with alpha."""
    image.draft("RGB", (side, side))
    image = ImageOps.exif_transpose(image)
    image.thumbnail((side, side))
    return image, "RGBA", _strips(image, lambda part: part.convert("RGBA"))


def _whole(image: Image.Image, wide_modes: list[str]) -> tuple[Image.Image, str, Strips]:
    """Upright and in sRGB, with alpha where it has any; grey of more than eight bits, which `wide_modes` are, as it is."""
    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    if image.mode in wide_modes:
        return image, image.mode, _strips(image, lambda part: part)
    in_srgb = _to_srgb(image)
    if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
        return image, "RGBA", _strips(image, lambda part: _with_alpha(part.convert("RGBA"), in_srgb))
    return image, "RGB", _strips(image, in_srgb)


def _strips(image: Image.Image, convert: Callable[[Image.Image], Image.Image]) -> Strips:
    """The picture's bytes a few rows at a time, so that no second picture of its size is made."""
    width, height = image.size
    rows = max(1, STRIP_PIXELS // width)
    for top in range(0, height, rows):
        yield convert(image.crop((0, top, width, min(top + rows, height)))).tobytes()


def _with_alpha(part: Image.Image, in_srgb: Callable[[Image.Image], Image.Image]) -> Image.Image:
    colors = in_srgb(part)
    colors.putalpha(part.getchannel("A"))
    return colors


def _to_srgb(image: Image.Image) -> Callable[[Image.Image], Image.Image]:
    """To RGB through the picture's own colour profile; a profile that cannot be read is left out."""
    profile, has_alpha = image.info.get("icc_profile"), image.mode == "RGBA"
    if profile and image.mode in ("RGB", "RGBA", "CMYK"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            mode = "RGB" if has_alpha else image.mode
            transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
        except (ImageCms.PyCMSError, OSError):
            return lambda part: part.convert("RGB")
        return lambda part: ImageCms.applyTransform(part.convert(mode), transform) or part
    return lambda part: part.convert("RGB")


if __name__ == "__main__":
    main()
