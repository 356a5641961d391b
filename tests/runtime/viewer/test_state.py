"""What the user chose, without a window: cameras, recordings that count frames, avatars that change under it."""

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from clip_cases import JAW, constant
from hypothesis import given
from hypothesis import strategies as st
from places import TINY

from facecraft4d.exporters import load
from facecraft4d.runtime.camera import MOST_TARGET, framing
from facecraft4d.runtime.capture import Capture
from facecraft4d.runtime.idle import MOODS, Idle
from facecraft4d.runtime.player import FADE_SECONDS, Player
from facecraft4d.runtime.sources import ClipSource, PoseSource, clip_sources
from facecraft4d.runtime.speech.voice import Voice, VoicedClip
from facecraft4d.runtime.viewer.relaid import Relaid, relaid
from facecraft4d.runtime.viewer.state import RECORDED_FPS, TOLD_SECONDS, TURN_DEGREES, ViewerState
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Pose, Sound
from facecraft4d.toolkit.core.geometry import project
from facecraft4d.toolkit.core.motion import on_rig
from facecraft4d.toolkit.core.rigging import pose_from_weights

AVATAR = load(TINY)
CLIPS = clip_sources((constant("half", 0.5), constant("full", 1.0)), AVATAR.rig)


def new_state(sources: dict[str, PoseSource] = CLIPS, mood: str = "neutral") -> ViewerState:
    return ViewerState(Player(AVATAR, sources, framing(AVATAR), Idle(AVATAR.rig, mood)))


def reversed_expressions(avatar: Avatar) -> Avatar:
    """The same head whose expressions stand in another order."""
    names, deltas = avatar.rig.expression_names[::-1], np.ascontiguousarray(avatar.rig.expression_deltas[::-1])
    return replace(avatar, rig=replace(avatar.rig, expression_names=names, expression_deltas=deltas))


@pytest.mark.slow
@given(st.floats(-300, 300), st.floats(-300, 300))
def test_panning_moves_the_head_with_the_pointer(right: float, down: float) -> None:
    state = new_state()
    state.turn(35.0, 20.0)
    point, height = np.array(state.camera.target), 600
    before, _ = project(state.camera.camera(height, height), point[None])
    state.pan(right, down, height)
    after, _ = project(state.camera.camera(height, height), point[None])
    assert after[0] - before[0] == pytest.approx([right, down], abs=1e-3 * height)


def test_panning_ends_somewhere() -> None:
    state = new_state()
    for _ in range(100):
        state.pan(-1e6, 1e6, 600)
    assert max(map(abs, state.camera.target)) <= MOST_TARGET


def test_two_fingers_zoom_turn_and_move() -> None:
    state = new_state()
    home = state.camera
    state.wheel(0.0, 2.0, False, 600)
    assert state.camera.distance < home.distance and state.camera.yaw_degrees == 0
    state.wheel(1.0, 0.0, False, 600)
    assert state.camera.yaw_degrees < 0
    state.wheel(1.0, 1.0, True, 600)
    assert state.camera.target != home.target
    state.front()
    assert state.camera == home


@pytest.mark.parametrize("slow", [0.001, 0.05, 1.0])
def test_a_clip_is_recorded_frame_by_frame_however_slowly_it_is_drawn(slow: float) -> None:
    """Ten frames at ten a second: thirty pictures, evenly spaced, the first at the clip's beginning."""
    state = new_state()
    state.advance(0.37)
    state.record("once")
    assert state.wishes == {"video"}
    state.wishes.clear()
    seen, marks = [], []
    while state.recording:
        state.advance(state.exact_step(slow))
        if state.recording:
            seen.append(state.timeline.at)
            marks.append(state.capture_time(123.0))
    assert state.wishes == {"video"} and len(seen) == RECORDED_FPS
    np.testing.assert_allclose(seen, np.arange(RECORDED_FPS) / RECORDED_FPS, atol=1e-9)
    np.testing.assert_allclose(np.diff(marks), 1 / RECORDED_FPS)


