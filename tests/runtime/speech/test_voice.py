"""A voice in step with its clip, whatever the clocks do."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from facecraft4d.runtime.sources import ClipSource
from facecraft4d.runtime.speech.voice import MOST_SILENCE, Voice, VoicedClip, sounding
from facecraft4d.toolkit.core.datatypes import Sound
from facecraft4d.toolkit.core.motion import builtin_clip

RATE, BLOCK = 8000, 80
SOUND = Sound(np.arange(1, 16001, dtype=np.int16)[:, None], RATE)
"""Each sample says its place."""


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def heard(voice: Voice, clock: Clock, seconds: float, player: float, speed: float = 1.0) -> np.ndarray:
    """What is said while a player shows frames from `player` seconds on, 60 a second."""
    blocks = []
    for step in range(round(seconds * RATE / BLOCK)):
        clock.now += BLOCK / RATE
        if step % 2 == 0:
            voice.follow(player + speed * step * BLOCK / RATE)
        blocks.append(voice.block(BLOCK))
    return np.concatenate(blocks)[:, 0]


def test_the_voice_runs_without_a_gap_while_the_clip_plays() -> None:
    clock = Clock()
    voice = Voice(SOUND, clock)
    said = heard(voice, clock, 1.0, 0.2)
    running = said[said > 0]
    assert len(running) > 7800 and (np.diff(running) == 1).all()
    assert running[0] == pytest.approx(0.2 * RATE, abs=0.05 * RATE)


def test_it_jumps_with_the_clip_and_is_silent_in_a_pause() -> None:
    clock = Clock()
    voice = Voice(SOUND, clock)
    heard(voice, clock, 0.5, 0.0)
    assert heard(voice, clock, 0.3, 1.2)[-1] == pytest.approx(1.5 * RATE, abs=0.1 * RATE)
    assert not heard(voice, clock, 0.3, 0.7, speed=0.0)[4 * BLOCK :].any(), "paused"
    heard(voice, clock, 0.2, 0.0)
    clock.now += MOST_SILENCE + 0.1
    assert not voice.block(BLOCK).any(), "another clip plays"


def test_a_clip_with_a_voice_is_a_clip() -> None:
    clip, voice = builtin_clip("jaw"), Voice(SOUND)
    voiced = VoicedClip(clip, voice)
    assert isinstance(voiced, ClipSource)
    assert np.array_equal(voiced.pose(0.7).expression, ClipSource(clip).pose(0.7).expression)
    assert voice.block(BLOCK).any()


def test_a_machine_without_sound_plays_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(**_: object) -> None:
        raise OSError("PortAudio library not found")

    monkeypatch.setitem(sys.modules, "sounddevice", SimpleNamespace(RawOutputStream=silent))
    assert sounding(Voice(SOUND), SOUND) is None


def test_what_is_due_reaches_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stream:
        def __init__(self, **options: object) -> None:
            self.options, self.started = options, False

        def start(self) -> None:
            self.started = True

    monkeypatch.setitem(sys.modules, "sounddevice", SimpleNamespace(RawOutputStream=Stream))
    voice = Voice(SOUND)
    stream = sounding(voice, SOUND)
    assert stream is not None and stream.started and stream.options["samplerate"] == RATE
    voice.follow(0.5)
    out = bytearray(2 * BLOCK)
    stream.options["callback"](out, BLOCK, None, None)
    assert np.frombuffer(bytes(out), np.int16).any()
