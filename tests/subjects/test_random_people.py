"""A random person is whole from every side, photographs agree with their labels, and equal seeds give equal people."""

from dataclasses import replace

import numpy as np
import pytest

from facecraft4d.toolkit.subjects.bust import SHOWN, shown_weights
from facecraft4d.toolkit.subjects.portraits import PARTS, Picture, behind, on_orbit, photograph
from facecraft4d.toolkit.subjects.random_people import Person, make_person
from facecraft4d.toolkit.subjects.traits import Frames, draw_traits

pytestmark = pytest.mark.slow
SIZE = 128
CENTRE = np.array([0.0, -0.02, -0.08])


@pytest.fixture(scope="module")
def person() -> Person:
    """Short hair, a beanie, a beard and glasses: everything that can be worn."""
    who = draw_traits(5)
    who = replace(who, hat="beanie", beard=0.015, frames=Frames(0.024, 0.018, 0.0015, 3.0), masculine=0.9, years=35.0)
    return make_person(
        5, replace(who, hair=replace(who.hair, style="short", length=0.03, volume=0.012, wave=0.0)), size=512
    )


def seen(person: Person, yaw: float, shown: str = "") -> Picture:
    camera = on_orbit(person, yaw, 0.0, 0.9 * person.scale, 1047.0 * SIZE / 512, SIZE, CENTRE * person.scale)
    return photograph(person, camera, shown_weights(person.rig, SHOWN.get(shown, {})))


@pytest.mark.parametrize("yaw", [0.0, 90.0, 180.0])
def test_pictures_and_labels_agree(person: Person, yaw: float) -> None:
    picture = seen(person, yaw)
    assert np.isfinite(picture.image).all() and 0 <= picture.image.min() and picture.image.max() <= 1
    assert ((picture.parts > 0) == (picture.alpha >= 0.5)).all()
    assert ((picture.depth > 0) == (picture.alpha > 0)).all()
    assert (picture.alpha[-1, SIZE // 2 - 8 : SIZE // 2 + 8] == 1).all(), "the body goes on below the picture"
    assert {PARTS["skin"], PARTS["hair"], PARTS["clothes"], PARTS["accessory"]} <= set(np.unique(picture.parts))


def test_expressions_move_the_face_and_nothing_behind(person: Person) -> None:
    assert np.abs(seen(person, 0.0, "jawOpen").image - seen(person, 0.0).image).max() > 0.2
    assert np.abs(seen(person, 180.0, "mouthSmile").image - seen(person, 180.0).image).mean() < 1e-3


def test_a_background_lies_behind(person: Person) -> None:
    picture = seen(person, 0.0)
    placed = behind(picture, "bricks", np.random.default_rng(0))
    whole = picture.alpha == 1
    np.testing.assert_allclose(placed[whole], picture.image[whole], atol=1e-6)
    assert np.abs(placed[picture.alpha == 0] - 1).mean() > 0.05


def test_equal_seeds_are_equal_people() -> None:
    first, second = (make_person(11, size=256) for _ in range(2))
    np.testing.assert_array_equal(first.rig.vertices, second.rig.vertices)
    np.testing.assert_array_equal(first.texture, second.texture)
    for one, other in zip(first.strands, second.strands, strict=True):
        np.testing.assert_array_equal(one.points, other.points)
    assert np.abs(make_person(12, size=256).rig.joint_positions - first.rig.joint_positions).max() > 1e-5
