"""The face that sliders set: regions, pairs, mirror images, chance, and what is added to a pose."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from places import TINY

from facecraft4d.exporters import load
from facecraft4d.runtime.idle import MOODS
from facecraft4d.runtime.viewer.face import EASE_SECONDS, Face, movable_joints
from facecraft4d.runtime.viewer.regions import PREFIXES, REST, limits, matching, mirrored, partner, regions
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.datatypes import Pose
from facecraft4d.toolkit.core.rigging import neutral_pose, pose_from_weights

RIG = load(TINY).rig
REST_POSE = neutral_pose(RIG)
NAMES = st.sampled_from(ARKIT_NAMES)


def test_every_expression_has_one_region() -> None:
    found = regions(ARKIT_NAMES)
    assert sorted(name for members in found.values() for name in members) == sorted(ARKIT_NAMES)
    assert list(found) == [region for region, *_ in PREFIXES]
    assert regions(("flame_expr_000",)) == {REST: ("flame_expr_000",)} and limits("flame_expr_000") == (-3.0, 3.0)


def test_mirror_images_and_partners_come_back() -> None:
    for name in ARKIT_NAMES:
        assert mirrored(name) in ARKIT_NAMES and mirrored(mirrored(name)) == name
        assert partner(name) in ARKIT_NAMES and partner(partner(name)) == name
    assert partner("eyeLookInLeft") == "eyeLookOutRight" and mirrored("eyeLookInLeft") == "eyeLookInRight"
    assert partner("jawLeft") == "jawLeft" and mirrored("jawLeft") == "jawRight"


def test_search_finds_by_words_in_any_case() -> None:
    assert matching(ARKIT_NAMES, "smile LEFT") == ("mouthSmileLeft",)
    assert matching(ARKIT_NAMES, "") == ARKIT_NAMES and matching(ARKIT_NAMES, "nothing") == ()


def test_an_untouched_face_changes_no_pose() -> None:
    pose = pose_from_weights(RIG, {"jawOpen": 1.7})
    assert Face(RIG).added_to(pose) is pose


@pytest.mark.slow
@given(NAMES, st.floats(-2, 3), st.booleans())
def test_a_slider_moves_its_expression_and_at_most_its_partner(name: str, value: float, paired: bool) -> None:
    face = Face(RIG)
    face.paired = paired
    face.move(name, value)
    moved = {each for each in ARKIT_NAMES if face.weight(each)}
    assert moved <= ({name, partner(name)} if paired else {name})
    assert face.weight(name) == pytest.approx(min(max(value, 0), 1))
    if paired:
        assert face.weight(partner(name)) == face.weight(name)


@pytest.mark.slow
@settings(deadline=None)  # a busy machine may take its time
@given(st.integers(0, 1000))
def test_a_random_face_is_one_that_a_head_can_make(seed: int) -> None:
    face, again = Face(RIG, seed), Face(RIG, seed)
    for each in (face, again):
        each.randomise()
    assert np.array_equal(face.weights, again.weights)
    assert (face.weights >= 0).all() and (face.weights <= 1).all()
    for one, other in (("jawLeft", "jawRight"), ("mouthLeft", "mouthRight"), ("eyeLookInLeft", "eyeLookOutLeft"),
                       ("eyeLookUpLeft", "eyeLookDownLeft"), ("eyeLookInLeft", "eyeLookInRight"), ("mouthSmileLeft", "mouthFrownLeft")):  # fmt: skip
        assert not (face.weight(one) and face.weight(other)), (one, other)
    assert not face.weight("mouthClose") and not face.weight("tongueOut")


def test_random_faces_differ_and_some_move_much() -> None:
    face, seen = Face(RIG), set()
    for _ in range(20):
        face.randomise()
        seen.add(face.weights.tobytes())
        face.paired = False
    assert len(seen) == 20 and face.weights.max() > 0.3


@pytest.mark.slow
@given(st.integers(0, 1000))
def test_mirrored_twice_is_as_before(seed: int) -> None:
    face, random = Face(RIG), np.random.default_rng(seed)
    weights, degrees = random.random(face.weights.shape), random.uniform(-40, 40, face.degrees.shape)
    face.weights[:], face.degrees[:] = weights, degrees
    face.mirror()
    for name in ARKIT_NAMES:
        assert face.weight(mirrored(name)) == pytest.approx(weights[ARKIT_NAMES.index(name)])
    face.mirror()
    np.testing.assert_allclose(face.weights, weights, rtol=1e-6)
    np.testing.assert_allclose(face.degrees, degrees, rtol=1e-6)


def test_a_mirrored_turn_goes_the_other_way() -> None:
    face = Face(RIG)
    face.turn("neck", 0, 5.0)
    face.turn("neck", 1, 20.0)
    face.turn("eye_left", 1, 7.0)
    face.mirror()
    neck, left, right = (
        face.degrees[RIG.joint_names.index(name)].tolist() for name in ("neck", "eye_left", "eye_right")
    )
    assert neck == [5, -20, 0] and left == [0, 0, 0] and right == [0, -7, 0]


@given(st.floats(0, 1), st.floats(0, 1))
def test_what_plays_and_what_is_set_add_up_to_one_at_most(played: float, chosen: float) -> None:
    face = Face(RIG)
    face.move("jawOpen", chosen)
    pose = face.added_to(pose_from_weights(RIG, {"jawOpen": played}))
    assert pose.expression[RIG.expression_names.index("jawOpen")] == pytest.approx(min(played + chosen, 1), abs=1e-6)


def test_who_is_beyond_the_limits_stays_there_alone() -> None:
    """A clip's own 1.5 is left, and so is what --unclamped gave; together they go no further."""
    face, jaw = Face(RIG), RIG.expression_names.index("jawOpen")
    face.move("browInnerUp", 0.5)
    assert face.added_to(pose_from_weights(RIG, {"jawOpen": 1.5})).expression[jaw] == 1.5
    face.take(pose_from_weights(RIG, {"jawOpen": 3.0}))
    assert face.added_to(REST_POSE).expression[jaw] == 3.0
    assert face.added_to(pose_from_weights(RIG, {"jawOpen": 1.0})).expression[jaw] == 3.0


