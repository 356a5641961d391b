"""How a figure's vertices follow its pose and shape, against small steps."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facecraft4d.toolkit.core.datatypes import Pose
from facecraft4d.toolkit.core.rigging import neutral_pose, pose_vertices
from facecraft4d.toolkit.face_model import FaceModel
from facecraft4d.toolkit.fitting.bounded import bounded_step
from facecraft4d.toolkit.fitting.figure import MOST_RADIANS, figure_of_model, moved, posed_with_slopes, unknowns

STEP = 1e-3


@pytest.fixture(scope="module")
def figure(model: FaceModel):
    return figure_of_model(model)


def a_pose(figure, seed: int) -> Pose:
    rng, rest = np.random.default_rng(seed), neutral_pose(figure.rig)
    change = rng.uniform(-0.2, 0.4, unknowns(figure.rig))
    return moved(figure.rig, rest, change)


@pytest.mark.slow
def test_vertices_follow_each_unknown_of_a_pose(figure) -> None:
    pose = a_pose(figure, 1)
    posed = posed_with_slopes(figure, pose)
    assert posed.vertices == pytest.approx(pose_vertices(figure.rig, pose), abs=2e-6)
    rng = np.random.default_rng(2)
    for index in range(unknowns(figure.rig)):
        change = np.zeros(unknowns(figure.rig))
        change[index] = STEP
        if index < len(pose.expression) and pose.expression[index] > 1 - STEP:
            continue
        stepped = posed_with_slopes(figure, moved(figure.rig, pose, change)).vertices
        some = rng.choice(len(stepped), 500, replace=False)
        slope = (stepped - posed.vertices)[some] / STEP
        assert slope == pytest.approx(posed.by_pose[some][..., index], abs=2e-3), index


def test_vertices_follow_the_shape(figure) -> None:
    change = np.zeros(len(figure.shape))
    within = figure.reshaped(change)  # some of the mean's weights lie outside of their ranges
    still = replace(within, joint_deltas=np.zeros_like(figure.joint_deltas))
    change[5] = STEP
    pose = a_pose(figure, 3)
    expected = np.einsum("vxy,vy->vx", posed_with_slopes(still, pose).turned, figure.shape_deltas[..., 5])
    apart = posed_with_slopes(still.reshaped(change), pose).vertices - posed_with_slopes(still, pose).vertices
    assert apart / STEP == pytest.approx(expected, abs=1e-4)


@pytest.mark.slow
@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_a_pose_stays_within_its_bounds(figure, seed: int) -> None:
    rng, pose = np.random.default_rng(seed), neutral_pose(figure.rig)
    for _ in range(3):
        pose = moved(figure.rig, pose, rng.normal(0, 1, unknowns(figure.rig)))
    assert (pose.expression >= 0).all() and (pose.expression <= 1).all()
    for name, most in MOST_RADIANS.items():
        assert np.linalg.norm(pose.joint_rotations[figure.rig.joint_names.index(name)]) <= most + 1e-6


@pytest.mark.slow
@given(st.integers(0, 10_000))
def test_a_bounded_step_is_the_best_within_its_bounds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(8, 6))
    normal, right = root.T @ root + 0.5 * np.eye(6), rng.normal(size=6) * 3
    low, high = -rng.random(6), rng.random(6)
    step = bounded_step(normal, right, low, high)
    assert (step >= low).all() and (step <= high).all()
    pull = right - normal @ step
    inside = (step > low + 1e-9) & (step < high - 1e-9)
    assert np.abs(pull[inside]).max(initial=0) < 1e-7
    assert (pull[step <= low + 1e-9] <= 1e-7).all() and (pull[step >= high - 1e-9] >= -1e-7).all()
