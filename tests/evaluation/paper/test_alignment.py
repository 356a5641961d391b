"""Five points come to their places as InsightFace's own code brings them, and a picture goes with them."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import DATA

from facecraft4d.toolkit.evaluation.paper.alignment import PLACES, aligned, similarity

GOLDEN = np.load(DATA / "metrics.npz")


def test_the_transform_equals_insightfaces() -> None:
    for points, expected in zip(GOLDEN["arcface_points5"], GOLDEN["arcface_affine_112"], strict=True):
        np.testing.assert_allclose(similarity(points.astype(np.float64), PLACES), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
@given(st.floats(-3.1, 3.1), st.floats(0.1, 10), st.floats(-99, 99), st.floats(-99, 99))
def test_a_similarity_is_found_again(angle: float, scale: float, x: float, y: float) -> None:
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = np.column_stack([turn, (x, y)])
    points = np.random.default_rng(0).normal(0, 30, (5, 2))
    np.testing.assert_allclose(similarity(points, points @ turn.T + (x, y)), matrix, atol=1e-7)


def test_nothing_is_mirrored() -> None:
    matrix = similarity(PLACES * (-1, 1), PLACES)
    assert np.linalg.det(matrix[:, :2]) > 0
    with pytest.raises(ValueError, match="all be one"):
        similarity(np.ones((5, 2)), PLACES)


@pytest.mark.parametrize(("scale", "angle"), [(1.0, 0.0), (2.5, 0.3), (0.8, -1.0)])
def test_a_face_comes_to_the_same_square_however_it_lies(scale: float, angle: float) -> None:
    """A smooth picture, turned and sized with its points, gives the same square; pixels have their middle at one half."""
    size = 520
    grid = np.stack(np.meshgrid(np.arange(size), np.arange(size)), -1) + 0.5
    middle = np.array([56.0, 72.0])
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = size / 2 - turn @ middle
    within = (grid - shift) @ np.linalg.inv(turn).T  # where in the square a pixel comes from
    picture = 0.5 + 0.4 * np.stack(
        [np.sin(within[..., 0] / 17), np.cos(within[..., 1] / 13), np.sin(within.sum(-1) / 19)], -1
    )
    found = aligned(picture.astype(np.float32), (PLACES + 0.5) @ turn.T + shift)
    own = np.stack(np.meshgrid(np.arange(112), np.arange(112)), -1) + 0.5
    expected = 0.5 + 0.4 * np.stack([np.sin(own[..., 0] / 17), np.cos(own[..., 1] / 13), np.sin(own.sum(-1) / 19)], -1)
    assert np.abs(found / 255.0 - expected).max() < 0.02
    assert cv2.mean(np.abs(found / 255.0 - expected))[0] < 0.004
