"""What is no photograph of a person is told from its pixels; a photograph stays one however it was taken."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from photographs import ASTRONAUT, HOPPER, build, pixels

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.preprocess import detect, judge, load

BOTH = pytest.mark.parametrize("path", [HOPPER, ASTRONAUT], ids=lambda path: path.stem)
Change = Callable[[np.ndarray], np.ndarray]


@cache
def face_of(path: Path) -> detect.Face:
    return detect.find_face(load.read(path), None)


def looks(path: Path, change: Change) -> judge.Looks:
    """Of the sample's face, changed; where the face is, is known from the unchanged picture."""
    return judge.measured(change(pixels(path)), face_of(path))


def darker(factor: float) -> Change:
    """So much less light, through sRGB's power of about 2.2."""
    return lambda rgb: (rgb * factor ** (1 / 2.2)).astype(np.uint8)


def grey(rgb: np.ndarray) -> np.ndarray:
    return np.repeat(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None], 3, -1)


def painted(rgb: np.ndarray) -> np.ndarray:
    """Filled with six tones."""
    return (cv2.bilateralFilter(rgb, 15, 60, 15) // 43 * 51).astype(np.uint8)


PHOTOGRAPHS: dict[str, Change] = {
    "as it is": lambda rgb: rgb,
    "grey": grey,
    "an eighth of the light": darker(1 / 8),
    "noisy": lambda rgb: np.clip(rgb + np.random.default_rng(0).normal(0, 30, rgb.shape), 0, 255).astype(np.uint8),
    "warm": lambda rgb: (rgb * np.array([1, 0.85, 0.6])).astype(np.uint8),
    "blue": lambda rgb: (rgb * np.array([0.6, 0.7, 1])).astype(np.uint8),
    "blurred": lambda rgb: cv2.GaussianBlur(rgb, (0, 0), 2),
    "smoothed": lambda rgb: cv2.bilateralFilter(rgb, 9, 40, 9),
    "of low contrast": lambda rgb: (90 + 0.3 * rgb).astype(np.uint8),
}


@BOTH
@pytest.mark.parametrize("how", PHOTOGRAPHS)
def test_a_photograph_is_taken_without_a_word(path: Path, how: str):
    assert judge.judged("photo", looks(path, PHOTOGRAPHS[how])) == ()


@BOTH
@pytest.mark.parametrize("change", [lambda rgb: rgb, grey], ids=["colour", "grey"])
def test_a_negative_turns_the_contrast_and_is_refused(path: Path, change: Change):
    """Eyes and brows are as much lighter than the cheeks as they were darker."""
    positive, negative = looks(path, change), looks(path, lambda rgb: 255 - change(rgb))
    assert np.isclose(negative.contrast, -positive.contrast, atol=0.01)
    with pytest.raises(UserError, match="found a negative"):
        judge.judged("photo", negative)


@BOTH
def test_light_is_noted_when_it_is_little_and_refused_when_it_is_none(path: Path):
    assert "very dark" in judge.judged("photo", looks(path, darker(1 / 40)))[0]
    with pytest.raises(UserError, match="photo: expected a face in light, found one almost black"):
        judge.judged("photo", looks(path, darker(1 / 1500)))


@pytest.mark.slow
@BOTH
def test_looks_do_not_hang_on_the_size_of_the_photograph(path: Path):
    rgb = pixels(path)
    twice = cv2.resize(rgb, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    large = judge.measured(twice, detect.find_face(load.Photo("twice", twice, None, "", ()), None))
    small = looks(path, lambda rgb: rgb)
    assert np.allclose([large.contrast, large.light], [small.contrast, small.light], atol=0.03)
    assert judge.judged("twice", large) == ()


@pytest.mark.slow
def test_a_painted_face_is_noted():
    """Filled with few tones it changes at their borders alone, as no photograph does. Film's grain survives that in part."""
    assert "looks like a drawing" in judge.judged("photo", looks(ASTRONAUT, painted))[0]
    assert looks(HOPPER, painted).grain < 0.9 * looks(HOPPER, lambda rgb: rgb).grain


def striped(path: Path, blue: float) -> judge.Looks:
    """The sample with a band over mouth and chin whose blue is changed by so much."""
    points, rgb = face_of(path).found.landmarks, pixels(path).copy()
    top = int(points[2, 1])
    rgb[top:, :, 2] = np.clip(rgb[top:, :, 2] + blue, 0, 255).astype(np.uint8)
    return judge.measured(rgb, face_of(path))


@pytest.mark.slow
@BOTH
def test_cloth_before_the_face_is_noted_and_coloured_light_is_not(path: Path):
    """What is set off by an edge counts; the same colour that comes in over the whole face does not."""
    assert striped(path, 150).covered > 0.18 > 0.01 > striped(path, 0).covered
    assert any("covers" in note for note in judge.judged("photo", striped(path, 150)))
    ramp = np.linspace(-60, 60, pixels(path).shape[1])[None, :, None] * np.array([1, 0, -1])
    lit = looks(path, lambda rgb: np.clip(rgb + ramp, 0, 255).astype(np.uint8))
    assert judge.judged("photo", lit) == ()


@BOTH
def test_a_patch_over_an_eye_is_noted(path: Path):
    points = face_of(path).found.landmarks[:, :2]
    eye = points[list(judge.EYES_WITH_BROWS[0])].mean(0)
    reach = 0.25 * np.linalg.norm(points[10] - points[152])
    rgb = pixels(path).copy()
    y, x = np.mgrid[: rgb.shape[0], : rgb.shape[1]]
    rgb[np.hypot(x - eye[0], y - eye[1]) < reach] = 25
    assert any("one eye is hardly seen" in note for note in judge.judged("photo", judge.measured(rgb, face_of(path))))


def test_a_face_that_is_plain_white_is_noted():
    assert (
        "plain white"
        in judge.judged("photo", looks(HOPPER, lambda rgb: np.where(rgb > 90, 255, rgb).astype(np.uint8)))[0]
    )


@pytest.mark.slow
def test_a_negative_is_refused_by_the_stage(tmp_path: Path):
    path = tmp_path / "negative.png"
    cv2.imwrite(str(path), 255 - cv2.imread(str(HOPPER)))
    with pytest.raises(UserError, match="found a negative"):
        build(path)
