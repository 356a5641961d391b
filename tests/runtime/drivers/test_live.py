"""From what is heard to poses: neutral faces, gains, smoothing, limits, silence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import TINY

from facecraft4d.exporters import load
from facecraft4d.runtime.drivers.live import HOLD_SECONDS, REST_SECONDS, Live
from facecraft4d.runtime.drivers.reading import HEAD, Reading, pose_of
from facecraft4d.runtime.drivers.retarget import Retarget
from facecraft4d.runtime.drivers.shaping import OneEuro, added, calibrated
from facecraft4d.toolkit.core.datatypes import Rig

FRAME = 1 / 60


class Face:
    """Somebody whose face and clock the test holds."""

    def __init__(self) -> None:
        self.reading: Reading | None = None
        self.at = -float("inf")
        self.now = 100.0

    def latest(self) -> tuple[Reading | None, float]:
        return self.reading, self.at

    def show(self, **weights: float) -> None:
        self.reading, self.at = Reading(weights, {HEAD: (0.0, 0.2, 0.0)}), self.now


RIG = load(TINY).rig


@pytest.fixture
def rig() -> Rig:
    return RIG


@pytest.fixture
def face() -> Face:
    return Face()


def run(live: Live, face: Face, seconds: float, keep: bool = True) -> np.ndarray:
    """Expressions after each frame."""
    rows = []
    for _ in range(round(seconds / FRAME)):
        face.now += FRAME
        if keep:
            face.at = face.now
        pose = live.pose(0.0)
        assert pose is not None
        rows.append(pose.expression)
    return np.array(rows)


def test_nothing_is_said_before_the_first_face(rig: Rig, face: Face) -> None:
    assert Live(face, rig, clock=lambda: face.now).pose(0.0) is None


def test_the_face_arrives_and_stays_within_its_limits(rig: Rig, face: Face) -> None:
    live, jaw = Live(face, rig, clock=lambda: face.now), rig.expression_names.index("jawOpen")
    face.show(jawOpen=3.0, tail=1.0)
    rows = run(live, face, 0.5)
    assert rows[-1, jaw] == pytest.approx(1, abs=1e-3) and rows.min() >= 0 and rows.max() <= 1


@pytest.mark.slow
def test_a_silent_sender_leads_to_rest(rig: Rig, face: Face) -> None:
    live, jaw = Live(face, rig, clock=lambda: face.now), rig.expression_names.index("jawOpen")
    face.show(jawOpen=0.8)
    run(live, face, 1)
    held = run(live, face, HOLD_SECONDS - 0.1, keep=False)
    assert held[-1, jaw] == pytest.approx(0.8, abs=0.01)
    gone = run(live, face, REST_SECONDS + 2, keep=False)
    assert gone[-1].max() < 0.01
    assert np.abs(np.diff(gone[:, jaw])).max() < 0.1, "without a jump"


@pytest.mark.slow
def test_the_users_own_rest_is_rest(rig: Rig, face: Face) -> None:
    live, jaw = Live(face, rig, clock=lambda: face.now), rig.expression_names.index("jawOpen")
    face.show(jawOpen=0.2)
    run(live, face, 1)
    live.calibrate()
    assert run(live, face, 2)[-1].max() < 0.01
    pose = live.pose(0.0)
    assert pose is not None and np.abs(pose.joint_rotations).max() < 0.01
    face.show(jawOpen=1.0)
    assert run(live, face, 1)[-1, jaw] == pytest.approx(1, abs=0.01), "all of it is still all of it"


def test_gains(rig: Rig, face: Face) -> None:
    live = Live(face, rig, Retarget({("jawOpen", "jawOpen"): 0.5, ("neck", "neck"): 2.0}), clock=lambda: face.now)
    face.show(jawOpen=0.8, eyeBlinkLeft=0.4)
    row = run(live, face, 1)[-1]
    assert row[rig.expression_names.index("jawOpen")] == pytest.approx(0.4, abs=0.01)
    assert row[rig.expression_names.index("eyeBlinkLeft")] == pytest.approx(0.4, abs=0.01)
    pose = live.pose(0.0)
    assert pose is not None and pose.joint_rotations[rig.joint_names.index("neck"), 1] == pytest.approx(0.4, abs=0.01)


def test_trembling_shrinks_and_jumps_arrive() -> None:
    chance, smooth = np.random.default_rng(0), OneEuro()
    noise = 0.02 * chance.standard_normal(600)
    out = np.array([smooth(np.array([0.5 + n]), index * FRAME)[0] for index, n in enumerate(noise)])
    assert out[60:].std() < noise.std() / 2
    jump = [smooth(np.array([1.5]), (600 + index) * FRAME)[0] for index in range(4)]
    assert jump[-1] > 1.3


@pytest.mark.slow
@given(st.lists(st.floats(0, 1), min_size=52, max_size=52), st.lists(st.floats(0, 0.9), min_size=52, max_size=52))
def test_calibration_keeps_the_ends(weights: list[float], rest: list[float]) -> None:
    rig = RIG
    names = rig.expression_names
    neutral = pose_of(Reading(dict(zip(names, rest, strict=False))), rig)
    assert not calibrated(neutral, neutral).expression.any()
    full = pose_of(Reading(dict.fromkeys(names, 1.0)), rig)
    assert np.allclose(calibrated(full, neutral).expression, 1, atol=1e-5)
    some = calibrated(pose_of(Reading(dict(zip(names, weights, strict=False))), rig), neutral).expression
    assert (some >= 0).all() and (some <= 1 + 1e-5).all()
    assert (added(full, neutral).expression == 1).all()
