"""What pictures show of a surface: who is seen, by which view, in which colour."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facecraft4d.toolkit.core.datatypes import View, ViewSet
from facecraft4d.toolkit.core.geometry import camera_center, normalized, orbit_camera
from facecraft4d.toolkit.meshes.views import DEPTH_TOLERANCE_METRES, seen, view_colors, view_sums

SIZE, RADIUS, BALL = 256, 1.0, 0.08


def of_ball(yaw: float, colour: tuple[float, float, float]) -> View:
    """A ball of 8 cm about the origin, of one colour as all about it."""
    camera = orbit_camera(yaw, 0.0, RADIUS, SIZE)
    x, y = np.meshgrid(*[(np.arange(SIZE) + 0.5 - camera.cx) / camera.fx] * 2)
    a, b, c = 1 + x**2 + y**2, -2 * RADIUS, RADIUS**2 - BALL**2
    inside = b**2 - 4 * a * c
    depth = np.where(inside > 0, (-b - np.sqrt(np.maximum(inside, 0))) / (2 * a), 0).astype(np.float32)
    mask = (inside > 0).astype(np.float32)
    image = np.tile(np.float32(colour), (SIZE, SIZE, 1))
    return View(camera, image, mask, depth)


@pytest.fixture(scope="module")
def ball() -> np.ndarray:
    """Unit vectors all over a sphere."""
    index = np.arange(400) + 0.5
    up, turn = 1 - 2 * index / 400, index * np.pi * (1 + 5**0.5)
    return np.stack([np.sqrt(1 - up**2) * np.cos(turn), up, np.sqrt(1 - up**2) * np.sin(turn)], 1)


def test_a_view_sees_the_half_that_faces_it_and_nothing_that_lies_before_or_behind(ball: np.ndarray) -> None:
    view = of_ball(30.0, (1.0, 0.0, 0.0))
    cosine = (ball * normalized(camera_center(view.camera) - BALL * ball)).sum(1)
    found = seen(view, BALL * ball, ball)
    assert (found[cosine > 0.4] > 0).all() and not found[cosine <= 0].any()
    np.testing.assert_allclose(found[found > 0], cosine[found > 0], atol=1e-6)
    for off in (-1.5, 1.5):
        assert not seen(view, (BALL + off * DEPTH_TOLERANCE_METRES) * ball, ball)[cosine > 0.8].any()


def test_no_view_leaves_the_fallback_and_the_photograph_decides(ball: np.ndarray) -> None:
    red, green, blue = np.eye(3, dtype=np.float32)
    views = ViewSet((of_ball(0.0, (1.0, 0.0, 0.0)), of_ball(40.0, (0.0, 1.0, 0.0))), (0.0, 40.0))
    found = view_colors(views, BALL * ball, ball, np.tile(blue, (len(ball), 1)))
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-5)
    behind = (ball[:, 2] < -0.3) & (ball[:, 0] < 0)
    np.testing.assert_array_equal(found[behind], np.tile(blue, (behind.sum(), 1)))
    assert (found[ball[:, 2] > 0.9] @ red > 0.9).all()
    assert (found[ball @ [np.sin(1.5), 0, np.cos(1.5)] > 0.98] @ green > 0.8).all()


@pytest.mark.slow
@given(st.permutations(range(1, 5)))
def test_the_order_of_the_other_views_does_not_matter(order: list[int]) -> None:
    points = np.random.default_rng(0).standard_normal((50, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    colours = [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (1.0, 1.0, 0.0), (0.0, 1.0, 1.0)]
    views = [of_ball(72.0 * index, colour) for index, colour in enumerate(colours)]
    straight = ViewSet(tuple(views), tuple(72.0 * index for index in range(5)))
    mixed = replace(straight, views=(views[0], *(views[index] for index in order)))
    for one, other in zip(
        view_sums(straight, BALL * points, points), view_sums(mixed, BALL * points, points), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)
