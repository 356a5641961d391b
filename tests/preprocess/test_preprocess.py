"""A portrait follows the photograph: framed, repeatable, whole; what holds no usable face is refused in one line."""

import hashlib
import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from photographs import ASTRONAUT, HOPPER, SMALL, build, pixels
from PIL import Image

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Portrait
from facecraft4d.toolkit.landmarks.points import FACE_OVAL


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hopper", "astronaut"])
def test_portrait_is_framed(name: str, request: pytest.FixtureRequest):
    """Roll gone, face in the middle column, head and neck inside with a margin, white where there is no head."""
    portrait = request.getfixturevalue(name)
    size = len(portrait.alpha)
    eyes = portrait.landmarks[[33, 133, 362, 263], :2].reshape(2, 2, 2).mean(1)
    assert abs(np.degrees(np.arctan2(*(eyes[1] - eyes[0])[::-1]))) < 0.5
    assert abs(portrait.landmarks[list(FACE_OVAL), 0].mean() - size / 2) < 0.03 * size
    rows, columns = np.flatnonzero(portrait.alpha.max(1) > 0.5), np.flatnonzero(portrait.alpha.max(0) > 0.5)
    assert rows[0] > 0.02 * size and rows[-1] < 0.98 * size and columns[0] > 0.02 * size and columns[-1] < 0.98 * size
    assert rows[-1] > portrait.landmarks[152, 1] + 0.1 * size  # some neck under the chin
    assert np.all(portrait.image[portrait.alpha == 0] == 1)
    assert 0 <= portrait.image.min() and portrait.image.max() <= 1 and portrait.alpha.max() == 1


def test_frontal_head_rotation_faces_the_camera(hopper: Portrait):
    assert np.allclose(hopper.head_rotation, np.diag([1, -1, -1]), atol=0.15)
    assert np.allclose(hopper.head_rotation @ hopper.head_rotation.T, np.eye(3), atol=1e-5)


@pytest.mark.slow
def test_same_photo_same_portrait(hopper: Portrait):
    again = build(HOPPER)
    for name in ("image", "alpha", "landmarks", "expression", "head_rotation", "crop_from_photo"):
        assert np.array_equal(getattr(again, name), getattr(hopper, name)), name
    assert again.ingredients == hopper.ingredients


@pytest.mark.slow
def test_greyscale_portrait_builds(tmp_path: Path, hopper: Portrait):
    Image.open(HOPPER).convert("L").save(tmp_path / "grey.png")
    grey = build(tmp_path / "grey.png")
    assert (
        np.abs(grey.landmarks[:, :2] - hopper.landmarks[:, :2]).mean() < 3 and np.ptp(grey.image, axis=-1).max() < 1e-5
    )


@pytest.mark.slow
def test_own_alpha_is_the_matte(tmp_path: Path, astronaut: Portrait):
    """A cut-out is kept as it is: a disc around the head instead of its outline."""
    rgb = pixels(ASTRONAUT)
    y, x = np.mgrid[: rgb.shape[0], : rgb.shape[1]]
    disc = ((x - 225) ** 2 + (y - 110) ** 2 < 90**2) * np.uint8(255)
    Image.fromarray(np.dstack([rgb, disc])).save(tmp_path / "cut.png")
    portrait = build(tmp_path / "cut.png")
    assert any("alpha" in note for note in portrait.notes)
    corner = portrait.crop_from_photo @ np.array([225 - 80, 110, 1])
    assert portrait.alpha[int(corner[1]), int(corner[0])] > 0.95  # background in the photo, inside the disc


@pytest.mark.slow
def test_several_faces_take_the_largest_and_say_so(tmp_path: Path):
    """The largest face is taken with a note; --face takes another without one."""
    both = np.concatenate([pixels(ASTRONAUT), pixels(HOPPER)[:512]], 1)
    Image.fromarray(both).save(tmp_path / "both.png")
    largest = build(tmp_path / "both.png")
    assert any("2 faces" in note for note in largest.notes) and largest.landmarks[1, 0] < 256
    smaller = build(tmp_path / "both.png", replace(SMALL, face=1))
    center = np.linalg.inv(smaller.crop_from_photo) @ np.array([128, 128, 1])
    assert center[0] < 512 and not any("faces" in note for note in smaller.notes)


@pytest.mark.slow
def test_head_beyond_the_border_is_filled_with_white(tmp_path: Path):
    Image.fromarray(pixels(ASTRONAUT)[40:, 100:]).save(tmp_path / "cut.png")
    portrait = build(tmp_path / "cut.png")
    assert any("border cuts the head" in note for note in portrait.notes)
    assert np.all(portrait.image[:4] == 1) and portrait.alpha[:4].max() == 0


