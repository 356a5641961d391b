"""Which sounds are said where no text is known, and how a word is pronounced: by hama (Apache-2.0), whose networks lie in its package."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Int16

from facecraft4d.runtime.speech.loudness import RATE
from facecraft4d.runtime.speech.phones import Phone, articulations, from_ipa
from facecraft4d.toolkit.core.checks import UserError

PIECE_SECONDS, SEARCHED_SECONDS = 20.0, 8.0
"""Speech is heard in pieces of at most so much, cut at the quietest moment in the last of these seconds."""
LONGEST_CONSONANT = 0.16
"""Seconds: the network says when a sound begins, and lets it last through the pause behind it."""
EDGE_SECONDS = 0.25
"""Of silence around each piece: sounds at the very edge are misheard."""
LATE_SECONDS = 0.06
"""The network says a sound when it has heard enough of it: so much later than forced alignment finds its beginning."""
LEAST_SECONDS = 0.1
"""Shorter sounds say nothing."""


def recognised(samples: Int16[np.ndarray, " n"]) -> list[Phone]:
    """The sounds in speech at RATE."""
    found: list[Phone] = []
    for start, end in _pieces(samples):
        if end - start >= LEAST_SECONDS * RATE:
            padded = np.pad(samples[start:end], round(EDGE_SECONDS * RATE))
            found += _phones_in(padded, start / RATE - EDGE_SECONDS - LATE_SECONDS)
    return found


def pronounced(word: str) -> tuple[str, ...]:
    """Phones of an English word that no dictionary has. UserError where hama is not there, or does not know either."""
    try:
        signs = [each.phoneme for each in _speller().predict(word).alignments]
    except (ImportError, OSError):
        raise UserError(f"--text: '{word}' is in no dictionary; write it as it sounds, or install hama") from None
    phones = tuple(phone for sign in signs for phone in from_ipa().get(sign, ()))
    if not phones:
        raise UserError(f"--text: nobody knows how to say '{word}'; write it as it sounds")
    return phones


def _phones_in(samples: np.ndarray, offset: float) -> Iterator[Phone]:
    model = _listener()
    heard = model.transcribe_waveform(samples.astype(np.float32) / 32768, RATE)
    for span in model.phoneme_spans(heard):
        names = from_ipa().get(span.phoneme, ())
        start, end = max(0.0, offset + span.start_ms / 1000), max(0.0, offset + span.end_ms / 1000)
        if len(names) == 1 and names[0] in articulations() and not _is_vowel(names[0]):
            end = min(end, start + LONGEST_CONSONANT)
        marks = np.linspace(start, end, len(names) + 1)
        for name, first, last in zip(names, marks, marks[1:], strict=False):
            yield Phone(name, float(first), float(last))


def _is_vowel(name: str) -> bool:
    """ARPABET's vowels begin with one, as it happens."""
    return name[0] in "AEIOU"


def _pieces(samples: np.ndarray) -> Iterator[tuple[int, int]]:
    most, searched, start = round(PIECE_SECONDS * RATE), round(SEARCHED_SECONDS * RATE), 0
    while len(samples) - start > most:
        part = samples[start + most - searched : start + most].astype(np.float64)
        blocks = np.square(part[: len(part) // 320 * 320].reshape(-1, 320)).mean(1)
        end = start + most - searched + 320 * int(blocks.argmin()) + 160
        yield start, end
        start = end
    yield start, len(samples)


@cache
def _listener() -> Any:
    import hama

    return hama.ASRModel()


@cache
def _speller() -> Any:
    import hama

    return hama.G2PModel()
