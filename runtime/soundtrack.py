"""The sound of a video: AAC beside its pictures."""

import av
import numpy as np

from facecraft4d.toolkit.core.datatypes import Sound

BITS_A_SECOND = 64_000
"""For each channel: speech as good as new."""


class SoundTrack:
    """A track of a file that is being written. It is written along with the pictures, so that players find both at one place."""

    def __init__(self, container: "av.container.OutputContainer", sound: Sound) -> None:
        channels = sound.samples.shape[1]
        self._container, self._sound, self._written = container, sound, 0
        self._stream = container.add_stream("aac", rate=sound.rate, layout="mono" if channels == 1 else "stereo")
        self._stream.bit_rate = BITS_A_SECOND * channels

    def write(self, seconds: float) -> None:
        """All that is heard before that time and not yet written."""
        end = min(round(seconds * self._sound.rate), len(self._sound.samples))
        part = self._sound.samples[self._written : end]
        if len(part):
            layout = self._stream.codec_context.layout.name
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(part.reshape(1, -1)), "s16", layout)
            frame.sample_rate, frame.pts = self._sound.rate, self._written
            self._container.mux(self._stream.encode(frame))
            self._written = end

    def close(self) -> None:
        """The rest, and what the encoder holds."""
        self.write(self._sound.duration)
        self._container.mux(self._stream.encode())


def lasting(sound: Sound, seconds: float) -> Sound:
    """The sound cut, or followed by silence, so that it lasts so long."""
    count = round(seconds * sound.rate)
    samples = np.zeros((count, sound.samples.shape[1]), np.int16)
    samples[: len(sound.samples)] = sound.samples[:count]
    return Sound(samples, sound.rate)
