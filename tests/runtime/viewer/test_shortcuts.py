"""What keys and mouse do to a player, without opening a window."""

import glfw
import numpy as np
import pytest
from clip_cases import constant
from places import TINY

from facecraft4d.exporters import load
from facecraft4d.runtime.camera import framing
from facecraft4d.runtime.player import Player
from facecraft4d.runtime.sources import clip_sources
from facecraft4d.runtime.viewer.appearance import Layer
from facecraft4d.runtime.viewer.shortcuts import SHORTCUTS, help_lines, help_rows, press, release
from facecraft4d.runtime.viewer.state import ViewerState
from facecraft4d.runtime.viewer.words import text_panel
from facecraft4d.toolkit.core.datatypes import Motion


def state_of(*clips: Motion) -> ViewerState:
    avatar = load(TINY)
    return ViewerState(Player(avatar, clip_sources(clips, avatar.rig), framing(avatar)))


@pytest.fixture
def state() -> ViewerState:
    return state_of(constant("half", 0.5), constant("full", 1.0))


def test_numbers_choose_sources(state: ViewerState) -> None:
    assert "half" in state.title()
    for key, name in ((glfw.KEY_2, "full"), (glfw.KEY_9, "full"), (glfw.KEY_0, "at rest"), (glfw.KEY_1, "half")):
        press(state, key)
        assert name in state.title()


def test_keys_make_faces_while_they_are_held(state: ViewerState) -> None:
    press(state, glfw.KEY_0)
    state.advance(1.0)
    smile = state.player.avatar.rig.expression_names.index("mouthSmileLeft")
    assert not state.pose().expression[smile]
    press(state, glfw.KEY_F2)
    for _ in range(20):
        state.advance(1 / 60)
        held = state.pose()
    assert held.expression[smile] == pytest.approx(0.8)
    release(state, glfw.KEY_F2)
    state.advance(1.0)
    state.pose()
    assert not state.pose().expression[smile]


def test_space_pauses_and_points_step(state: ViewerState) -> None:
    state.player.advance(0.4)
    press(state, glfw.KEY_SPACE)
    state.player.advance(5.0)
    assert state.player.seconds == 0.4 and "paused" in state.title()
    press(state, glfw.KEY_PERIOD)
    assert state.player.seconds > 0.4
    press(state, glfw.KEY_COMMA)
    assert np.isclose(state.player.seconds, 0.4)
    press(state, glfw.KEY_SPACE)
    assert "paused" not in state.title()


def test_camera_follows_mouse_and_keys(state: ViewerState) -> None:
    player, home = state.player, state.player.camera
    state.drag(10.0, 0.0)
    assert player.camera.yaw_degrees < 0 < player.camera.pitch_degrees + 1
    state.drag(0.0, 10_000.0)
    assert player.camera.pitch_degrees == 89
    state.wheel(0.0, 3.0, False, 600)
    assert player.camera.distance < home.distance
    for key in (glfw.KEY_LEFT, glfw.KEY_RIGHT, glfw.KEY_UP, glfw.KEY_DOWN, glfw.KEY_EQUAL, glfw.KEY_MINUS):
        before = player.camera
        press(state, key)
        assert player.camera != before or key == glfw.KEY_UP
    press(state, glfw.KEY_HOME)
    assert player.camera == home


def test_the_other_keys_change_what_they_say(state: ViewerState) -> None:
    for key in (
        glfw.KEY_S,
        glfw.KEY_R,
        glfw.KEY_F,
        glfw.KEY_H,
        glfw.KEY_W,
        glfw.KEY_E,
        glfw.KEY_T,
        glfw.KEY_L,
        glfw.KEY_TAB,
    ):
        press(state, key)
    assert state.wishes == {"picture", "video", "fullscreen"} and state.help and not state.closing
    assert state.look.wireframe and state.look.layer is Layer.ELLIPSES and state.turntable
    assert not state.timeline.loop and not state.panel
    press(state, glfw.KEY_M)
    assert state.look.layer is Layer.MESH
    press(state, glfw.KEY_M)
    assert state.look.layer is Layer.SPLATS
    press(state, glfw.KEY_C)
    assert "--live" in state.told
    press(state, glfw.KEY_F12)
    press(state, glfw.KEY_ESCAPE)
    assert state.closing


def test_keys_of_the_face(state: ViewerState) -> None:
    press(state, glfw.KEY_N)
    some = state.face.weights.copy()
    assert some.any()
    press(state, glfw.KEY_X)
    press(state, glfw.KEY_X)
    assert (state.face.weights == some).all()
    press(state, glfw.KEY_BACKSPACE)
    assert not state.face.weights.any()


def test_no_key_does_two_things_and_the_help_names_all(state: ViewerState) -> None:
    keys = [key for each in SHORTCUTS for key in each.keys]
    assert len(set(keys)) == len(keys)
    rows = dict(help_rows())
    assert all(rows[each.words] == each.does for each in SHORTCUTS)
    assert any("2: full" in line for line in help_lines(state)) and not any(
        "2: " in line for line in help_lines(state_of())
    )


def test_the_help_is_drawn_whole_in_a_small_window(state: ViewerState) -> None:
    panel = text_panel(help_lines(state))
    assert panel.shape[2] == 4 and panel[..., 0].min() < 60 < 200 < panel[..., 0].max()
    assert panel.shape[1] <= 700 and panel.shape[0] <= 520
    assert text_panel(("a\tb",), 2.0).shape[0] > 1.8 * text_panel(("a\tb",)).shape[0]
