"""The mouth's laws: lips meet where they must, the jaw follows the loudness, silence is rest."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facecraft4d.exporters.expression_sets import VISEMES
from facecraft4d.runtime.speech.mouth import JAW, glided, jaw_gain, mouth_curves
from facecraft4d.runtime.speech.phones import SILENCE, Phone, articulations, from_ipa, glides, known
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES

FPS = 60.0
NAMES = sorted({*articulations(), *glides()} - {"OW1"})


def said(names: list[str], lengths: list[float]) -> list[Phone]:
    """Sounds one after the other, from 0.3 s on."""
    marks = 0.3 + np.cumsum([0.0, *lengths])
    return [Phone(name, float(a), float(b)) for name, a, b in zip(names, marks, marks[1:], strict=False)]


sounds = st.lists(st.tuples(st.sampled_from(NAMES), st.floats(0.05, 0.25)), min_size=1, max_size=12)
"""Names and seconds."""


def test_the_table_is_whole() -> None:
    for name, shape in articulations().items():
        assert set(shape.weights) <= set(ARKIT_NAMES) and all(0 < value <= 1 for value in shape.weights.values()), name
        assert 0 < shape.lips <= 1 and 0 < shape.jaw <= 1
    assert all(known(first) and known(second) for first, second in glides().values())
    assert len(NAMES) == 40, "ARPABET's 39 and silence"
    assert all(known(phone) for phones in from_ipa().values() for phone in phones)
    assert not articulations()[SILENCE].weights and not VISEMES["sil"]


@pytest.mark.slow
@given(sounds)
@settings(max_examples=60, deadline=None)
def test_lips_meet_in_the_middle_of_whatever_closes_them(spoken: list[tuple[str, float]]) -> None:
    phones = said([name for name, _ in spoken], [length for _, length in spoken])
    curves = mouth_curves(phones, np.ones(round((phones[-1].end + 0.5) * FPS)), FPS)
    assert (curves >= 0).all() and (curves <= 1).all()
    times = np.arange(len(curves)) / FPS
    for phone in glided(phones):
        shape = articulations()[phone.name]
        if not shape.closes:
            continue
        middle = np.array([np.interp((phone.start + phone.end) / 2, times, column) for column in curves.T])
        target = np.array([shape.weights.get(name, 0.0) for name in ARKIT_NAMES])
        assert np.abs(middle - target).max() < 0.2, phone
        assert middle[JAW] < 0.16


@pytest.mark.slow
@given(sounds, st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_the_jaw_never_closes_because_it_is_louder(spoken: list[tuple[str, float]], seed: int) -> None:
    phones, chance = said([name for name, _ in spoken], [length for _, length in spoken]), np.random.default_rng(seed)
    quiet = chance.uniform(0.01, 1, round((phones[-1].end + 0.5) * FPS))
    louder = np.minimum(1, quiet + chance.uniform(0, 0.5, len(quiet)))
    assert (np.diff(jaw_gain(np.sort(quiet))) >= 0).all()
    assert (mouth_curves(phones, louder, FPS)[:, JAW] >= mouth_curves(phones, quiet, FPS)[:, JAW] - 1e-9).all()


@given(sounds)
@settings(max_examples=30, deadline=None)
def test_the_mouth_rests_in_silence_and_never_jumps(spoken: list[tuple[str, float]]) -> None:
    phones = said([name for name, _ in spoken], [length for _, length in spoken])
    loud = np.zeros(round((phones[-1].end + 1) * FPS))
    loud[round(0.3 * FPS) : round(phones[-1].end * FPS)] = 0.8
    curves = mouth_curves(phones, loud, FPS)
    assert not curves[0].any() and not curves[-1].any()
    assert np.abs(np.diff(curves, axis=0)).max() < 0.45, "a mouth takes two frames and more from open to closed"


@pytest.mark.parametrize(("sound", "curve"), [("UW", "mouthPucker"), ("SH", "mouthFunnel"), ("F", "mouthRollLower"), ("AA", "jawOpen"), ("IY", "mouthSmileLeft")])  # fmt: skip
def test_what_is_held_shows(sound: str, curve: str) -> None:
    curves = mouth_curves([Phone(sound, 0.2, 0.8)], np.ones(60), FPS)
    assert ARKIT_NAMES[int(curves[30].argmax())] == curve or curves[30, ARKIT_NAMES.index(curve)] > 0.4


def test_neighbours_shape_each_other() -> None:
    pucker = ARKIT_NAMES.index("mouthPucker")
    beside, alone = (
        mouth_curves(said(["T", vowel], [0.08, 0.2]), np.ones(60), FPS)[round(0.34 * FPS), pucker]
        for vowel in ("UW", "AA")
    )
    assert beside > 0.3 > alone
