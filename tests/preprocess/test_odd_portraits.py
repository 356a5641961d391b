"""Portraits that are no easy ones: each is taken without a word, or taken with one that says what it is, or refused with the reason."""

from pathlib import Path

import numpy as np
import pytest
from photographs import ASTRONAUT, HOPPER, build
from places import DATA

from facecraft4d.toolkit import shape_prior
from facecraft4d.toolkit.config import FaceModelConfig, ParametricConfig, ShapePriorConfig
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.stages import StageContext

pytestmark = pytest.mark.slow

ODD = DATA / "odd"
SAID: dict[str, tuple[str, ...]] = {
    "turned_45": ("turned 42 degrees to its right: its other side is guessed",),
    "hand_at_the_face": (),  # it has the skin's colour
    "scarf_at_the_face": ("something of another colour covers 27% of the face",),
    "hair_over_an_eye": ("one eye is hardly seen",),
    "bald_with_hat": (),
    "child": (),
    "very_dark": ("the face is very dark",),
    "very_light": ("75% of the face is plain white",),
    "cut_at_the_crown": ("border cuts into the face", "border cuts the head"),
    "cut_at_the_chin": ("border cuts into the face", "border cuts the head"),
    "cartoon": ("this looks like a drawing",),
    "drawing": ("plain white, burnt out or drawn",),
}
"""Picture: parts of what is said of it beside where the photo's border cuts the bust."""
REFUSED = {"turned_60": "expected a face within 50 degrees of the camera, found it turned 61 degrees to its right"}
OF_BORDERS = "the photo's border cuts the"


def test_every_odd_portrait_is_spoken_of():
    assert {path.stem for path in ODD.glob("*.jpg")} == SAID.keys() | REFUSED.keys()


@pytest.mark.parametrize("name", SAID)
def test_an_odd_portrait_is_taken_and_said_what_it_is(name: str):
    """All that is expected is said, and nothing else but where a border cuts."""
    notes = build(ODD / f"{name}.jpg").notes
    for text in SAID[name]:
        assert any(text in note for note in notes), notes
    others = [note for note in notes if not note.startswith(OF_BORDERS)]
    expected = [text for text in SAID[name] if not text.startswith("border cuts the ")]
    assert len(others) == len(expected), notes


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_built_is_refused_with_the_reason(name: str):
    with pytest.raises(UserError, match=REFUSED[name]):
        build(ODD / f"{name}.jpg")


@pytest.mark.parametrize("path", [HOPPER, ASTRONAUT], ids=lambda path: path.stem)
def test_nothing_odd_is_said_of_photographs(path: Path):
    assert all(note.startswith(OF_BORDERS) for note in build(path).notes)


@pytest.mark.slow
@pytest.mark.parametrize("name", SAID)
def test_an_odd_portrait_becomes_a_head(name: str, tmp_path: Path):
    """As small as it gets: a head of finite vertices no larger than heads are, and views of it from all around."""
    small = ShapePriorConfig(
        views=8, parametric=ParametricConfig(latent_iterations=3, pivotal_iterations=3, texture_size=128)
    )
    coarse = shape_prior.run(
        build(ODD / f"{name}.jpg"), small, FaceModelConfig(), StageContext(0, "cpu", tmp_path, lambda progress: None)
    )
    vertices = coarse.head.rig.vertices
    assert np.isfinite(vertices).all() and 0.15 < np.ptp(vertices[:, 1]) < 0.8
    assert len(coarse.views.views) == 8
    assert all(0.05 < float(view.mask.mean()) < 0.9 for view in coarse.views.views)
