"""Alarms ring on pictures of what went wrong, and on nothing that is true.

tests/data/alarms: bad_* are views of heads that an earlier shape prior made of synthetic people, truth_* are these people (CC0). Each holds
the front view and one at the yaw in its name; below each picture lie alpha, kind of surface (times 40) and where one surface ends.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facecraft4d.toolkit.evaluation import alarms
from facecraft4d.toolkit.evaluation.alarms import ALARMS, CLOTH, EYEWEAR, HAIR, SIDE, SKIN, Sight

PICTURES = Path(__file__).parents[1] / "data/alarms"
BAD = {"bad_short_105": "seams", "bad_long_glasses_180": "sliced", "bad_curly_grey_90": "seams", "bad_bun_young_345": "seams", "bad_beanie_beard_75": "seams"}  # fmt: skip
TRUE = sorted(path.stem for path in PICTURES.glob("truth_*.png"))


def pair(name: str) -> tuple[list[Sight], list[float]]:
    pixels = np.asarray(Image.open(PICTURES / f"{name}.png"))
    found = []
    for left in (0, SIDE):
        image, below = pixels[:SIDE, left : left + SIDE], pixels[SIDE:, left : left + SIDE]
        colors, alpha = image.astype(np.float32) / 255, below[..., 0].astype(np.float32) / 255
        found.append(Sight(colors, alpha, below[..., 1] // 40, below[..., 2] > 0))
    return found, [0.0, float(name.rsplit("_", 1)[1])]


def rings(sights: list[Sight], yaws: list[float]) -> set[str]:
    return {name for name, (value, _) in alarms.look(sights, yaws).items() if value > ALARMS[name].threshold}


@pytest.mark.slow
@pytest.mark.parametrize("name", BAD)
def test_failures_ring(name: str) -> None:
    sights, yaws = pair(name)
    assert BAD[name] in rings(sights, yaws)
    assert alarms.look(sights, yaws)[BAD[name]][1] == yaws[1], "the yaw of the view that rings is told"


@pytest.mark.parametrize("name", TRUE)
def test_truth_does_not_ring(name: str) -> None:
    assert len(TRUE) == 5 and not rings(*pair(name))


def cut(view: Sight, where: np.ndarray) -> Sight:
    """The view with background in some places."""
    image = np.where(where[..., None], np.float32(1), view.image)
    return replace(view, image=image, alpha=np.where(where, np.float32(0), view.alpha))


def test_slices_ring() -> None:
    (front, back), yaws = pair("truth_long_glasses_180")
    rows = np.arange(SIDE)[:, None] + np.zeros(SIDE, int)
    assert rings([front, cut(back, (rows % 8 < 5) & (rows > 120) & (rows < 180))], yaws) == {"torn"}


@pytest.mark.slow
def test_pinholes_ring_and_a_loop_does_not() -> None:
    (front, side), yaws = pair("truth_short_75")
    rows, columns = np.mgrid[:SIDE, :SIDE]
    pins = ((rows % 12 < 4) & (columns % 12 < 4)) & (rows > 60) & (rows < 130)
    loop = np.hypot(rows - 90, columns - 128) < 15
    assert "holes" in rings([front, cut(side, pins)], yaws)
    assert "holes" not in rings([front, cut(side, loop)], yaws)


@pytest.mark.slow
def test_background_through_a_lens_is_no_hole_but_through_a_face_it_is() -> None:
    (front, side), yaws = pair("truth_short_75")
    rows, columns = np.mgrid[:SIDE, :SIDE]
    face = np.flatnonzero(side.alpha[100] > 0.5)[0]
    from_middle = np.hypot(rows - 100, columns - face)
    rim, lens = (from_middle < 12) & (from_middle > 10), (from_middle < 11) & (side.alpha < 0.5)
    drawn = replace(side, alpha=np.where(rim, np.float32(1), side.alpha))
    worn = replace(drawn, kinds=np.where(rim, np.uint8(EYEWEAR), side.kinds))
    assert lens.sum() > 100 and "holes" in rings([front, drawn], yaws)
    assert "holes" not in rings([front, worn], yaws)
    assert "holes" in rings([front, cut(worn, np.hypot(rows - 100, columns - face - 40) < 9)], yaws)


def test_cloth_between_skin_rings_and_skin_above_cloth_does_not() -> None:
    (front, side), yaws = pair("truth_short_75")
    cloth = np.flatnonzero((side.kinds == CLOTH).any(1))
    woven = side.kinds.copy()
    plate = woven[cloth[-30] : cloth[-15]]
    plate[plate == CLOTH] = SKIN
    assert rings([front, replace(side, kinds=woven)], yaws) == {"woven"}


@pytest.mark.slow
def test_cloth_that_is_woven_in_the_photograph_is_worn_so() -> None:
    (front, side), yaws = pair("truth_bun_young_345")
    cloth = np.flatnonzero((side.kinds == CLOTH).any(1))
    plate, kinds = np.zeros((SIDE, SIDE), bool), side.kinds
    plate[cloth[-25] : cloth[-8]] = (kinds == CLOTH)[cloth[-25] : cloth[-8]]
    skin = alarms.colors_of(front)[SKIN].astype(np.float32)
    bare, black = (replace(side, image=np.where(plate[..., None], shade * skin, side.image)) for shade in (1, 0.2))
    assert "woven" in rings([front, bare], yaws) and "woven" not in rings([bare, bare], yaws)
    assert "woven" not in rings([front, black], yaws)


@pytest.mark.slow
def test_a_bald_back_rings_for_who_has_hair_and_not_for_who_has_none() -> None:
    sights, yaws = pair("truth_bun_young_345")
    yaws = [0.0, 180.0]
    skin = alarms.colors_of(sights[0])[SKIN].astype(np.float32)
    hair = sights[1].kinds == HAIR
    naked = replace(
        sights[1],
        image=np.where(hair[..., None], skin, sights[1].image),
        kinds=np.where(hair, SKIN, sights[1].kinds).astype(np.uint8),
    )
    assert "bald" in rings([sights[0], naked], yaws)
    assert "bald" not in rings([naked, naked], yaws)


def test_a_seam_in_the_photograph_is_no_seam_of_the_head() -> None:
    sights, yaws = pair("bad_beanie_beard_75")
    assert "seams" not in rings([sights[1], sights[1]], yaws)


def test_every_alarm_that_rings_is_told() -> None:
    found = {name: (2 * alarm.threshold, 90.0) for name, alarm in ALARMS.items()}
    told = alarms.ringing(found, "avatar")
    assert len(told) == len(ALARMS) and all("yaw 90" in each and "avatar" in each for each in told)
    assert alarms.ringing({name: (alarm.threshold, 0.0) for name, alarm in ALARMS.items()}, "avatar") == ()