def test_turns_are_added_and_reset() -> None:
    face, neck = Face(RIG), RIG.joint_names.index("neck")
    face.turn("neck", 1, 30.0)
    face.turn("neck", 2, 1000.0)
    assert np.allclose(np.degrees(face.added_to(REST_POSE).joint_rotations[neck]), [0, 30, 45], atol=1e-4)
    face.reset()
    assert face.added_to(REST_POSE) is REST_POSE
    assert "neck" in movable_joints(RIG) and "root" not in movable_joints(RIG)


def test_emotions_lead_over_and_reach_their_face() -> None:
    face = Face(RIG)
    face.strength = 0.5
    for mood, what in MOODS.items():
        face.feel(mood)
        for _ in range(40):
            before = face.added_to(REST_POSE).expression
            face.advance(EASE_SECONDS / 30)
            assert np.abs(face.added_to(REST_POSE).expression - before).max() <= 1 / 30 + 1e-6
        assert face.added_to(REST_POSE).expression == pytest.approx(
            np.array([0.5 * what.face.get(name, 0.0) for name in RIG.expression_names]), abs=1e-6
        )
    with pytest.raises(ValueError, match="emotion must be one of neutral, happy"):
        face.feel("bored")


def test_a_face_moves_over_to_another_rig_by_names() -> None:
    from dataclasses import replace

    order = np.arange(len(RIG.expression_names))[::-1]
    other = replace(
        RIG,
        expression_names=tuple(RIG.expression_names[row] for row in order),
        expression_deltas=np.ascontiguousarray(RIG.expression_deltas[order]),
    )
    face = Face(RIG)
    face.randomise()
    face.turn("neck", 1, 10.0)
    moved = face.on(other)
    assert all(moved.weight(name) == face.weight(name) for name in RIG.expression_names)
    assert np.array_equal(moved.degrees, face.degrees)
    assert isinstance(moved.added_to(neutral_pose(other)), Pose)
