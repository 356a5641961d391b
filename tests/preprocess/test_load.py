"""The same photograph stored in other ways reads the same."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from photographs import ASTRONAUT, HOPPER, pixels
from PIL import Image
from places import DATA

from facecraft4d.toolkit.preprocess import load


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


def test_heic_is_read_and_turned_once():
    """Made from the sample portrait's part [106:426, 40:400]: stored turned by 90 degrees, and both its own box and its EXIF tag say so (by
    pillow-heif 1.8.1 at quality 30)."""
    photo = load.read(DATA / "hopper_turned.heic")
    part = pixels(HOPPER)[40:400, 106:426]
    assert (
        photo.rgb.shape == part.shape and np.abs(photo.rgb.astype(int) - part).mean() < 8
    )  # what quality 30 costs; turned wrongly: 60
    assert photo.alpha is None and photo.notes == ()
