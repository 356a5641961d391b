"""Strangers' pictures: decoded elsewhere, within bounds, as Pillow decodes them; whatever is wrong with one is one line."""

import io
import os
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms
from places import PORTRAITS

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.untrusted import pictures
from facecraft4d.toolkit.core.untrusted.pictures import decode, jpeg_scans

PNG, JPEG = (PORTRAITS / "astronaut.png").read_bytes(), (PORTRAITS / "grace_hopper.jpg").read_bytes()
RGB = np.array(Image.open(io.BytesIO(PNG)).convert("RGB"))


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def test_pixels_are_those_that_pillow_decodes_in_this_process() -> None:
    assert np.array_equal(decode(PNG, "a").pixels, RGB)
    assert np.array_equal(decode(JPEG, "b").pixels, np.array(Image.open(io.BytesIO(JPEG))))


@pytest.mark.slow
def test_strips_of_a_profiled_and_transparent_picture_are_the_picture() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    for mode in ("RGB", "RGBA"):
        image = Image.effect_noise((1500, 1600), 90).convert(mode)
        if mode == "RGBA":
            image.putalpha(Image.linear_gradient("L").resize(image.size))
        adobe = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        found = decode(saved(image, "PNG", icc_profile=adobe), "a").pixels
        wanted = ImageCms.profileToProfile(
            image.convert("RGB"), io.BytesIO(adobe), ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
        assert np.array_equal(found[..., :3], np.asarray(wanted))
        assert mode == "RGB" or np.array_equal(found[..., 3], np.asarray(image)[..., 3])
    assert decode(saved(Image.fromarray(RGB), "PNG", icc_profile=profile.tobytes()), "a").pixels.shape == RGB.shape


def test_postscript_in_a_pictures_clothes_starts_nothing(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    program = f"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n({marker}) (w) file closefile {{}} loop\n"
    begun = time.monotonic()
    with pytest.raises(UserError, match=r"a\.png: expected a picture .*, found a document"):
        decode(program.encode(), "a.png")
    assert time.monotonic() - begun < 5 and not marker.exists()


def png(width: int, height: int, rows: bytes) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def tiff_pages(count: int) -> bytes:
    """Directories of one entry, each leading to the next, behind a page of 64 x 64."""
    first = saved(Image.new("L", (64, 64)), "TIFF")
    place = struct.unpack_from("<I", first, 4)[0]
    entries = struct.unpack_from("<H", first, place)[0]
    link, pages, data = place + 2 + 12 * entries, b"", bytearray(first)
    end = len(data)
    for index in range(count):
        following = end + (len(pages) + 2 + 12 * entries + 4 if index < count - 1 else -end)
        pages += data[place:link] + struct.pack("<I", max(following, 0))
    data[link : link + 4] = struct.pack("<I", end)
    return bytes(data) + pages


CRAFTED: dict[str, Callable[[], bytes]] = {
    "64,000,000 x 1": lambda: png(64_000_000, 1, bytes(64_000_001)),
    "1 x 64,000,000": lambda: png(1, 64_000_000, bytes(128_000_000)),
    "a thousand scans": lambda: JPEG[:2] + b"\xff\xda\x00\x02" * 1000 + b"\xff\xd9",
    "sides of 2^31": lambda: png(2**31 - 1, 2**31 - 1, b""),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CRAFTED)
def test_slow_and_huge_pictures_are_refused_before_they_are_decoded(case: str) -> None:
    content = CRAFTED[case]()
    decode(PNG, "warm")
    begun = time.monotonic()
    with pytest.raises(UserError, match="expected"):
        decode(content, case)
    assert time.monotonic() - begun < 2


@pytest.mark.slow
def test_thousands_of_pages_cost_nothing() -> None:
    content = tiff_pages(20_000)
    begun = time.monotonic()
    assert decode(content, "a").several
    assert time.monotonic() - begun < 2


@pytest.mark.slow
def test_a_decoder_that_takes_too_long_is_ended_and_the_next_picture_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (6000, 6000), np.uint8))
    slow = saved(noise, "PNG", compress_level=1)
    if hasattr(os, "fork"):
        monkeypatch.setattr(pictures, "SECONDS", -1.0)
        monkeypatch.setattr(pictures, "SECONDS_A_MEGAPIXEL", 0.0)
    else:
        monkeypatch.setattr(pictures, "PATIENCE_SECONDS", 0.05)
    with pytest.raises(UserError, match=r"a: expected .*, found one that takes too long while it is decoded"):
        decode(slow, "a")
    monkeypatch.undo()
    assert decode(PNG, "b").pixels.shape == RGB.shape


def test_a_child_that_dies_between_pictures_is_started_again() -> None:
    decode(PNG, "a")
    pictures._CHILD._process.kill()  # type: ignore[union-attr]
    pictures._CHILD._process.wait()  # type: ignore[union-attr]
    assert decode(PNG, "b").pixels.shape == RGB.shape


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="limits of memory are the system's")
def test_a_decoder_that_wants_too_much_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    content = saved(Image.new("RGB", (7000, 7000)), "PNG")
    pictures._CHILD.stop()
    monkeypatch.setattr(pictures, "MEMORY_BYTES", 192 << 20)
    with pytest.raises(UserError, match="too much memory"):
        decode(content, "a")
    pictures._CHILD.stop()


def test_scans_are_counted_to_the_end_of_the_picture_alone() -> None:
    once, often = (
        saved(Image.fromarray(RGB), "JPEG", progressive=progressive, exif=b"Exif\0\0" + b"\xff\xda" * 200)
        for progressive in (False, True)
    )
    assert jpeg_scans(once) == 1 and 2 < jpeg_scans(often) < 20
    assert jpeg_scans(once + b"\xff\xda" * 500) == 1
    assert jpeg_scans(PNG + b"\xff\xda" * 500) == 0
    assert jpeg_scans(b"\xff\xd8") == 0 and jpeg_scans(b"\xff\xd8\xff\xe0") == 0
    assert np.array_equal(decode(once + b"film" * 1000, "a").pixels, np.array(Image.open(io.BytesIO(once))))
