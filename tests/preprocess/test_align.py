"""Geometry of the crop."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from photographs import ASTRONAUT, HOPPER, build, pixels
from PIL import Image

from facecraft4d.toolkit import preprocess
from facecraft4d.toolkit.core.datatypes import Portrait
from facecraft4d.toolkit.preprocess import align


@pytest.mark.slow
def test_crop_is_a_similarity_that_carries_the_landmarks(hopper: Portrait):
    linear = hopper.crop_from_photo[:2, :2].astype(np.float64)
    assert np.allclose(linear @ linear.T, np.eye(2) * np.linalg.det(linear), atol=1e-5) and np.linalg.det(linear) > 0
    found = preprocess.detect.landmarker()(pixels(HOPPER))
    carried = found.landmarks[:, :2] @ linear.T + hopper.crop_from_photo[:2, 2]
    assert np.abs(carried - hopper.landmarks[:, :2]).max() < 1e-2


@pytest.mark.slow
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
