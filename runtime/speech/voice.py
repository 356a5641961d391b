"""A voice that is heard while its clip plays, in step with it, through sounddevice (MIT; pocketsphinx brings it) where the machine has sound."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from facecraft4d.runtime.sources import ClipSource
from facecraft4d.toolkit.core.datatypes import Pose, Sound

MOST_DRIFT = 0.08
"""Seconds that the voice may be beside its picture: more is seen (ITU-R BT.1359)."""
MOST_SILENCE = 0.25
"""Seconds after which a clip that nobody asks for is over."""


class Voice:
    """Which part of a sound is due. The player's clock leads; the sound jumps where it has drifted."""

    def __init__(self, sound: Sound, clock: Callable[[], float] = time.monotonic) -> None:
        self.sound, self._clock = sound, clock
        self._seconds, self._at, self._moving = 0.0, -float("inf"), False
        self._next = 0

    def follow(self, seconds: float) -> None:
        """The picture of this time is shown now; the same time again is a pause."""
        self._moving = seconds != self._seconds
        self._seconds, self._at = seconds, self._clock()

    def block(self, count: int) -> np.ndarray:
        """The next samples [count, channels]; silence in a pause, and where the clip is not playing."""
        out = np.zeros((count, self.sound.samples.shape[1]), np.int16)
        since = self._clock() - self._at
        if not self._moving or since > MOST_SILENCE:
            return out
        due = round(((self._seconds + since) % self.sound.duration) * self.sound.rate)
        if abs(due - self._next) > MOST_DRIFT * self.sound.rate:
            self._next = due
        part = self.sound.samples[self._next : self._next + count]
        out[: len(part)] = part
        self._next += count
        return out


@dataclass(frozen=True, slots=True, eq=False)
class VoicedClip(ClipSource):
    """A clip whose voice follows whenever it is played."""

    voice: Voice

    @property
    def sound(self) -> Sound:
        """What the voice says."""
        return self.voice.sound

    def pose(self, now: float) -> Pose:
        """As of any clip."""
        self.voice.follow(now % self.motion.duration)
        return ClipSource.pose(self, now)


def sounding(voice: Voice, sound: Sound) -> Any | None:
    """A stream that says the voice until it is closed; None where this machine has no sound."""
    try:
        import sounddevice

        stream = sounddevice.RawOutputStream(
            samplerate=sound.rate, channels=sound.samples.shape[1], dtype="int16",
            callback=lambda out, count, when, status: out.__setitem__(slice(None), voice.block(count).tobytes()),
        )  # fmt: skip
        stream.start()
        return stream
    except Exception:  # no library of the system, no device, a device that is taken: each says it in its own way
        return None
