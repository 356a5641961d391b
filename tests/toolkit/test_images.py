"""Laws of resizing, encoding, tiling and smoothing pictures."""

import io
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from facecraft4d.toolkit import images
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.pixels import to_bytes


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).random(shape, np.float32)


@pytest.mark.parametrize("channels", [3, 4])
def test_what_is_written_is_read(tmp_path: Path, channels: int) -> None:
    pixels = to_bytes(noise(70, 90, channels))
    images.write_png(tmp_path / "new" / "a.png", pixels)
    found = to_bytes(images.read_rgba(tmp_path / "new" / "a.png", 90))
    assert np.array_equal(found[..., :channels], pixels)
    assert channels == 4 or (found[..., 3] == 255).all()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.png"]


def test_reading_shrinks_to_the_side_asked_for(tmp_path: Path) -> None:
    images.write_png(tmp_path / "a.png", to_bytes(noise(80, 160, 3)))
    assert images.read_rgb(tmp_path / "a.png", 20).shape == (10, 20, 3)


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"a\.png"):
        images.read_rgba(tmp_path / "a.png", 20)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=1))
def test_bytes_are_rounded_and_clipped(values: list[float]) -> None:
    given = np.array(values, np.float32)
    found = to_bytes(given)
    assert (np.abs(found / 255 - given.clip(0, 1)) <= 0.5 / 255 + 1e-6).all()
    assert np.array_equal(to_bytes(found.astype(np.float32) / 255), found)


def test_resizing_keeps_the_mean_when_it_shrinks_and_everything_when_it_fits() -> None:
    image = noise(64, 64, 3)
    assert images.resized(image, 64) is image
    assert np.allclose(images.resized(image, 16).mean((0, 1)), image.mean((0, 1)), atol=1e-5)
    assert images.resized(image, 100).shape == (100, 100, 3)
    assert images.resized(image[..., :1], 16).shape == (16, 16, 1)


def test_on_white_is_white_where_nothing_is() -> None:
    rgba = noise(8, 8, 4)
    rgba[:4, :, 3], rgba[4:, :, 3] = 0, 1
    found = images.on_white(rgba)
    assert (found[:4] == 1).all()
    assert np.array_equal(found[4:], rgba[4:, :, :3])


def test_encoded_pictures_are_of_the_kind_and_as_given() -> None:
    pixels = np.full((16, 24, 3), 0.5, np.float32)
    for kind in ("JPEG", "PNG"):
        with Image.open(io.BytesIO(images.encoded(pixels, kind))) as opened:
            assert (opened.format, opened.size) == (kind, (24, 16))
            assert (np.abs(np.asarray(opened).astype(int) - 128) <= 1).all()


def test_tiles_lie_row_by_row_on_white() -> None:
    first, second, third = (np.full((2, 3, 3), value, np.float32) for value in (0.1, 0.2, 0.3))
    sheet = images.tiled([first, second, third], 2)
    assert np.array_equal(sheet, np.vstack([np.hstack([first, second]), np.hstack([third, np.ones_like(first)])]))


@pytest.mark.parametrize("deviation", [1.0, 3.0, 9.0, 40.0])
def test_smoothing_keeps_constants_and_what_has_no_weight_has_no_say(deviation: float) -> None:
    level = np.full((90, 70, 3), 0.4, np.float32)
    assert np.allclose(images.smoothed(level, deviation), level, atol=1e-5)
    weight = np.zeros((90, 70), np.float32)
    weight[30:60, 20:50] = 1
    stained = np.where(weight[..., None] > 0, level, 5.0).astype(np.float32)
    blurred, known = images.weighted_blur(stained, weight, deviation)
    assert np.allclose(blurred[known > 1e-3], 0.4, atol=1e-4)


def test_a_wide_smoothing_is_near_the_exact_one() -> None:
    image, deviation = noise(128, 128, 1), 8.0
    image[40:90, 50:70] += 3
    axis = np.arange(128)
    kernel = np.exp(-0.5 * ((axis[:, None] - axis) / deviation) ** 2)
    kernel /= kernel.sum(1, keepdims=True)
    exact = kernel @ image[..., 0] @ kernel.T
    inner = slice(30, -30)  # borders: mirrored by one, cut off by the other
    found = images.smoothed(image, deviation)[..., 0]
    assert np.abs(found - exact)[inner, inner].max() < 0.05 * np.ptp(exact)


MASKS = "import cv2, hashlib, numpy as np; from facecraft4d.toolkit.images import distance_inside\ncv2.setNumThreads(1)\nrng = np.random.default_rng(0)\nfor side in (60, 512):\n    y, x = np.mgrid[:side, :side] / side - 0.5\n    mask = (x**2 + y**2 < 0.15) & (rng.random((side, side)) > 0.0005)\n    for _ in range(8):\n        kept = [np.empty(rng.integers(1, 200_000), np.uint8) for _ in range(9)]\n        print(hashlib.sha256(distance_inside(mask).tobytes()).hexdigest())"


@pytest.mark.slow
def test_distances_do_not_depend_on_where_a_mask_lies_in_memory() -> None:
    """On one thread OpenCV's own choice of library did."""
    runs = [
        subprocess.run([sys.executable, "-c", MASKS], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert len(set(runs[0].split())) == 2 and runs[0] == runs[1]


def test_distances_are_exact_and_the_librarys_choice_comes_back() -> None:
    random = np.random.default_rng(0)
    before = cv2.ipp.useIPP()
    for _ in range(20):
        mask = random.random((40, 50)) > random.random() / 4
        mask[0, 0] = False
        assert np.allclose(images.distance_inside(mask), ndimage.distance_transform_edt(mask), atol=1e-5)
    assert cv2.ipp.useIPP() == before
