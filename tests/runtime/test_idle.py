"""Idle life: never more than its amplitude, none when off, the same for the same seed, smooth at any frame rate."""

import numpy as np
import pytest
from places import TINY

from facecraft4d.exporters import load
from facecraft4d.runtime.idle import BREATH_NOD, LEAN, MOODS, NOD, TURN, Idle
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Rig

TIMES = np.arange(0, 120, 1 / 30)


@pytest.fixture(scope="module")
def rig() -> Rig:
    return load(TINY).rig


def run(idle: Idle, times: np.ndarray = TIMES) -> tuple[np.ndarray, np.ndarray]:
    """Weights [t, k] and turns of the neck [t, 3]."""
    poses = [idle.pose(float(time)) for time in times]
    neck = idle.rig.joint_names.index("neck")
    return np.array([pose.expression for pose in poses]), np.array([pose.joint_rotations[neck] for pose in poses])


def test_off_is_still(rig: Rig) -> None:
    weights, turns = run(Idle(rig, "happy", 0.0), TIMES[:100])
    assert not weights.any() and not turns.any()


@pytest.mark.slow
@pytest.mark.parametrize("mood", MOODS)
def test_within_its_amplitude(rig: Rig, mood: str) -> None:
    for amount in (0.3, 1.0):
        weights, turns = run(Idle(rig, mood, amount, seed=3), TIMES[::15])
        assert weights.min() >= 0 and weights.max() <= amount + 1e-6
        assert (np.abs(turns).max(0) <= amount * np.array([NOD + BREATH_NOD, TURN, LEAN]) + 1e-6).all()


@pytest.mark.slow
def test_half_as_much_is_half_of_it(rig: Rig) -> None:
    whole, half = run(Idle(rig, amount=1.0), TIMES[:300])[0], run(Idle(rig, amount=0.5), TIMES[:300])[0]
    assert np.allclose(half, 0.5 * whole, atol=1e-6)


@pytest.mark.slow
def test_a_seed_is_a_motion_from_wherever_one_begins(rig: Rig) -> None:
    first = run(Idle(rig, seed=5), TIMES[:300])[0]
    assert np.array_equal(first[100:], run(Idle(rig, seed=5), TIMES[100:300])[0])
    assert not np.array_equal(first, run(Idle(rig, seed=6), TIMES[:300])[0])


@pytest.mark.slow
def test_it_blinks_as_people_do(rig: Rig) -> None:
    weights = run(Idle(rig))[0]
    lids = weights[:, rig.expression_names.index("eyeBlinkLeft")]
    closings = np.flatnonzero((lids[1:] > 0.5) & (lids[:-1] <= 0.5))
    assert 14 <= len(closings) / 2 <= 20 and lids.max() > 0.95
    assert np.array_equal(lids, weights[:, rig.expression_names.index("eyeBlinkRight")])


@pytest.mark.slow
def test_nothing_jumps_but_eyes_and_lids(rig: Rig) -> None:
    weights, turns = run(Idle(rig))
    slow = [index for index, name in enumerate(rig.expression_names) if not name.startswith("eye")]
    assert np.abs(np.diff(weights[:, slow], axis=0)).max() < 0.01
    assert np.abs(np.diff(turns, axis=0)).max() < 0.003


@pytest.mark.parametrize(
    ("options", "words"), [({"mood": "bored"}, "mood must be one of"), ({"amount": 2.0}, "idle must be")]
)
def test_mistakes_are_said(rig: Rig, options: dict, words: str) -> None:
    with pytest.raises(UserError, match=words):
        Idle(rig, **options)
