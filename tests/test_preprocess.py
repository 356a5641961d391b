"""A portrait follows the photograph, whatever way the photograph is stored; what cannot be used is refused in one line."""

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from facecraft4d.toolkit import preprocess
from facecraft4d.toolkit.config import PreprocessConfig
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Portrait
from facecraft4d.toolkit.landmarks.points import FACE_OVAL
from facecraft4d.toolkit.preprocess import align, load, matte

PORTRAITS = Path(__file__).parent.parent / "samples" / "portraits"
HOPPER, ASTRONAUT = PORTRAITS / "grace_hopper.jpg", PORTRAITS / "astronaut.png"
SMALL = PreprocessConfig(size=256)


def build(path: Path, config: PreprocessConfig = SMALL) -> Portrait:
    return preprocess.run(path, config, lambda progress: None)


def pixels(path: Path) -> np.ndarray:
    return np.array(Image.open(path).convert("RGB"))


@pytest.fixture(scope="module")
def hopper() -> Portrait:
    return build(HOPPER)


@pytest.fixture(scope="module")
def astronaut() -> Portrait:
    return build(ASTRONAUT)


# -- the portrait ------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("name", ["hopper", "astronaut"])
def test_the_matte_holds_the_face_and_lets_the_background_go(name: str, request: pytest.FixtureRequest):
    portrait = request.getfixturevalue(name)
    size = len(portrait.alpha)
    assert portrait.alpha[matte.face_region(portrait.landmarks, size)].min() > 0.99
    assert portrait.alpha[:, : size // 10].max() == 0 and portrait.alpha[:, -size // 10 :].max() == 0
    labels = cv2.connectedComponents((portrait.alpha > 0.05).astype(np.uint8))[0]
    assert labels == 2


def test_the_space_suit_is_no_part_of_the_head(astronaut: Portrait):
    """Beside the chin, where the suit's collar ring is in the photograph, there is nothing but the neck's column."""
    size = len(astronaut.alpha)
    chin = int(astronaut.landmarks[152, 1])
    width = float(np.ptp(astronaut.landmarks[list(FACE_OVAL), 0]))
    columns = np.flatnonzero(astronaut.alpha[chin] > 0.3)
    assert np.ptp(columns) < 1.25 * width
    orange = (astronaut.image[..., 0] > 0.7) & (astronaut.image[..., 2] < 0.25) & (astronaut.alpha > 0.3)
    assert orange[chin:].sum() < 1e-4 * size**2


def test_hat_is_part_of_the_head(hopper: Portrait):
    """The hat's top lies far above the forehead's landmark."""
    top = np.flatnonzero(hopper.alpha.max(1) > 0.5)[0]
    height = hopper.landmarks[152, 1] - hopper.landmarks[10, 1]
    assert hopper.landmarks[10, 1] - top > 0.5 * height


def test_crop_is_a_similarity_that_carries_the_landmarks(hopper: Portrait):
    linear = hopper.crop_from_photo[:2, :2].astype(np.float64)
    assert np.allclose(linear @ linear.T, np.eye(2) * np.linalg.det(linear), atol=1e-5) and np.linalg.det(linear) > 0
    found = preprocess.detect.landmarker()(pixels(HOPPER))
    carried = found.landmarks[:, :2] @ linear.T + hopper.crop_from_photo[:2, 2]
    assert np.abs(carried - hopper.landmarks[:, :2]).max() < 1e-2


def test_frontal_head_rotation_faces_the_camera(hopper: Portrait):
    assert np.allclose(hopper.head_rotation, np.diag([1, -1, -1]), atol=0.15)
    assert np.allclose(hopper.head_rotation @ hopper.head_rotation.T, np.eye(3), atol=1e-5)


def test_same_photo_same_portrait(hopper: Portrait):
    again = build(HOPPER)
    for name in ("image", "alpha", "landmarks", "expression", "head_rotation", "crop_from_photo"):
        assert np.array_equal(getattr(again, name), getattr(hopper, name)), name
    assert again.photo_sha256 == hopper.photo_sha256


def test_crop_follows_a_similarity_of_the_photo(astronaut: Portrait, tmp_path: Path):
    """Turned by 20 degrees, shrunk and moved, the photograph gives nearly the same portrait."""
    rgb = pixels(ASTRONAUT)
    turn = cv2.getRotationMatrix2D((225.0, 125.0), 20, 1.2) + np.array([[0, 0, 130], [0, 0, 190]])
    moved = cv2.warpAffine(rgb, turn, (720, 760), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    Image.fromarray(moved).save(tmp_path / "moved.png")
    other = build(tmp_path / "moved.png")
    size = len(astronaut.alpha)
    assert np.abs(other.landmarks[:, :2] - astronaut.landmarks[:, :2]).mean() < 0.012 * size
    both, either = np.minimum(other.alpha, astronaut.alpha).sum(), np.maximum(other.alpha, astronaut.alpha).sum()
    assert both / either > 0.93


# -- the same photograph stored in other ways --------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(orientation: int, tmp_path: Path):
    """Stored any of the eight ways with its EXIF tag, the picture is read the same."""
    upright = Image.open(ASTRONAUT).convert("RGB").crop((100, 0, 400, 260))
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transpose methods that turn upright into stored
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "photo.png", exif=exif)
    assert np.array_equal(load.read(tmp_path / "photo.png").rgb, np.array(upright))


def luma(rgb: np.ndarray) -> np.ndarray:
    return np.array(Image.fromarray(rgb).convert("L"))


STORED: dict[str, Callable[[np.ndarray, Path], None]] = {
    "png": lambda rgb, p: Image.fromarray(rgb).save(p, "PNG"),
    "webp": lambda rgb, p: Image.fromarray(rgb).save(p, "WEBP", lossless=True),
    "tiff": lambda rgb, p: Image.fromarray(rgb).save(p, "TIFF"),
    "bmp": lambda rgb, p: Image.fromarray(rgb).save(p, "BMP"),
    "opaque alpha": lambda rgb, p: Image.fromarray(rgb).convert("RGBA").save(p, "PNG"),
    "empty alpha": lambda rgb, p: Image.fromarray(np.dstack([rgb, np.zeros(rgb.shape[:2], np.uint8)])).save(p, "PNG"),
    "grey": lambda rgb, p: Image.fromarray(luma(rgb)).save(p, "PNG"),
    "grey with alpha": lambda rgb, p: Image.fromarray(luma(rgb)).convert("LA").save(p, "PNG"),
    "grey of 16 bits": lambda rgb, p: Image.fromarray(luma(rgb).astype(np.uint16) * 257).save(p, "PNG"),
    "floating point": lambda rgb, p: Image.fromarray(luma(rgb).astype(np.float32) / 255).save(p, "TIFF"),
    "colour of 16 bits": lambda rgb, p: (
        cv2.imwrite(str(p) + ".png", rgb[..., ::-1].astype(np.uint16) * 257) and Path(str(p) + ".png").replace(p)
    ),
}


@pytest.mark.parametrize("kind", STORED)
def test_lossless_ways_of_storing_read_the_same(kind: str, tmp_path: Path):
    rgb = pixels(ASTRONAUT)[:300, 100:400]
    STORED[kind](rgb, tmp_path / "photo")
    photo = load.read(tmp_path / "photo")
    expected = np.repeat(luma(rgb)[..., None], 3, -1) if "grey" in kind or kind == "floating point" else rgb
    assert photo.alpha is None and np.abs(photo.rgb.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("mode", ["P", "CMYK"])
def test_coarser_ways_of_storing_read_alike(mode: str, tmp_path: Path):
    rgb = pixels(ASTRONAUT)[:300, 100:400]
    image = Image.fromarray(rgb)
    (image.quantize(256) if mode == "P" else image.convert(mode)).save(
        tmp_path / "photo", "PNG" if mode == "P" else "TIFF"
    )
    assert np.abs(load.read(tmp_path / "photo").rgb.astype(int) - rgb).mean() < 12


def test_greyscale_portrait_builds(tmp_path: Path, hopper: Portrait):
    Image.open(HOPPER).convert("L").save(tmp_path / "grey.png")
    grey = build(tmp_path / "grey.png")
    assert (
        np.abs(grey.landmarks[:, :2] - hopper.landmarks[:, :2]).mean() < 3 and np.ptp(grey.image, axis=-1).max() < 1e-5
    )


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


def test_several_faces_take_the_largest_and_say_so(tmp_path: Path):
    both = np.concatenate([pixels(ASTRONAUT), pixels(HOPPER)[:512]], 1)
    Image.fromarray(both).save(tmp_path / "both.png")
    largest = build(tmp_path / "both.png")
    assert any("2 faces" in note for note in largest.notes) and largest.landmarks[1, 0] < 256
    smaller = build(tmp_path / "both.png", replace(SMALL, face=1))
    center = np.linalg.inv(smaller.crop_from_photo) @ np.array([128, 128, 1])
    assert center[0] < 512 and not any("faces" in note for note in smaller.notes)


def test_head_beyond_the_border_is_filled_with_white(tmp_path: Path):
    Image.fromarray(pixels(ASTRONAUT)[40:, 100:]).save(tmp_path / "cut.png")
    portrait = build(tmp_path / "cut.png")
    assert any("border cuts the head" in note for note in portrait.notes)
    assert np.all(portrait.image[:4] == 1) and portrait.alpha[:4].max() == 0


# -- geometry of the crop ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [0.3, 0.9, 1.0, 2.5])
def test_warp_keeps_smooth_pictures_and_places_them(scale: float):
    """A linear ramp stays the same ramp at every scale: no half-pixel shift, no change of brightness."""
    y, x = np.mgrid[:400, :400].astype(np.float32) + 0.5
    ramp = (x * 0.7 + y * 0.3) / 400
    matrix = np.diag([scale, scale, 1.0])
    size = int(380 * scale)
    py, px = (np.mgrid[:size, :size] + 0.5) / scale
    inner = np.s_[8:-8, 8:-8]
    assert np.abs(align.warp(ramp, matrix, size) - (px * 0.7 + py * 0.3) / 400)[inner].max() < 2e-3


def test_warp_does_not_alias():
    """A checkerboard finer than the target's pixels becomes grey."""
    board = (np.indices((800, 800)).sum(0) % 2).astype(np.float32)
    assert np.abs(align.warp(board, np.diag([0.11, 0.11, 1.0]), 80)[4:-4, 4:-4] - 0.5).max() < 0.05


# -- refusals ----------------------------------------------------------------------------------------------------------


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
    "svg": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "found something else"),
    "pdf": (lambda: b"%PDF-1.4\n%%EOF", "found something else"),
    "postscript": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "found something else"),
    "video": (lambda: b"\0\0\0\x18ftypmp42" + bytes(100), "found"),
    "png signature only": (lambda: b"\x89PNG\r\n\x1a\n", "found"),
    "jpeg signature only": (lambda: b"\xff\xd8\xff\xe0", "found"),
    "truncated jpeg": (lambda: HOPPER.read_bytes()[:20_000], "truncated or damaged"),
    "truncated png": (lambda: ASTRONAUT.read_bytes()[:200_000], "truncated or damaged"),
    "truncated webp": (lambda: encoded(pixels(ASTRONAUT), "WEBP")[:3000], "found"),
    "pixels missing": (lambda: png_of_size(400, 400), "truncated or damaged"),
    "65 megapixels": (lambda: png_of_size(8125, 8000), "64 megapixels"),
    "bomb": (lambda: png_of_size(60_000, 60_000), "64 megapixels"),
    "one pixel": (lambda: encoded(np.zeros((1, 1, 3), np.uint8)), "expected a face"),
    "thin line": (lambda: encoded(np.zeros((1, 3000, 3), np.uint8)), "expected a face"),
    "black": (lambda: encoded(np.zeros((400, 300, 3), np.uint8)), "expected a face"),
    "noise": (
        lambda: encoded(np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8)),
        "expected a face",
    ),
    "torso only": (lambda: encoded(pixels(ASTRONAUT)[260:]), "expected a face"),
    "small face": (lambda: encoded(shrunk(55)), "64 pixels"),
    "half a face": (lambda: encoded(side_view()), "found"),
}


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


@pytest.mark.parametrize("index", [1, 5, -1])
def test_face_out_of_range_is_refused(index: int):
    with pytest.raises(UserError, match="--face between 0 and 0"):
        build(HOPPER, replace(SMALL, face=index))


def test_missing_file_and_folder_are_refused(tmp_path: Path):
    with pytest.raises(UserError, match="found nothing"):
        build(tmp_path / "missing.jpg")
    with pytest.raises(UserError, match="found a folder"):
        build(tmp_path)
    with pytest.raises(UserError, match="found"):
        build(HOPPER / "inside_a_file.jpg")


@pytest.mark.parametrize(("angle", "side"), [(65, "left"), (-65, "right")])
def test_a_face_turned_away_is_refused(angle: float, side: str):
    photo = load.read(HOPPER)
    turn = np.radians(angle)
    about_y = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    with pytest.raises(UserError, match=f"turned 65 degrees to its {side}"):
        preprocess.detect._check_turn(photo, np.diag([1.0, -1, -1]) @ about_y)


def test_isnet_without_its_runtime_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    import sys

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    matte._isnet_session.cache_clear()
    with pytest.raises(UserError, match="onnxruntime"):
        matte._isnet_session(tmp_path / "isnet.onnx")
