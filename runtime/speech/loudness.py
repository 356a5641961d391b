"""How loud speech is, and a sound at the rate that its listeners take."""

import av
import numpy as np
from jaxtyping import Float, Int16

from facecraft4d.toolkit.core.datatypes import Sound

RATE = 16_000
"""Samples a second that recognisers take."""
WINDOW_SECONDS = 0.04
SILENT_DECIBELS = -55.0
"""Below a full wave: nobody speaks."""
RANGE_DECIBELS = 35.0
"""From the loud parts of speech down to its pauses."""
LOUD_PART = 95.0
"""Percentile of the loudness that counts as loud."""


def heard(sound: Sound) -> Int16[np.ndarray, " n"]:
    """The sound in one channel at RATE."""
    layout = "mono" if sound.samples.shape[1] == 1 else "stereo"
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.samples.reshape(1, -1)), "s16", layout)
    frame.sample_rate = sound.rate
    resampler = av.AudioResampler("s16", "mono", RATE)
    parts = [part.to_ndarray().ravel() for given in (frame, None) for part in resampler.resample(given)]
    return np.concatenate(parts) if parts else np.zeros(0, np.int16)


def loudness(samples: Int16[np.ndarray, " n"], times: Float[np.ndarray, " t"]) -> Float[np.ndarray, " t"]:
    """0 in pauses to 1 for the loudest, at each of the `times` (seconds); all 0 where nobody speaks. It rises with the sound's power."""
    power = np.convolve((samples / 32768.0) ** 2, _window(round(WINDOW_SECONDS * RATE)), "same")
    places = np.clip(np.round(times * RATE).astype(int), 0, max(len(power) - 1, 0))
    if not len(power):
        return np.zeros(len(times))
    decibels = 10 * np.log10(np.maximum(power[places], 1e-12))
    loud = float(np.percentile(decibels, LOUD_PART))
    if loud < SILENT_DECIBELS:
        return np.zeros(len(times))
    return np.asarray(np.clip(1 + (decibels - loud) / RANGE_DECIBELS, 0, 1))


def _window(count: int) -> np.ndarray:
    window = np.hanning(count + 2)[1:-1]
    return np.asarray(window / window.sum())
