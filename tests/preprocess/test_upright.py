"""A photograph held any way up gives the same portrait."""

from pathlib import Path

import numpy as np
import pytest
from photographs import ASTRONAUT, HOPPER, build, pixels
from PIL import Image

from facecraft4d.toolkit.core.datatypes import Portrait
from facecraft4d.toolkit.landmarks.points import CHIN
from facecraft4d.toolkit.preprocess import detect, load, upright


def photo_of(rgb: np.ndarray) -> load.Photo:
    return load.Photo("photo", np.ascontiguousarray(rgb), None, "", ())


@pytest.mark.parametrize("turns", [1, 2, 3])
@pytest.mark.parametrize("name", ["hopper", "astronaut"])
@pytest.mark.slow
def test_a_turned_photograph_gives_the_same_portrait(
    name: str, turns: int, tmp_path: Path, request: pytest.FixtureRequest
):
    """Only which samples fall between the pixels is another: the picture agrees within the noise of that."""
    expected: Portrait = request.getfixturevalue(name)
    rgb = pixels({"hopper": HOPPER, "astronaut": ASTRONAUT}[name])
    Image.fromarray(np.rot90(rgb, turns)).save(tmp_path / "turned.png")
    turned = build(tmp_path / "turned.png")
    size = len(expected.alpha)
    assert np.abs(turned.landmarks[:, :2] - expected.landmarks[:, :2]).mean() < 0.01 * size
    both, either = np.minimum(turned.alpha, expected.alpha), np.maximum(turned.alpha, expected.alpha)
    head = np.s_[: int(expected.landmarks[CHIN, 1])]
    assert both[head].sum() / either[head].sum() > 0.95
    # The helmet's ring of the space suit is clothes or background by a hair's breadth.
    assert both.sum() / either.sum() > 0.93
    assert any("turned by 180 degrees" in note for note in turned.notes) == (turns == 2)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_landmarks_come_back_to_the_unturned_photograph(turns: int):
    rgb = pixels(ASTRONAUT)[:300, 100:400]
    there = detect.find_face(photo_of(rgb), None).found
    turned = detect.find_face(photo_of(np.rot90(np.rot90(rgb, -turns), turns)), None).found
    back = upright._turned_back(turned, turns, np.rot90(rgb, -turns).shape[1::-1])
    again = upright._turned_back(back, 4 - turns, rgb.shape[1::-1])
    assert np.allclose(again.landmarks, there.landmarks, atol=1e-3) and np.allclose(again.box.center, there.box.center)


def test_an_upright_photograph_is_not_turned(hopper: Portrait, astronaut: Portrait):
    assert hopper.notes == astronaut.notes == ()


@pytest.mark.slow
def test_the_box_goes_with_its_face():
    """The box of a face found upside down is where its landmarks are."""
    face, _ = upright.find_upright(photo_of(np.rot90(pixels(HOPPER), 2)), None)
    points = face.found.landmarks[:, :2]
    assert np.allclose(face.found.box.center, (points.min(0) + points.max(0)) / 2, atol=0.1 * face.found.box.size)
    assert abs(abs(np.degrees(face.found.box.roll)) - 180) < 10
