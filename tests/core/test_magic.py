"""Files that are no picture are called by their name; pictures are not."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin
from places import PORTRAITS

from facecraft4d.toolkit.core.untrusted.magic import HEAD_BYTES, RAW, VIDEO, kind_of


def tiff(entries: dict[int, tuple[int, int]], order: str = "<") -> bytes:
    """A TIFF's header and first directory: tag to type and value."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    rows = b"".join(
        struct.pack(f"{order}HHI{'HH' if kind == 3 else 'I'}", tag, kind, 1, *((value, 0) if kind == 3 else (value,)))
        for tag, (kind, value) in sorted(entries.items())
    )
    return mark + struct.pack(f"{order}IH", 8, len(entries)) + rows + bytes(64)


SMALL_COPY_OF_A_CAMERA = {254: (4, 1), 256: (4, 160), 271: (2, 0), 330: (4, 0)}
KINDS = {
    "dng": (tiff({254: (4, 0), 50706: (1, 0x0401)}), RAW),
    "nef": (tiff(SMALL_COPY_OF_A_CAMERA, ">"), RAW),
    "arw": (tiff(SMALL_COPY_OF_A_CAMERA), RAW),
    "cr2": (b"II*\0\x10\0\0\0CR\x02\0" + bytes(50), RAW),
    "cr3": (b"\0\0\0\x18ftypcrx \0\0\0\x01", RAW),
    "orf": (b"IIRO\x08\0\0\0", RAW),
    "rw2": (b"IIU\0\x18\0\0\0", RAW),
    "raf": (b"FUJIFILMCCD-RAW 0201", RAW),
    "mp4": (b"\0\0\0\x18ftypmp42\0\0\0\0", VIDEO),
    "mov": (b"\0\0\0\x14ftypqt  \0\0\0\0", VIDEO),
    "webm": (b"\x1a\x45\xdf\xa3\x01\0", VIDEO),
    "avi": (b"RIFF\0\0\0\0AVI LIST", VIDEO),
    "psd": (b"8BPS\0\x01", "image editor"),
    "pdf": (b"%PDF-1.7", "document"),
    "svg": (b'\xef\xbb\xbf<?xml version="1.0"?>\n<svg xmlns="x"/>', "vector drawing"),
    "web page": (b"\n<!DOCTYPE html><html>", "web page"),
    "jpeg xl": (b"\xff\x0a\xfa\x1f", "JPEG XL"),
    "jpeg xl in a box": (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    "zip": (b"PK\x03\x04\x14\0", "archive"),
    "tar": (bytes(257) + b"ustar\x0000", "archive"),
}


@pytest.mark.parametrize("name", KINDS)
def test_what_is_no_picture_is_named(name: str):
    content, words = KINDS[name]
    assert words in kind_of(content) and "; " in kind_of(content)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "AVIF"])
def test_pictures_are_not_named(format: str):
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(buffer, format)
    assert kind_of(buffer.getvalue()[:HEAD_BYTES]) == ""


def test_a_picture_of_a_camera_exported_as_tiff_is_no_raw_file():
    """A camera's maker in a TIFF is no sign of a raw file."""
    about = TiffImagePlugin.ImageFileDirectory_v2()
    about[271] = "NIKON CORPORATION"
    buffer = io.BytesIO()
    Image.open(PORTRAITS / "grace_hopper.jpg").save(buffer, "TIFF", tiffinfo=about)
    assert kind_of(buffer.getvalue()[:HEAD_BYTES]) == ""


def test_any_cut_of_any_file_is_told_without_an_error():
    contents = [content for content, _ in KINDS.values()] + [b"", np.random.default_rng(0).bytes(4000)]
    for content in contents:
        for end in range(min(len(content), 80)):
            assert isinstance(kind_of(content[:end]), str)
