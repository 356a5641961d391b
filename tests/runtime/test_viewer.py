"""The player's state by itself: clips, time, camera and wishes."""

import glfw
import numpy as np
import pytest
from clip_cases import JAW, constant
from places import TINY

from facecraft4d.exporters import load
from facecraft4d.runtime.screen import text_panel
from facecraft4d.runtime.viewer import FADE_SECONDS, Viewer


@pytest.fixture
def viewer() -> Viewer:
    return Viewer(load(TINY), (constant("half", 0.5), constant("full", 1.0)))


def test_clips_lead_over_to_each_other(viewer: Viewer) -> None:
    assert viewer.pose().expression[JAW] == 0.5
    viewer.key(glfw.KEY_2)
    assert np.isclose(viewer.pose().expression[JAW], 0.5)
    viewer.advance(FADE_SECONDS / 2)
    assert np.isclose(viewer.pose().expression[JAW], 0.75)
    viewer.advance(FADE_SECONDS)
    assert viewer.pose().expression[JAW] == 1 and "full" in viewer.title()
    viewer.key(glfw.KEY_9)
    assert "full" in viewer.title()
    viewer.key(glfw.KEY_0)
    viewer.advance(FADE_SECONDS)
    assert not viewer.pose().expression.any() and "at rest" in viewer.title()


def test_time_runs_unless_paused(viewer: Viewer) -> None:
    viewer.advance(0.4)
    viewer.key(glfw.KEY_SPACE)
    viewer.advance(5.0)
    assert viewer.seconds == 0.4 and "paused" in viewer.title()
    viewer.key(glfw.KEY_PERIOD)
    assert np.isclose(viewer.seconds, 0.5)
    viewer.key(glfw.KEY_COMMA)
    viewer.key(glfw.KEY_SPACE)
    viewer.advance(0.1)
    assert np.isclose(viewer.seconds, 0.5)


def test_camera_follows_mouse_and_keys(viewer: Viewer) -> None:
    home = viewer.orbit
    viewer.drag(10.0, 0.0)
    assert viewer.orbit.yaw_degrees < 0 < viewer.orbit.pitch_degrees + 1
    viewer.drag(0.0, 10_000.0)
    assert viewer.orbit.pitch_degrees == 89
    viewer.wheel(3.0)
    assert viewer.orbit.distance < home.distance
    for key in (glfw.KEY_LEFT, glfw.KEY_RIGHT, glfw.KEY_UP, glfw.KEY_DOWN, glfw.KEY_EQUAL, glfw.KEY_MINUS):
        before = viewer.orbit
        viewer.key(key)
        assert viewer.orbit != before or key == glfw.KEY_UP
    viewer.key(glfw.KEY_HOME)
    assert viewer.orbit == home


def test_wishes_and_help(viewer: Viewer) -> None:
    for key in (glfw.KEY_S, glfw.KEY_R, glfw.KEY_H, glfw.KEY_F12):
        viewer.key(key)
    assert viewer.wishes == {"picture", "video"} and not viewer.help and not viewer.closing
    viewer.key(glfw.KEY_ESCAPE)
    assert viewer.closing


def test_player_without_clips() -> None:
    viewer = Viewer(load(TINY), ())
    assert len(viewer.help_lines()) == 3
    viewer.advance(1.0)
    viewer.step(1)
    viewer.choose(1)
    assert not viewer.pose().expression.any()


def test_help_text_is_drawn() -> None:
    panel = text_panel(Viewer(load(TINY), (constant("nod", 0.5),)).help_lines())
    assert panel.shape[2] == 4 and panel[..., 0].min() < 60 < 200 < panel[..., 0].max()
