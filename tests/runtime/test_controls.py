"""What keys and mouse do to a player, without opening a window."""

import glfw
import numpy as np
import pytest
from clip_cases import constant
from places import TINY

from facecraft4d.exporters import load
from facecraft4d.runtime.camera import framing
from facecraft4d.runtime.player import Player
from facecraft4d.runtime.screen import text_panel
from facecraft4d.runtime.sources import clip_sources
from facecraft4d.runtime.window import Controls
from facecraft4d.toolkit.core.datatypes import Motion


def controls_of(*clips: Motion) -> Controls:
    avatar = load(TINY)
    return Controls(Player(avatar, clip_sources(clips, avatar.rig), framing(avatar)))


@pytest.fixture
def controls() -> Controls:
    return controls_of(constant("half", 0.5), constant("full", 1.0))


def test_numbers_choose_sources(controls: Controls) -> None:
    assert "half" in controls.title()
    for key, name in ((glfw.KEY_2, "full"), (glfw.KEY_9, "full"), (glfw.KEY_0, "at rest"), (glfw.KEY_1, "half")):
        controls.key(key)
        assert name in controls.title()


def test_space_pauses_and_points_step(controls: Controls) -> None:
    controls.player.advance(0.4)
    controls.key(glfw.KEY_SPACE)
    controls.player.advance(5.0)
    assert controls.player.seconds == 0.4 and "paused" in controls.title()
    controls.key(glfw.KEY_PERIOD)
    assert controls.player.seconds > 0.4
    controls.key(glfw.KEY_COMMA)
    assert np.isclose(controls.player.seconds, 0.4)
    controls.key(glfw.KEY_SPACE)
    assert "paused" not in controls.title()


def test_camera_follows_mouse_and_keys(controls: Controls) -> None:
    player, home = controls.player, controls.player.camera
    controls.drag(10.0, 0.0)
    assert player.camera.yaw_degrees < 0 < player.camera.pitch_degrees + 1
    controls.drag(0.0, 10_000.0)
    assert player.camera.pitch_degrees == 89
    controls.wheel(3.0)
    assert player.camera.distance < home.distance
    for key in (glfw.KEY_LEFT, glfw.KEY_RIGHT, glfw.KEY_UP, glfw.KEY_DOWN, glfw.KEY_EQUAL, glfw.KEY_MINUS):
        before = player.camera
        controls.key(key)
        assert player.camera != before or key == glfw.KEY_UP
    controls.key(glfw.KEY_HOME)
    assert player.camera == home


def test_wishes_and_help(controls: Controls) -> None:
    for key in (glfw.KEY_S, glfw.KEY_R, glfw.KEY_H, glfw.KEY_F12):
        controls.key(key)
    assert controls.wishes == {"picture", "video"} and controls.help and not controls.closing
    controls.key(glfw.KEY_ESCAPE)
    assert controls.closing


def test_help_lists_the_sources_and_is_drawn(controls: Controls) -> None:
    assert len(controls_of().help_lines()) == 4 and "2: full" in controls.help_lines()[4]
    panel = text_panel(controls.help_lines())
    assert panel.shape[2] == 4 and panel[..., 0].min() < 60 < 200 < panel[..., 0].max()
