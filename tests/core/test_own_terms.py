"""An expression made of a head's own turns and directions is found again; what is left is what nothing reaches."""

from dataclasses import replace

import numpy as np
import pytest
import synthetic_flame
from hypothesis import given, settings
from hypothesis import strategies as st

from facecraft4d.toolkit.core.datatypes import Rig
from facecraft4d.toolkit.core.own_terms import explained, likeliest, own_terms, turned
from facecraft4d.toolkit.core.rigging import neutral_pose, pose_vertices
from facecraft4d.toolkit.face_model import load_flame, personalized_rig

VERTICES, OWN = 300, 12


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Rig:
    path = tmp_path_factory.mktemp("flame") / "generic_model.npz"
    np.savez(path, **synthetic_flame.small(VERTICES))
    return personalized_rig(load_flame(path))


def jaw(angle: float) -> np.ndarray:
    turns = np.zeros((5, 3))
    turns[2, 0] = np.radians(angle)
    return turns


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(st.floats(-25, 25).filter(lambda angle: abs(angle) > 4), st.lists(st.floats(-1.5, 1.5), min_size=3, max_size=3))
def test_turns_and_weights_are_found_again(rig: Rig, angle: float, weights: list[float]) -> None:
    directions = rig.expression_deltas[:OWN]
    wanted = turned(rig, jaw(angle)) + np.tensordot(np.array(weights), directions[:3].astype(np.float64), 1)
    found = own_terms(rig, directions, wanted[None])
    assert np.degrees(found.turns[0, 2, 0]) == pytest.approx(angle, abs=0.05 * abs(angle))
    assert found.weights[0, :3] == pytest.approx(weights, abs=0.1)
    assert explained(found, wanted[None])[0] > 0.995


def test_the_parts_are_the_whole(rig: Rig) -> None:
    """Whatever is reached: joints turned at rest, directions and what is left are the displacement itself."""
    wanted = np.random.default_rng(1).normal(scale=0.002, size=(4, VERTICES, 3)) + turned(rig, jaw(15.0))
    directions = rig.expression_deltas[:OWN]
    found = own_terms(rig, directions, wanted)
    for index, each in enumerate(wanted):
        pose = replace(neutral_pose(rig), joint_rotations=found.turns[index].astype(np.float32))
        again = pose_vertices(rig, pose) - rig.vertices + np.tensordot(found.weights[index], directions, 1)
        np.testing.assert_allclose(again + found.left[index], each, atol=1e-6)


def test_more_directions_leave_less(rig: Rig) -> None:
    wanted = np.random.default_rng(2).normal(scale=0.002, size=(3, VERTICES, 3))
    shares = [explained(own_terms(rig, rig.expression_deltas[:count], wanted), wanted) for count in (1, 10, 100)]
    assert (np.diff(shares, axis=0) >= -1e-3).all()


def test_what_moves_nothing_has_no_terms(rig: Rig) -> None:
    nothing = np.zeros((1, VERTICES, 3))
    found = own_terms(rig, rig.expression_deltas[:OWN], nothing)
    assert not found.turns.any() and not found.weights.any() and explained(found, nothing)[0] == 1


def test_a_small_turn_is_none(rig: Rig) -> None:
    """It is said by directions, or left."""
    wanted = turned(rig, jaw(1.0))[None]
    found = own_terms(rig, rig.expression_deltas[:OWN], wanted)
    assert not found.turns.any()
    np.testing.assert_allclose(found.weights, likeliest(rig.expression_deltas[:OWN], wanted), atol=1e-9)
