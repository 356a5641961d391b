"""Play, pause, scrub, speed and loop."""

import numpy as np
import pytest
from clip_cases import constant
from hypothesis import given
from hypothesis import strategies as st
from places import TINY

from facecraft4d.exporters import load
from facecraft4d.runtime.camera import framing
from facecraft4d.runtime.idle import Idle
from facecraft4d.runtime.player import Player
from facecraft4d.runtime.sources import clip_sources
from facecraft4d.runtime.viewer.timeline import SPEEDS, Timeline

AVATAR = load(TINY)
LAST = 0.9
"""Second of the last of ten frames."""


def timeline() -> Timeline:
    return Timeline(
        Player(AVATAR, clip_sources((constant("half", 0.5),), AVATAR.rig), framing(AVATAR), Idle(AVATAR.rig))
    )


@pytest.mark.slow
@given(st.floats(0.1, 4), st.lists(st.floats(0, 0.2), max_size=20))
def test_time_goes_by_at_its_speed(speed: float, steps: list[float]) -> None:
    line = timeline()
    line.speed = speed
    for step in steps:
        line.advance(step)
    assert line.player.seconds == pytest.approx(speed * sum(steps))
    assert 0 <= line.at < line.duration


def test_a_clip_that_does_not_repeat_stops_at_its_last_frame_and_begins_anew() -> None:
    line = timeline()
    line.loop = False
    for _ in range(30):
        line.advance(0.1)
    assert line.at == pytest.approx(LAST) and not line.player.playing
    line.toggle()
    assert line.at == 0 and line.player.playing


def test_paused_it_stands_still_wherever_it_is_put() -> None:
    line = timeline()
    line.toggle()
    for wanted, reached in ((0.4, 0.4), (-1.0, 0.0), (9.0, LAST)):
        line.scrub(wanted)
        line.advance(1.0)
        assert line.at == pytest.approx(reached)


def test_speed_stays_within_what_the_slider_shows() -> None:
    line = timeline()
    for steps, limit in ((100, SPEEDS[1]), (-100, SPEEDS[0])):
        line.faster(steps)
        assert line.speed == limit


def test_at_rest_there_is_no_clip_and_life_keeps_its_own_speed() -> None:
    line, same = timeline(), timeline()
    for each in (line, same):
        each.player.choose(None)
    line.speed = 4.0
    for each in (line, same):
        each.advance(2.5)
    assert line.duration is None
    np.testing.assert_array_equal(line.player.pose().expression, same.player.pose().expression)
    line.scrub(0.3)
    assert line.at == 2.5
