"""Verdicts keep their type, and files their memory: what the cache writes it gives back, what it hashes it never holds."""

import hashlib
import tracemalloc
from dataclasses import dataclass
from pathlib import Path

import pytest

from facecraft4d.toolkit import cache
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.ingredients import Commercial, Ingredient


@dataclass(frozen=True)
class Made:
    verdicts: tuple[Commercial, ...]
    perhaps: Commercial | None
    absent: Commercial | None
    ingredients: tuple[Ingredient, ...]
    text: str


def made() -> Made:
    one = Ingredient("a", "head model", "CC0-1.0", Commercial.YES, "here")
    two = Ingredient("b", "matting", "AGPL-3.0-only", Commercial.UNKNOWN, "there", "f" * 64)
    return Made((Commercial.NO, Commercial.YES), Commercial.UNKNOWN, None, (one, two), "yes")


def test_enums_come_back_as_enums(tmp_path: Path) -> None:
    cache.save(tmp_path / "a.npz", made())
    found = cache.load(tmp_path / "a.npz", Made)
    assert found == made() and type(found.text) is str
    words = (*found.verdicts, found.perhaps, *(each.commercial_use for each in found.ingredients))
    assert all(type(word) is Commercial for word in words)


def test_an_enum_counts_as_its_word(tmp_path: Path) -> None:
    assert cache.digest_of(Commercial.YES) == cache.digest_of("yes") != cache.digest_of(Commercial.NO)
    cache.save(tmp_path / "a.npz", made())
    assert cache.digest_of(cache.load(tmp_path / "a.npz", Made)) == cache.digest_of(made())


def test_a_word_that_the_enum_lacks_is_refused(tmp_path: Path) -> None:
    """So a kept default head of an earlier version, which says true, is made anew."""
    one = made().ingredients[0]
    object.__setattr__(one, "commercial_use", True)
    cache.save(tmp_path / "a.npz", one)
    with pytest.raises(UserError, match="yes or no or unknown, found True"):
        cache.load(tmp_path / "a.npz", Ingredient)


def test_the_digest_of_files_is_over_names_and_bytes_and_holds_no_file(tmp_path: Path) -> None:
    (tmp_path / "view").mkdir()
    (tmp_path / "view" / "a.bin").write_bytes(b"one")
    with (tmp_path / "view" / "large.bin").open("wb") as stream:
        stream.truncate(64 << 20)
    tracemalloc.start()
    found = cache.digest_of(tmp_path / "view")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    expected = hashlib.sha256(b'[{"path": "path"}]')
    for name, content in ((b"a.bin", b"one"), (b"large.bin", bytes(64 << 20))):
        expected.update(hashlib.sha256(name + b"\0" + content).digest())
    assert found == expected.hexdigest() and peak < 4 << 20