def test_a_clip_that_speaks_is_heard_in_its_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    voice = Sound((9000 * np.sin(np.arange(16000) * 0.3)).astype(np.int16)[:, None], 16000)
    state = new_state({"speech": VoicedClip(on_rig(constant("half", 0.5), AVATAR.rig), Voice(voice))})
    assert state.recorded_sound is None
    state.record("once")
    capture, image, made = Capture(), np.zeros((32, 32, 3), np.uint8), ()
    while not made:
        state.advance(state.exact_step(0.05))
        made = capture.take(image, state.wishes, state.capture_time(0.0), state.recorded_sound)
        state.wishes.clear()
    with av.open(str(made[0])) as container:
        spoken = container.streams.audio[0]
        assert float(spoken.duration * spoken.time_base) == pytest.approx(1.0, abs=0.05)
    state.record("video")
    assert state.recorded_sound is None, "seconds of the clock are not the clip's"


def test_one_turn_comes_back_to_where_it_began() -> None:
    state = new_state()
    state.record("turn")
    yaws = []
    while state.recording:
        state.advance(state.exact_step(1.0))
        yaws.append(state.camera.yaw_degrees % 360)
    assert len(set(np.round(yaws, 3))) == round(360 / TURN_DEGREES * RECORDED_FPS)
    state.record("video")
    assert state.exact_step(0.25) == 0.25 and state.capture_time(7.0) == 7.0
    state.record("video")
    assert not state.recording


def test_a_mood_lies_on_clips_too_and_once_on_the_head_at_rest() -> None:
    state = new_state(mood="happy")
    smile = AVATAR.rig.expression_names.index("mouthSmileLeft")
    state.advance(2 * FADE_SECONDS)
    assert state.pose().expression[smile] == pytest.approx(MOODS["happy"].face["mouthSmileLeft"])
    state.player.choose(None)
    state.advance(2 * FADE_SECONDS)
    assert state.pose().expression[smile] == pytest.approx(MOODS["happy"].face["mouthSmileLeft"])
    state.set_mood("sad")
    state.live_by(0.0)
    state.advance(2 * FADE_SECONDS)
    assert state.pose().expression[smile] == 0
    assert isinstance(state.player.life, Idle) and state.player.life.mood == "sad" and state.player.life.amount == 0


def test_messages_go_away() -> None:
    state = new_state()
    state.tell("something")
    assert state.told == "something"
    state.advance(TOLD_SECONDS + 0.1)
    assert state.told == ""


def test_a_rebuilt_avatar_goes_on_where_the_old_one_was() -> None:
    state = new_state()
    state.player.choose("full")
    state.advance(0.45)
    state.turn(30.0, 5.0)
    state.face.move("browInnerUp", 0.7)
    camera = state.camera
    state.change_avatar(reversed_expressions(AVATAR), same=True)
    rig = state.player.avatar.rig
    pose = state.pose()
    assert state.player.current == "full" and state.player.seconds == 0.45 and state.camera == camera
    assert pose.expression[rig.expression_names.index("jawOpen")] == 1
    assert pose.expression[rig.expression_names.index("browInnerUp")] == pytest.approx(0.7)
    assert state.timeline.duration == 1.0
    state.change_avatar(AVATAR, same=False)
    assert state.camera == state.player.home and state.pose().expression[JAW] == 1


class Heard:
    """A driver."""

    def pose(self, now: float) -> Pose | None:
        return pose_from_weights(AVATAR.rig, {"jawOpen": 0.25}) if now < 1 else None


def test_drivers_move_over_to_another_rig_by_names() -> None:
    driver, other = Heard(), reversed_expressions(AVATAR).rig
    assert relaid(driver, AVATAR.rig, AVATAR.rig) is driver
    assert isinstance(relaid(CLIPS["half"], AVATAR.rig, other), ClipSource)
    moved = relaid(driver, AVATAR.rig, other)
    assert isinstance(moved, Relaid) and moved.pose(2.0) is None
    pose = moved.pose(0.0)
    assert pose is not None and pose.expression[other.expression_names.index("jawOpen")] == 0.25
    assert pose.expression.sum() == 0.25


def test_levels_are_the_avatars_own() -> None:
    level = AVATAR.level(100).splats
    state = ViewerState(Player(replace(AVATAR, levels=(level,)), {}, framing(AVATAR)))
    assert len(state.shown.splats.means) == len(AVATAR.splats.means)
    state.look.level = 1  # by hand or by who keeps a frame's time
    assert len(state.shown.splats.means) == 100 and state.shown is state.shown
    state.change_avatar(AVATAR, same=True)
    assert state.look.level == 0 and state.shown is AVATAR
