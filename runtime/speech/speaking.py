"""From speech to a clip: sounds of the voice, a mouth for them, a head that lives meanwhile."""

from collections.abc import Sequence

import numpy as np

from facecraft4d.runtime.drivers.mixer import Mixer, sampled
from facecraft4d.runtime.idle import Idle
from facecraft4d.runtime.sources import ClipSource
from facecraft4d.runtime.speech.alignment import aligned
from facecraft4d.runtime.speech.loudness import heard, loudness
from facecraft4d.runtime.speech.mouth import mouth_curves
from facecraft4d.runtime.speech.phones import Phone
from facecraft4d.runtime.speech.recognition import recognised
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES, JOINT_NAMES
from facecraft4d.toolkit.core.datatypes import Motion, Sound
from facecraft4d.toolkit.core.motion import named_rig

FPS = 60.0
"""Frames a second of clips of speech: lips meet for a twentieth of one."""
NOD = 0.05
"""How far the head goes down with what is loud, radians."""
BROWS = 0.35
"""How far the brows rise with it."""
EMPHASIS_SECONDS = 0.7
"""Head and brows are slower than the mouth: this much of the loudness around a moment moves them."""
HEARD_AROUND = 0.1
"""Seconds before and after a sound within which something must be heard of it."""


def spoken(sound: Sound, text: str | None = None, name: str = "speech") -> Motion:
    """The clip of a head that says what is heard, as long as the sound is; by the `text` where it is known, by ear where not.

    Mouth, nods and brows in the order of ARKIT_NAMES and JOINT_NAMES, at FPS; at rest where nothing is heard. UserError for a text that is not
    what is said.
    """
    samples = heard(sound)
    times = np.arange(max(2, round(sound.duration * FPS))) / FPS
    loud = loudness(samples, times)
    phones = () if not loud.any() else aligned(samples, text) if text is not None else recognised(samples)
    weights = mouth_curves(_audible(phones, loud), loud, FPS)
    emphasis = _smoothed(loud)
    weights[:, ARKIT_NAMES.index("browInnerUp")] += BROWS * emphasis**2
    turns = np.zeros((len(times), len(JOINT_NAMES), 3), np.float32)
    turns[:, JOINT_NAMES.index("neck"), 0] = NOD * emphasis
    return Motion(
        name, FPS, ARKIT_NAMES, weights.astype(np.float32), JOINT_NAMES, turns, np.zeros((len(times), 3), np.float32)
    )


def alive(clip: Motion, mood: str = "neutral", amount: float = 1.0, seed: int = 0) -> Motion:
    """The clip with idle life added to it: blinks, glances, small motions of the head."""
    rig = named_rig()
    return sampled(
        Mixer((ClipSource(clip), Idle(rig, mood, amount, seed))), rig, len(clip.expressions), clip.fps, clip.name
    )


def _audible(phones: Sequence[Phone], loud: np.ndarray) -> list[Phone]:
    """Those of which something is heard."""

    def is_heard(phone: Phone) -> bool:
        first, last = (phone.start - HEARD_AROUND) * FPS, (phone.end + HEARD_AROUND) * FPS
        return bool(loud[max(0, int(first)) : int(last) + 1].any())

    return [phone for phone in phones if is_heard(phone)]


def _smoothed(loud: np.ndarray) -> np.ndarray:
    window = np.hanning(round(EMPHASIS_SECONDS * FPS) + 2)[1:-1]
    return np.asarray(np.convolve(loud, window / window.sum(), "same")[: len(loud)])
