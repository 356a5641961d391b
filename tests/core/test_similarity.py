"""Similarities between worlds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facecraft4d.toolkit.core.geometry import orbit_camera, project, rotation_from_axis_angle
from facecraft4d.toolkit.core.similarity import Similarity, similarity

SEEDS = st.integers(0, 2**16)


def drawn(seed: int) -> tuple[Similarity, np.ndarray]:
    rng = np.random.default_rng(seed)
    turn = rotation_from_axis_angle(rng.normal(size=3))
    return Similarity(float(rng.uniform(0.1, 5)), turn, rng.normal(size=3)), rng.normal(size=(9, 3))


@pytest.mark.slow
@given(SEEDS)
def test_it_is_found_from_points(seed: int) -> None:
    true, points = drawn(seed)
    trust = np.random.default_rng(seed).uniform(0.1, 1, len(points))
    found = similarity(points, true.points(points), trust)
    assert found.scale == pytest.approx(true.scale) and found.rotation == pytest.approx(true.rotation, abs=1e-6)
    assert found.translation == pytest.approx(true.translation, abs=1e-6)


@pytest.mark.slow
@given(SEEDS)
def test_points_without_trust_do_not_count(seed: int) -> None:
    true, points = drawn(seed)
    targets, trust = true.points(points), np.ones(len(points))
    targets[0], trust[0] = 100, 0
    assert similarity(points, targets, trust).points(points)[1:] == pytest.approx(targets[1:], abs=1e-6)


def test_a_mirror_image_is_met_by_a_rotation() -> None:
    points = drawn(0)[1]
    found = similarity(points, points * (-1, 1, 1), np.ones(len(points)))
    assert np.linalg.det(found.rotation) == pytest.approx(1)


@pytest.mark.slow
@given(SEEDS)
def test_there_and_back_is_nowhere(seed: int) -> None:
    true, points = drawn(seed)
    assert true.inverse.points(true.points(points)) == pytest.approx(points, abs=1e-9)


@pytest.mark.slow
@given(SEEDS)
def test_a_camera_of_the_other_world_sees_the_same_picture(seed: int) -> None:
    true, points = drawn(seed)
    camera = orbit_camera(30.0, 10.0, 9.0, 64)
    pixels, depth = project(camera, points)
    there, far = project(true.camera(camera), true.points(points))
    assert there == pytest.approx(pixels, abs=1e-6) and far == pytest.approx(true.scale * depth)
