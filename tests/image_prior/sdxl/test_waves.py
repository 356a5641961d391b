"""The order of sharpening: the back first, then outwards from both anchors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facecraft4d.toolkit.core.datatypes import View, ViewSet
from facecraft4d.toolkit.core.geometry import orbit_camera
from facecraft4d.toolkit.image_prior.sdxl.waves import Turn, waves


def looking(yaws: tuple[float, ...]) -> ViewSet:
    nothing = np.zeros((2, 2), np.float32)
    views = [View(orbit_camera(yaw, 0.0, 1.5, 2), np.zeros((2, 2, 3), np.float32), nothing, nothing) for yaw in yaws]
    return ViewSet(tuple(views), yaws)


def test_the_papers_24_views() -> None:
    yaws = tuple(15.0 * index for index in range(24))
    order = [[yaws[turn.view] for turn in wave] for wave in waves(looking(yaws))]
    assert order == [
        [180], [15, 165, 195, 345], [30, 150, 210, 330], [45, 135, 225, 315], [60, 120, 240, 300], [75, 105, 255, 285], [90, 270],
    ]  # fmt: skip
    last = waves(looking(yaws))[-1]
    assert last[0] == Turn(6, (5, 7)) and waves(looking(yaws))[0] == (Turn(12, ()),)


@pytest.mark.slow
@given(st.lists(st.integers(1, 359), min_size=1, max_size=30, unique=True))
def test_each_view_comes_once_and_after_its_sources(others: list[int]) -> None:
    yaws = (0.0, *map(float, others))
    finished = {0}
    for wave in waves(looking(yaws)):
        assert all(set(turn.sources) <= finished for turn in wave)
        finished |= {turn.view for turn in wave}
        assert all(len(turn.sources) in (0, 1, 2) for turn in wave)
    assert finished == set(range(len(yaws)))
    without = [turn.view for wave in waves(looking(yaws)) for turn in wave if not turn.sources]
    assert len(without) <= 1 and all(90 < yaws[view] < 270 for view in without)


def test_on_an_uneven_orbit_a_view_waits_for_the_neighbour_that_sees_it() -> None:
    """At 45 degrees the back is next on the orbit, and sees nothing of it."""
    yaws = (0.0, 15.0, 30.0, 45.0, 180.0)
    turns = {yaws[turn.view]: [yaws[each] for each in turn.sources] for wave in waves(looking(yaws)) for turn in wave}
    assert turns == {180: [], 15: [0], 30: [15], 45: [30, 180]}
    assert [len(wave) for wave in waves(looking(yaws))] == [1, 1, 1, 1]


@pytest.mark.parametrize("yaws", [(0.0,), (0.0, 30.0, 330.0)])
def test_without_a_back_all_begins_at_the_photograph(yaws: tuple[float, ...]) -> None:
    turns = [turn for wave in waves(looking(yaws)) for turn in wave]
    assert [turn.sources for turn in turns] == [(0,)] * (len(yaws) - 1)
