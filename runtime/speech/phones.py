"""Sounds of speech: which one is heard when, and what each asks of lips and jaw.

Names are ARPABET's, those of the CMU dictionary, without stress. The table is phones.csv beside this module: what a phone `becomes` on its way
(diphthongs), how much its `lips` and its `jaw` stand against their neighbours, whether it `closes` the mouth, and weights of ARKit's
expressions. It is ours, chosen by eye on built heads; which sounds look alike follows Fisher 1968.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

SILENCE = "SIL"
_PAIRED = ("mouthPress", "mouthLowerDown", "mouthUpperUp", "mouthStretch", "mouthSmile", "mouthDimple")
FIRST_PART = 0.6
"""Of a diphthong, before it glides to its second sound."""


@dataclass(frozen=True, slots=True)
class Phone:
    """One sound, from `start` to `end` seconds."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Articulation:
    """What a sound asks of the mouth."""

    lips: float
    """Dominance of its lips over those of its neighbours, 0 to 1."""
    jaw: float
    closes: bool
    """Whether it is heard at all only if the lips, or lip and teeth, meet."""
    weights: Mapping[str, float]
    """Of ARKit's expressions."""


@cache
def articulations() -> Mapping[str, Articulation]:
    """By phone, for all that does not glide."""
    return {
        row["phone"]: Articulation(float(row["lips"]), float(row["jaw"]), row["closes"] == "1", _weights(row))
        for row in _rows("phones.csv")
        if not row["becomes"]
    }


@cache
def glides() -> Mapping[str, tuple[str, str]]:
    """The two sounds of each diphthong."""
    pairs = {row["phone"]: row["becomes"].split() for row in _rows("phones.csv") if row["becomes"]}
    return {name: (first, second) for name, (first, second) in pairs.items()}


@cache
def from_ipa() -> Mapping[str, tuple[str, ...]]:
    """The phones of a sign of the International Phonetic Alphabet."""
    return {row["ipa"]: tuple(row["phones"].split()) for row in _rows("ipa.csv")}


def known(name: str) -> bool:
    """Whether the table has that phone."""
    return name in articulations() or name in glides()


def _rows(name: str) -> list[dict[str, str]]:
    text = (files("facecraft4d.runtime.speech") / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _weights(row: Mapping[str, str]) -> dict[str, float]:
    """The cells that hold numbers, by ARKit's names."""
    found: dict[str, float] = {}
    for column in list(row)[5:]:
        if row[column]:
            names = (f"{column}Left", f"{column}Right") if column in _PAIRED else (column,)
            found |= dict.fromkeys(names, float(row[column]))
    return found
