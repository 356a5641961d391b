"""The matte holds head, hat and neck, and lets background and clothes go."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Portrait
from facecraft4d.toolkit.landmarks.points import FACE_OVAL
from facecraft4d.toolkit.preprocess import matte


@pytest.mark.parametrize("name", ["hopper", "astronaut"])
def test_the_matte_holds_the_face_and_lets_the_background_go(name: str, request: pytest.FixtureRequest):
    portrait = request.getfixturevalue(name)
    size = len(portrait.alpha)
    assert portrait.alpha[matte.face_region(portrait.landmarks, size)].min() > 0.99
    rim = size // 64
    assert portrait.alpha[:rim].max() == 0 and portrait.alpha[-rim:].max() == 0
    chin = int(portrait.landmarks[152, 1])
    assert portrait.alpha[:chin, : size // 10].max() == 0 and portrait.alpha[:chin, -size // 10 :].max() == 0
    labels = cv2.connectedComponents((portrait.alpha > 0.05).astype(np.uint8))[0]
    assert labels == 2


def test_shoulders_are_kept_down_to_one_rounded_edge(hopper: Portrait):
    """Every column of the bust ends at a height that falls towards the middle; the shoulders are much wider than the face."""
    solid = hopper.alpha > 0.5
    size, width = len(solid), float(np.ptp(hopper.landmarks[list(FACE_OVAL), 0]))
    columns = np.flatnonzero(solid.any(0))
    ends = size - 1 - solid[::-1, columns].argmax(0)
    assert np.ptp(columns) > 2 * width
    lowest = int(np.median(np.flatnonzero(ends == ends.max())))
    assert (np.diff(ends[: lowest + 1]) >= -1).all() and (np.diff(ends[lowest:]) <= 1).all()
    assert ends.max() - max(ends[0], ends[-1]) > 0.05 * size


def test_a_collar_stands_up_to_the_jaw_and_nothing_beside_it_higher(astronaut: Portrait):
    """The suit's ring is kept beside the neck, yet above the chin there is nothing but the head's own width."""
    chin = int(astronaut.landmarks[152, 1])
    width = float(np.ptp(astronaut.landmarks[list(FACE_OVAL), 0]))
    assert np.ptp(np.flatnonzero(astronaut.alpha[chin + len(astronaut.alpha) // 10] > 0.3)) > 1.25 * width
    mouth = int(astronaut.landmarks[13, 1])
    assert np.ptp(np.flatnonzero(astronaut.alpha[mouth] > 0.3)) < 1.5 * width


def test_hat_is_part_of_the_head(hopper: Portrait):
    """The hat's top lies far above the forehead's landmark."""
    top = np.flatnonzero(hopper.alpha.max(1) > 0.5)[0]
    height = hopper.landmarks[152, 1] - hopper.landmarks[10, 1]
    assert hopper.landmarks[10, 1] - top > 0.5 * height


def test_isnet_without_its_runtime_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    import sys

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    matte._isnet_session.cache_clear()
    with pytest.raises(UserError, match="onnxruntime"):
        matte._isnet_session(tmp_path / "isnet.onnx")
