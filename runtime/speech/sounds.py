"""Sounds as files."""

import io
import wave

import numpy as np

from facecraft4d.toolkit.core.datatypes import Sound


def written_wav(sound: Sound) -> bytes:
    """The sound as a WAV file."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(sound.samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(sound.rate)
        file.writeframes(np.ascontiguousarray(sound.samples, "<i2").tobytes())
    return buffer.getvalue()