def png_of_size(width: int, height: int) -> bytes:
    """A PNG whose header claims that size; its pixels are missing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


def encoded(rgb: np.ndarray, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, kind)
    return buffer.getvalue()


def scans(count: int) -> bytes:
    """A progressive JPEG that goes over its picture so often."""
    buffer = io.BytesIO()
    Image.fromarray(pixels(ASTRONAUT)).save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * (count - data.count(b"\xff\xda") + 1) + data[-2:]


def side_view() -> np.ndarray:
    """The head squeezed and sheared as no frontal head looks, far beyond what is accepted."""
    return pixels(HOPPER)[:, :265]


def shrunk(face_pixels: int) -> np.ndarray:
    scale = face_pixels / 91.5
    return cv2.resize(pixels(ASTRONAUT), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "empty file"),
    "text": (lambda: b"this is no picture", "found something else"),
    "zeros": (lambda: bytes(5000), "found something else"),
    "noise bytes": (lambda: np.random.default_rng(0).bytes(5000), "found something else"),
    "svg": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "found a vector drawing"),
    "pdf": (lambda: b"%PDF-1.4\n%%EOF", "found a document"),
    "postscript": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "found a document"),
    "video": (lambda: b"\0\0\0\x18ftypmp42" + bytes(100), "found a video; take a still of it"),
    "raw": (lambda: b"FUJIFILMCCD-RAW 0201" + bytes(100), "found a camera's raw file; export it as JPEG"),
    "png signature only": (lambda: b"\x89PNG\r\n\x1a\n", "found"),
    "jpeg signature only": (lambda: b"\xff\xd8\xff\xe0", "found"),
    "truncated jpeg": (lambda: HOPPER.read_bytes()[:20_000], "truncated or damaged"),
    "truncated png": (lambda: ASTRONAUT.read_bytes()[:200_000], "truncated or damaged"),
    "truncated webp": (lambda: encoded(pixels(ASTRONAUT), "WEBP")[:3000], "found"),
    "pixels missing": (lambda: png_of_size(400, 400), "truncated or damaged"),
    "65 megapixels": (lambda: png_of_size(8125, 8000), "64 megapixels"),
    "bomb": (lambda: png_of_size(60_000, 60_000), "64 megapixels"),
    "one pixel": (lambda: encoded(np.zeros((1, 1, 3), np.uint8)), "sides of at least 64 pixels"),
    "thin line": (lambda: encoded(np.zeros((1, 3000, 3), np.uint8)), "sides of at least 64 pixels"),
    "strip": (lambda: encoded(np.zeros((64, 1300, 3), np.uint8)), "at most 20 times"),
    "a thousand scans": (lambda: scans(1000), "at most 100 scans, found 1000"),
    "black": (lambda: encoded(np.zeros((400, 300, 3), np.uint8)), "almost black"),
    "nearly black": (lambda: encoded((pixels(ASTRONAUT) * 0.02).astype(np.uint8)), "almost black"),
    "noise": (
        lambda: encoded(np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8)),
        "expected a face",
    ),
    "torso only": (lambda: encoded(pixels(ASTRONAUT)[260:]), "expected a face"),
    "small face": (lambda: encoded(shrunk(55)), "64 pixels"),
    "half a face": (lambda: encoded(side_view()), "found"),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_in_one_clear_line(case: str, tmp_path: Path):
    make, reason = BAD[case]
    path = tmp_path / "portrait.png"
    path.write_bytes(make())
    with pytest.raises(UserError) as caught:
        build(path)
    message = str(caught.value)
    assert message.startswith(str(path)) and "expected" in message and reason in message and "\n" not in message
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.slow
@pytest.mark.parametrize("index", [1, 5, -1])
def test_face_out_of_range_is_refused(index: int):
    with pytest.raises(UserError, match="--face between 0 and 0"):
        build(HOPPER, replace(SMALL, face=index))


def test_missing_file_and_folder_are_refused(tmp_path: Path):
    with pytest.raises(UserError, match="found no such file"):
        build(tmp_path / "missing.jpg")
    with pytest.raises(UserError, match="found a folder"):
        build(tmp_path)
    with pytest.raises(UserError, match="found"):
        build(HOPPER / "inside_a_file.jpg")


@pytest.mark.slow
def test_an_anonymous_portrait_does_not_tell_its_photograph(hopper: Portrait) -> None:
    unknown = build(HOPPER, replace(SMALL, anonymous=True))
    (photograph,) = (each for each in unknown.ingredients if each.name == "photograph")
    assert photograph.sha256 == "" and photograph.commercial_use
    sha256 = hashlib.sha256(HOPPER.read_bytes()).hexdigest()
    assert sha256 in repr(hopper.ingredients) and sha256 not in repr(unknown)
    assert np.array_equal(unknown.image, hopper.image)
