"""From sounds to a moving mouth: each sound pulls lips and jaw towards its own shape, its neighbours pull too.

Coarticulation by dominance functions (Cohen and Massaro 1993, "Modeling coarticulation in synthetic visual speech"): a curve is the mean of the
sounds' targets, each weighted by a dominance that is strongest in the sound's middle and fades towards its neighbours. What closes the
mouth closes it whatever stands beside it. The jaw opens with the loudness.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from facecraft4d.runtime.speech.phones import FIRST_PART, Articulation, Phone, articulations, glides
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.geometry import smoothstep

REACH_SECONDS = 0.055
"""How far a sound's dominance reaches beyond its own half: neighbours of 60 to 120 ms shape each other."""
HELD_SECONDS = 0.06
"""From a sound's edges its dominance begins to fade."""
CLOSING_SECONDS = 0.055
"""Lips come together, and part, within this time."""
QUIET_JAW, LOUD_JAW = 0.45, 1.15
"""How far the jaw opens for a sound that is hardly heard and for the loudest, as a part of what the table says."""
BEFORE_SECONDS, AFTER_SECONDS = 0.15, 0.12
"""The mouth shapes a sound before it is heard, and keeps it for a moment."""
JAW = ARKIT_NAMES.index("jawOpen")


def mouth_curves(phones: Sequence[Phone], loudness: Float[np.ndarray, " t"], fps: float) -> Float[np.ndarray, "t 52"]:
    """Weights in ARKit's order for each frame of `fps` a second, within 0 and 1; the mouth rests where nothing is heard."""
    times = np.arange(len(loudness)) / fps
    parts = glided(phones)
    curves = _blended(parts, times)
    curves[:, JAW] *= jaw_gain(loudness)
    curves *= _activity(loudness, fps)[:, None]
    return np.asarray(
        np.clip(_closed(curves, [part for part in parts if articulations()[part.name].closes], times), 0, 1)
    )


def glided(phones: Sequence[Phone]) -> list[Phone]:
    """The phones with each diphthong as its two sounds."""
    found: list[Phone] = []
    for phone in phones:
        if phone.name not in glides():
            found.append(phone)
            continue
        first, second = glides()[phone.name]
        turn = phone.start + FIRST_PART * (phone.end - phone.start)
        found += [Phone(first, phone.start, turn), Phone(second, turn, phone.end)]
    return found


def jaw_gain(loudness: Float[np.ndarray, " t"]) -> Float[np.ndarray, " t"]:
    """What the jaw's opening is multiplied by: it never falls where the loudness rises."""
    return np.asarray(QUIET_JAW + (LOUD_JAW - QUIET_JAW) * loudness)


def _blended(parts: Sequence[Phone], times: np.ndarray) -> np.ndarray:
    """The dominance functions' mean of the targets [t, 52]."""
    over, under = np.zeros((len(times), len(ARKIT_NAMES))), np.full((len(times), len(ARKIT_NAMES)), 1e-6)
    for part in parts:
        shape = articulations()[part.name]
        near = np.flatnonzero((times > part.start - 1) & (times < part.end + 1))
        share = _dominance(part, times[near])[:, None] * np.where(
            np.arange(len(ARKIT_NAMES)) == JAW, shape.jaw, shape.lips
        )
        over[near] += share * _target(shape)
        under[near] += share
    return np.asarray(over / under)


def _dominance(part: Phone, times: np.ndarray) -> np.ndarray:
    """1 in the sound's middle; a bell beyond it."""
    middle, half = (part.start + part.end) / 2, (part.end - part.start) / 2
    held = max(0.0, half - HELD_SECONDS)
    away = np.maximum(np.abs(times - middle) - held, 0)
    return np.asarray(np.exp(-((away / (half - held + REACH_SECONDS)) ** 2)))


def _target(shape: Articulation) -> np.ndarray:
    return np.array([shape.weights.get(name, 0.0) for name in ARKIT_NAMES])


def _closed(curves: np.ndarray, parts: Sequence[Phone], times: np.ndarray) -> np.ndarray:
    """The curves with the mouth closed in the middle of each of the `parts`; where two meet the nearer one wins."""
    share, over, under = np.zeros(len(times)), np.zeros_like(curves), np.full(len(times), 1e-9)
    for part in parts:
        near = np.flatnonzero((times > part.start - 1) & (times < part.end + 1))
        own = _closing(part, times[near])
        share[near] = np.maximum(share[near], own)
        over[near] += own[:, None] ** 4 * _target(articulations()[part.name])
        under[near] += own**4
    return np.asarray((1 - share[:, None]) * curves + share[:, None] * over / under[:, None])


def _closing(part: Phone, times: np.ndarray) -> np.ndarray:
    """1 through the middle half of a sound that closes the mouth, 0 beyond its neighbourhood."""
    middle, quarter = (part.start + part.end) / 2, (part.end - part.start) / 4
    return smoothstep((quarter + CLOSING_SECONDS - np.abs(times - middle)) / CLOSING_SECONDS)


def _activity(loudness: np.ndarray, fps: float) -> np.ndarray:
    """1 where something is heard or soon will be, 0 in silence, without a jump."""
    before, after = round(BEFORE_SECONDS * fps), round(AFTER_SECONDS * fps)
    padded = np.pad((loudness > 0).astype(float), (after, before))
    windows = np.lib.stride_tricks.sliding_window_view(padded, before + after + 1)
    wide = windows.max(1)
    window = np.hanning(2 * max(1, after // 2) + 3)[1:-1]
    edged = np.pad(wide, len(window) // 2, mode="edge")
    return np.asarray(np.convolve(edged, window / window.sum(), "valid"))
