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


def test_isnet_without_its_runtime_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    import sys

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    matte._isnet_session.cache_clear()
    with pytest.raises(UserError, match="onnxruntime"):
        matte._isnet_session(tmp_path / "isnet.onnx")
