"""What is kept comes back exactly, and what decides a result decides its key."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facecraft4d.toolkit import cache, owned
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Head, Portrait


@dataclass(frozen=True)
class Inner:
    values: np.ndarray
    name: str | None


@dataclass(frozen=True)
class Outer:
    inner: tuple[Inner, ...]
    pair: tuple[int, str]
    table: Mapping[str, np.ndarray]
    numbers: Mapping[str, float]
    folder: Path
    perhaps: Inner | None = None
    flag: bool = True


def equal(first: Any, second: Any) -> bool:
    if isinstance(first, np.ndarray):
        return first.dtype == second.dtype and np.array_equal(first, second, equal_nan=first.dtype.kind == "f")
    if is_dataclass(first):
        return type(first) is type(second) and all(
            equal(getattr(first, f.name), getattr(second, f.name)) for f in fields(first)
        )
    if isinstance(first, tuple):
        return len(first) == len(second) and all(equal(a, b) for a, b in zip(first, second, strict=True))
    if isinstance(first, Mapping):
        return list(first) == list(second) and all(equal(first[key], second[key]) for key in first)
    return type(first) is type(second) and first == second


def outer(folder: Path) -> Outer:
    rng = np.random.default_rng(1)
    one = Inner(rng.normal(size=(3, 2)).astype(np.float32), None)
    two = Inner(np.array([np.nan, np.inf, 1 / 3]), "zwei")
    table = {"ints": np.arange(5, dtype=np.int32), "empty": np.zeros((0, 4), np.uint8)}
    return Outer((one, two), (3, "x"), table, {"third": 1 / 3, "tiny": 5e-324}, folder, one)


def test_round_trip_is_exact(tmp_path: Path) -> None:
    value = outer(tmp_path / "files")
    cache.save(tmp_path / "a.npz", value)
    assert equal(cache.load(tmp_path / "a.npz", Outer), value)


def test_stage_results_round_trip(tmp_path: Path, tiny_head: Head, tiny_portrait: Portrait) -> None:
    for kind, value in ((Head, tiny_head), (Portrait, tiny_portrait)):
        cache.save(tmp_path / "a.npz", value)
        assert equal(cache.load(tmp_path / "a.npz", kind), value)


def test_paths_move_with_the_folder(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    cache.save(tmp_path / "one" / "a.npz", outer(tmp_path / "one" / "files"))
    (tmp_path / "one").rename(tmp_path / "two")
    assert cache.load(tmp_path / "two" / "a.npz", Outer).folder == tmp_path / "two" / "files"


def test_equal_values_give_equal_bytes_and_digests(tmp_path: Path) -> None:
    cache.save(tmp_path / "a.npz", outer(tmp_path))
    cache.save(tmp_path / "b.npz", outer(tmp_path))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    empty = tmp_path / "empty"
    empty.mkdir()
    assert cache.digest_of(outer(empty)) == cache.digest_of(outer(empty))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (1, 2),
        ("ab", ("a", "b")),
        (np.zeros(4, np.float32), np.zeros((2, 2), np.float32)),
        (np.zeros(2, np.float32), np.zeros(1, np.float64)),
        (np.zeros(2), np.array([0, 5e-324])),
        ({"a": 1.0}, {"b": 1.0}),
        (None, False),
    ],
)
def test_different_values_give_different_digests(first: Any, second: Any) -> None:
    assert cache.digest_of(first) != cache.digest_of(second)


def test_digest_reads_the_files_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "view").mkdir()
    (tmp_path / "view" / "frame.png").write_bytes(b"one")
    before = cache.digest_of(tmp_path)
    (tmp_path / "view" / "frame.png").write_bytes(b"two")
    assert cache.digest_of(tmp_path) != before


def test_arrays_of_objects_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="dtype object"):
        cache.save(tmp_path / "a.npz", np.array([object()]))


def test_a_pickle_is_never_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", tree=np.array([{"harm": 1}], object))
    with pytest.raises(UserError, match="object where plain numbers are needed"):
        cache.load(tmp_path / "a.npz", Inner)


def test_stage_computes_once_and_forgets_other_keys(tmp_path: Path) -> None:
    calls = []

    def compute(files: Path) -> Inner:
        calls.append(files)
        (files / "checkpoint").write_bytes(b"x")
        return Inner(np.arange(3), "n")

    first = cache.stage(tmp_path, "s", "a" * 64, Inner, compute)
    again = cache.stage(tmp_path, "s", "a" * 64, Inner, compute)
    assert (first.cached, again.cached, len(calls)) == (False, True, 1)
    assert equal(first.result, again.result)
    assert first.digest == again.digest
    assert not (calls[0] / "checkpoint").exists()
    cache.stage(tmp_path, "s", "b" * 64, Inner, compute)
    assert [entry.name for entry in (tmp_path / "s").iterdir()] == ["b" * 16]


def test_a_stage_that_fails_leaves_its_own_files_and_no_result(tmp_path: Path) -> None:
    def fail(files: Path) -> Inner:
        (files / "checkpoint").write_bytes(b"x")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.stage(tmp_path, "s", "a" * 64, Inner, fail)
    home = tmp_path / "s" / ("a" * 16)
    assert sorted(entry.name for entry in home.iterdir()) == [owned.MARKER, "files"]
    assert (home / "files" / "checkpoint").exists()


def test_a_part_has_its_own_digest_wherever_it_is_a_part_of(tmp_path: Path) -> None:
    made = cache.stage(tmp_path, "s", "a" * 64, Outer, lambda files: outer(files / "view"))
    kept = cache.stage(tmp_path, "s", "a" * 64, Outer, outer)
    for stored in (made, kept):
        for part in (stored.result.perhaps, stored.result.inner, stored.result.table):
            assert cache.part_of(stored, part).digest == cache.digest_of(part)
