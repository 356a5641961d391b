"""A hat is what lies above a level edge and is of other stuff than all below it, whatever its colour."""

import numpy as np
import pytest
from fitted_subject import landmarks_of, subject

from facecraft4d.toolkit.core.datatypes import Portrait
from facecraft4d.toolkit.face_model import FaceModel
from facecraft4d.toolkit.landmarks.points import CHIN, FACE_SIDES, FOREHEAD
from facecraft4d.toolkit.shape_prior.parametric.segment import segment

SKIN, HAIR = (0.85, 0.65, 0.55), (0.62, 0.55, 0.48)


@pytest.mark.slow
@pytest.mark.parametrize("color", [(0.05, 0.05, 0.06), (0.8, 0.1, 0.1), (0.95, 0.95, 0.9), (0.25, 0.15, 0.1)])
def test_a_hat_of_any_colour_is_worn(model: FaceModel, color: tuple[float, float, float]) -> None:
    portrait, top, _ = _portrait(model, color, HAIR)
    segments = segment(portrait)
    assert segments.headwear is not None
    assert (segments.headwear & top).sum() > 0.9 * (segments.headwear | top).sum()
    assert not (segments.headwear & ~segments.hair).any() and not (segments.headwear & segments.skin).any()


@pytest.mark.slow
@pytest.mark.parametrize("color", [(0.05, 0.05, 0.06), (0.6, 0.5, 0.4), (0.25, 0.15, 0.1)])
def test_hair_of_one_colour_is_grown(model: FaceModel, color: tuple[float, float, float]) -> None:
    """It comes down at the temples."""
    portrait, _, _ = _portrait(model, color, color)
    segments = segment(portrait)
    assert segments.headwear is not None and not segments.headwear.any()


@pytest.mark.slow
@pytest.mark.parametrize("color", [(0.05, 0.05, 0.06), (0.25, 0.15, 0.1)])
def test_short_hair_has_an_edge_that_is_not_level(model: FaceModel, color: tuple[float, float, float]) -> None:
    """There is none below the ears; the edge is an arch over the face."""
    portrait, _, _ = _portrait(model, color, color, arch=0.5)
    segments = segment(portrait)
    assert segments.headwear is not None and not segments.headwear.any()


@pytest.mark.slow
def test_a_loose_strand_beside_hair_is_no_skin(model: FaceModel) -> None:
    """Where the matte ends with skin the mesh is drawn to it: a pixel of that among hair would pull an ear out."""
    portrait, _, sides = _portrait(model, HAIR, HAIR)
    rows, columns = np.nonzero(sides)
    outermost = columns == columns.max()
    row, column = round(rows[outermost].mean()), columns.max() + 3
    loose = np.s_[row : row + 2, column : column + 2]
    assert not portrait.alpha[row - 1 : row + 3, column - 1 : column + 3].any()
    portrait.image[loose], portrait.alpha[loose] = SKIN, 1
    segments = segment(portrait)
    assert segments.matte[loose].all() and not segments.skin[loose].any()


def _portrait(
    model: FaceModel, above: tuple[float, float, float], beside: tuple[float, float, float], arch: float = 0.0
) -> tuple[Portrait, np.ndarray, np.ndarray]:
    """A flat head: something above the forehead, something beside the temples; what is above and beside, as masks."""
    camera, posed, _ = subject(model, 0.0)
    points = landmarks_of(model, camera, posed)
    rows, columns = np.mgrid[: camera.height, : camera.width]
    (left, right), height = points[list(FACE_SIDES), 0], points[CHIN, 1] - points[FOREHEAD, 1]
    middle, half = (left + right) / 2, abs(right - left) / 2
    u = (columns - middle) / half
    center = points[CHIN, 1] - 0.6 * height
    head = u**2 + ((rows - center) / (0.85 * height)) ** 2 < 1.3
    neck = (np.abs(u) < 0.6) & (rows > points[CHIN, 1] - 0.1 * height) & (rows < points[CHIN, 1] + 0.4 * height)
    shoulders = rows >= points[CHIN, 1] + 0.4 * height
    edge = points[FOREHEAD, 1] + 0.08 * height + arch * height * u**2
    top = head & (rows < edge)
    sides = head & ~top & (np.abs(u) > 0.92) & (rows < points[CHIN, 1] - 0.45 * height)
    image = np.ones((camera.height, camera.width, 3), np.float32)
    image[head | neck] = SKIN
    image[shoulders] = (0.2, 0.3, 0.6)
    image[sides], image[top] = beside, above
    image += np.random.default_rng(0).normal(0, 0.015, image.shape).astype(np.float32)
    marks = points.astype(np.float32)
    alpha = (head | neck | shoulders).astype(np.float32)
    eye = np.eye(3, dtype=np.float32)
    return Portrait(image.clip(0, 1), alpha, marks, np.zeros(52, np.float32), eye, eye), top, sides
