"""When each sound of a known text is said: forced alignment by pocketsphinx (BSD, Carnegie Mellon), whose English model lies in its package."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Int16

from facecraft4d.runtime.speech.loudness import RATE
from facecraft4d.runtime.speech.phones import SILENCE, Phone, known
from facecraft4d.runtime.speech.recognition import pronounced
from facecraft4d.toolkit.core.checks import UserError

FRAMES = 100
"""A second, of the model."""
EDGE_SECONDS = 0.25
"""Of quiet that is added before and behind: the model expects speech to begin and to end."""
HISS = 12.0
"""Standard deviation of noise, of 32,768, that is added to what is listened to: the model has never heard perfect silence and fails in it."""
MOST_CHARACTERS = 20_000
"""Ten minutes of fast speech are half of it."""
WORD = re.compile(r"[a-z]+(?:'[a-z]+)*")


def aligned(samples: Int16[np.ndarray, " n"], text: str) -> list[Phone]:
    """The sounds of an English text in speech at loudness.RATE. UserError where the text is not what is said, or has what nobody can pronounce."""
    from pocketsphinx import Decoder, get_model_path

    words = words_of(text)
    decoder = Decoder(
        hmm=get_model_path("en-us/en-us"), dict=get_model_path("en-us/cmudict-en-us.dict"), lm=None,
        loglevel="FATAL",
    )  # fmt: skip
    for word in dict.fromkeys(words):
        if decoder.lookup_word(word) is None:
            decoder.add_word(word, " ".join(pronounced(word)), True)
    hissing = _hissing(samples)
    try:
        decoder.set_align_text(" ".join(words))
        _listen(decoder, hissing)
        decoder.set_alignment()
        _listen(decoder, hissing)
        return list(_phones(decoder.get_alignment(), len(samples) / RATE))
    except (RuntimeError, TypeError):
        raise UserError("--text: the sound does not say this text; write what is said, or leave --text out") from None


def words_of(text: str) -> list[str]:
    """The words in small letters. UserError for a text without any, with numerals, or beyond MOST_CHARACTERS."""
    if len(text) > MOST_CHARACTERS:
        raise UserError(f"--text: expected at most {MOST_CHARACTERS:,} characters, found {len(text):,}")
    if found := re.search(r"\d+", text):
        raise UserError(f"--text: write numbers as they are said, found {found[0]}")
    words = WORD.findall(text.lower().replace("’", "'"))
    if not words:
        raise UserError("--text: expected English words, found none")
    return words


def _listen(decoder: Any, samples: np.ndarray) -> None:
    decoder.start_utt()
    decoder.process_raw(samples.tobytes(), full_utt=True)
    decoder.end_utt()


def _hissing(samples: np.ndarray) -> np.ndarray:
    """The samples with quiet around them and a little noise over all, the same at every run."""
    padded = np.pad(samples, round(EDGE_SECONDS * RATE)).astype(np.float64)
    padded += HISS * np.random.default_rng(0).standard_normal(len(padded))
    return np.clip(np.round(padded), -32768, 32767).astype(np.int16)


def _phones(alignment: Any, duration: float) -> Iterator[Phone]:
    """The sounds that lie within the `duration`, seconds."""
    for word in alignment:
        for phone in word:
            start = phone.start / FRAMES - EDGE_SECONDS
            first, last = max(0.0, start), min(duration, start + phone.duration / FRAMES)
            if first < last:
                yield Phone(phone.name if known(phone.name) else SILENCE, first, last)
