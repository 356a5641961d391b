"""The player's state by itself: sources of poses, time and camera. It knows no window."""

import numpy as np
import pytest
from clip_cases import JAW, constant
from places import TINY

from facecraft4d.exporters import load
from facecraft4d.runtime import ClipSource, Player, PoseSource
from facecraft4d.runtime.camera import framing
from facecraft4d.runtime.player import FADE_SECONDS, STEP_SECONDS
from facecraft4d.runtime.sources import clip_sources
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Pose
from facecraft4d.toolkit.core.motion import builtin_clip
from facecraft4d.toolkit.core.rigging import pose_from_weights


class Listener:
    """A driver that hears nothing before the first second is over."""

    def __init__(self, avatar: Avatar) -> None:
        self.rig, self.asked = avatar.rig, []

    def pose(self, now: float) -> Pose | None:
        self.asked.append(now)
        return pose_from_weights(self.rig, {"jawOpen": 0.25}) if now > 1 else None


@pytest.fixture
def player() -> Player:
    avatar = load(TINY)
    return Player(avatar, clip_sources((constant("half", 0.5), constant("full", 1.0)), avatar.rig), framing(avatar))


def test_sources_lead_over_to_each_other(player: Player) -> None:
    assert player.current == "half" and player.pose().expression[JAW] == 0.5
    player.choose("full")
    assert np.isclose(player.pose().expression[JAW], 0.5)
    player.advance(FADE_SECONDS / 2)
    assert np.isclose(player.pose().expression[JAW], 0.75)
    player.advance(FADE_SECONDS)
    assert player.pose().expression[JAW] == 1
    with pytest.raises(ValueError, match="name must be one of half, full, got third"):
        player.choose("third")
    player.choose(None)
    player.advance(FADE_SECONDS)
    assert not player.pose().expression.any()


def test_time_runs_unless_paused_and_begins_anew_with_each_source(player: Player) -> None:
    player.advance(0.4)
    player.playing = False
    player.advance(5.0)
    assert player.seconds == 0.4
    player.playing = True
    player.step(3)
    assert np.isclose(player.seconds, 0.4 + 3 * STEP_SECONDS) and not player.playing
    player.step(-3)
    assert np.isclose(player.seconds, 0.4)
    player.choose("full")
    assert player.seconds == 0


def test_a_clip_steps_from_frame_to_frame_and_over_its_ends(player: Player) -> None:
    source = clip_sources((builtin_clip("jaw"),), player.avatar.rig)["jaw"]
    assert isinstance(source, ClipSource)
    other = Player(player.avatar, {"jaw": source}, player.camera)
    for frame in (1, 2, 1, 0, -1):
        other.step(frame - round(other.seconds / STEP_SECONDS))
        expected = source.motion.pose(frame).expression
        np.testing.assert_allclose(other.pose().expression, expected, atol=2e-3)


def test_a_source_that_has_nothing_to_say_leaves_the_head_at_rest(player: Player) -> None:
    listener = Listener(player.avatar)
    assert isinstance(listener, PoseSource) and isinstance(player.sources["half"], PoseSource)
    live = Player(player.avatar, {"live": listener}, player.camera)
    assert not live.pose().expression.any()
    live.advance(1.5)
    assert live.pose().expression[JAW] == 0.25 and listener.asked == [0.0, 1.5]


def test_a_player_without_sources_rests(player: Player) -> None:
    still = Player(player.avatar, {}, player.camera)
    still.advance(1.0)
    still.step(1)
    assert still.current is None and not still.pose().expression.any()
