"""From a voice to a clip: as long as the sound, the same again, the lips' laws for a real voice."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from places import DATA

from facecraft4d.runtime.speech import alive, spoken
from facecraft4d.runtime.speech.alignment import aligned, words_of
from facecraft4d.runtime.speech.loudness import RATE, heard, loudness
from facecraft4d.runtime.speech.recognition import _pieces, pronounced, recognised
from facecraft4d.runtime.speech.speaking import FPS
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Sound
from facecraft4d.toolkit.core.untrusted.media import read_sound

TEXT = "Five brave mothers found the moon. Papa may vote."
SAID = "F AY V B R EY V M AH DH ER Z F AW N D DH AH M UW N P AA P AH M EY V OW T".split()
VOICE = DATA / "five_brave_mothers.flac"
"""espeak-ng -v en-us -s 150, saying TEXT."""


@pytest.fixture(scope="module")
def voice() -> Sound:
    return read_sound(VOICE)


@pytest.mark.slow
def test_the_text_is_found_in_the_voice(voice: Sound) -> None:
    phones = [phone for phone in aligned(heard(voice), TEXT) if phone.name != "SIL"]
    assert [phone.name for phone in phones] == SAID
    assert all(first.end <= second.start + 1e-9 for first, second in itertools.pairwise(phones))
    assert 0 <= phones[0].start and phones[-1].end <= voice.duration


@pytest.mark.slow
def test_by_ear_the_lips_close_for_the_same_sounds(voice: Sound) -> None:
    by_text = [phone for phone in aligned(heard(voice), TEXT) if phone.name in "PBMFV"]
    by_ear = [phone for phone in recognised(heard(voice)) if phone.name in "PBMFV"]
    near = [any(abs(a.start - b.start) < 0.1 for b in by_ear) for a in by_text]
    assert np.mean(near) > 0.7, f"{sum(near)} of {len(near)}"


@pytest.mark.slow
@pytest.mark.parametrize("text", [TEXT, None])
def test_a_clip_is_as_long_as_its_sound_and_the_same_again(voice: Sound, text: str | None) -> None:
    clip, again = spoken(voice, text), spoken(voice, text)
    assert clip.duration == pytest.approx(voice.duration, abs=0.5 / FPS)
    assert np.array_equal(clip.expressions, again.expressions)
    assert np.array_equal(clip.joint_rotations, again.joint_rotations)
    assert 0.3 < clip.expressions[:, ARKIT_NAMES.index("jawOpen")].max() < 0.8


@pytest.mark.slow
def test_lips_meet_for_a_real_voice(voice: Sound) -> None:
    clip = spoken(voice, TEXT)
    jaw, press = (clip.expressions[:, ARKIT_NAMES.index(name)] for name in ("jawOpen", "mouthPressLeft"))
    for phone in aligned(heard(voice), TEXT):
        if phone.name in "PBM":
            middle = round((phone.start + phone.end) / 2 * FPS)
            assert jaw[middle] < 0.08 and press[middle] > 0.3, phone


@pytest.mark.slow
def test_silence_is_rest_and_life_is_added(voice: Sound) -> None:
    silent = replace(voice, samples=np.zeros_like(voice.samples))
    clip = spoken(silent, TEXT)
    assert not clip.expressions.any() and not clip.joint_rotations.any()
    lived = alive(clip)
    assert lived.expressions[:, ARKIT_NAMES.index("eyeBlinkLeft")].max() > 0.8
    assert np.array_equal(alive(clip, amount=0.0).expressions, clip.expressions)
    both = alive(spoken(voice, TEXT))
    assert both.expressions.max() <= 1 and both.duration == clip.duration


def test_loudness_rises_with_the_power(voice: Sound) -> None:
    samples, times = heard(voice), np.arange(100) / 60
    loud = loudness(samples, times)
    assert loud.max() == pytest.approx(1, abs=0.1) and loud.min() >= 0
    assert loudness(samples // 2, times) == pytest.approx(loud, abs=0.05), "against the voice's own loud parts"
    assert len(samples) == pytest.approx(voice.duration * RATE, abs=2)


def test_words() -> None:
    assert words_of("Don’t STOP; it's 'fine'.") == ["don't", "stop", "it's", "fine"]
    assert pronounced("facecrafter")[:3] == ("F", "EY", "S")
    for text, told in (
        ("", "found none"),
        ("In 1952", "numbers as they are said, found 1952"),
        ("a" * 30_000, "at most"),
    ):
        with pytest.raises(UserError, match=told):
            words_of(text)


@pytest.mark.slow
def test_a_text_that_is_not_said_is_refused_or_found_at_its_best(voice: Sound) -> None:
    with pytest.raises(UserError, match="does not say this text"):
        aligned(heard(voice), "supercalifragilistic " * 40)


def test_long_speech_is_heard_in_pieces_that_leave_nothing_out(voice: Sound) -> None:
    long = np.tile(heard(voice), 12)
    pieces = list(_pieces(long))
    assert pieces[0][0] == 0 and pieces[-1][1] == len(long) and len(pieces) > 1
    assert all(a[1] == b[0] for a, b in itertools.pairwise(pieces))
    assert all(0 < end - start <= 20 * RATE for start, end in pieces)
