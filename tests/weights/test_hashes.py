"""A hash costs no memory, is made once for each state of a file, and is never believed where the file may have changed."""

import hashlib
import json
import os
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.weights import fetching, table

UNIX = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with a name are of Unix")
LONG_AGO = 1_000_000_000
"""A time of change, seconds since 1970, long before any test."""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FACECRAFT4D_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files whose bytes were read, in order."""
    names: list[str] = []

    def noting(file: Path) -> str:
        names.append(file.name)
        return weights.file_sha256(file)

    monkeypatch.setattr(fetching, "file_sha256", noting)
    return names


def old_file(path: Path, content: bytes, seconds: int = LONG_AGO) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (seconds, seconds))
    return path


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_file_is_read_once(tmp_path: Path, hashed: list[str]) -> None:
    file = old_file(tmp_path / "net.bin", b"one")
    assert weights.content_sha256(file) == weights.content_sha256(file) == sha256(b"one")
    assert hashed == ["net.bin"]


@pytest.mark.parametrize(("content", "seconds"), [(b"longer", LONG_AGO), (b"two", LONG_AGO + 1)])
def test_another_size_or_time_is_read_again(tmp_path: Path, hashed: list[str], content: bytes, seconds: int) -> None:
    weights.content_sha256(old_file(tmp_path / "net.bin", b"one"))
    assert weights.content_sha256(old_file(tmp_path / "net.bin", content, seconds)) == sha256(content)
    assert len(hashed) == 2


def test_a_file_just_written_is_not_remembered(tmp_path: Path) -> None:
    """Its next change may carry the same time."""
    file = tmp_path / "net.bin"
    file.write_bytes(b"one")
    stat = file.stat()
    assert weights.content_sha256(file) == sha256(b"one")
    file.write_bytes(b"two")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert weights.content_sha256(file) == sha256(b"two")


def test_a_file_that_is_gone_is_forgotten(tmp_path: Path, cache: Path) -> None:
    gone, other = old_file(tmp_path / "gone.bin", b"one"), old_file(tmp_path / "other.bin", b"two")
    weights.content_sha256(gone)
    gone.unlink()
    weights.content_sha256(other)
    assert json.loads((cache / "hashes.json").read_bytes()).keys() == {str(other)}


@pytest.mark.parametrize("wrong", ["sha256", "state"])
def test_a_damaged_entry_is_ignored(tmp_path: Path, cache: Path, wrong: str) -> None:
    file = old_file(tmp_path / "net.bin", b"one")
    weights.content_sha256(file)
    memory = json.loads((cache / "hashes.json").read_bytes())
    memory[str(file)][wrong] = "damaged"
    (cache / "hashes.json").write_text(json.dumps(memory))
    assert weights.content_sha256(file) == sha256(b"one")
    assert json.loads((cache / "hashes.json").read_bytes())[str(file)]["sha256"] == sha256(b"one")


@pytest.mark.parametrize("text", [b"", b"{", b"[1]", b"\xff\xfe", b'{"a": 3}'])
def test_a_damaged_memory_is_ignored_and_made_anew(tmp_path: Path, cache: Path, hashed: list[str], text: bytes) -> None:
    cache.mkdir()
    (cache / "hashes.json").write_bytes(text)
    file = old_file(tmp_path / "net.bin", b"one")
    assert weights.content_sha256(file) == weights.content_sha256(file) == sha256(b"one")
    assert hashed == ["net.bin"]


def test_a_cache_that_cannot_be_written_costs_time_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACECRAFT4D_CACHE", str(old_file(tmp_path / "a_file", b"") / "below"))
    assert weights.content_sha256(old_file(tmp_path / "net.bin", b"one")) == sha256(b"one")


def test_a_folder_counts_by_names_and_bytes_wherever_it_lies(tmp_path: Path) -> None:
    for place in ("one", "two"):
        old_file(tmp_path / place / "a.bin", b"a")
        old_file(tmp_path / place / "unet" / "b.bin", b"b")
    first = weights.content_sha256(tmp_path / "one")
    assert weights.content_sha256(tmp_path / "two") == first
    old_file(tmp_path / "two" / "unet" / "b.bin", b"c", LONG_AGO + 1)
    changed = weights.content_sha256(tmp_path / "two")
    (tmp_path / "one" / "a.bin").rename(tmp_path / "one" / "c.bin")
    assert len({first, changed, weights.content_sha256(tmp_path / "one")}) == 3


def test_a_folder_is_read_once(tmp_path: Path, hashed: list[str]) -> None:
    for name in ("a.bin", "b.bin"):
        old_file(tmp_path / "mine" / name, b"x")
    assert weights.content_sha256(tmp_path / "mine") == weights.content_sha256(tmp_path / "mine")
    assert hashed == ["a.bin", "b.bin"]


def test_the_cached_file_is_hashed_once_for_all_runs(
    cache: Path, hashed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = weights.row("yunet")
    assert isinstance(wanted, weights.WeightFile)
    file = old_file(cache / "weights" / wanted.filename, b"one")
    monkeypatch.setattr(table, "TABLE", (replace(wanted, sha256=sha256(b"one")),))
    assert weights.path("yunet") == weights.path("yunet") == file
    assert hashed == [file.name]


def test_hashing_takes_no_memory(tmp_path: Path) -> None:
    file = tmp_path / "large.bin"
    with file.open("wb") as stream:
        stream.truncate(64 << 20)
    tracemalloc.start()
    weights.content_sha256(file)
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


@pytest.mark.parametrize(
    "entry", ["[" * 400 + "]" * 400, "1e999", '{"state": [0, true], "sha256": 3}', '"\\ud800"', "9" * 5000]
)
def test_one_damaged_entry_does_not_stop_the_others(tmp_path: Path, cache: Path, hashed: list[str], entry: str) -> None:
    cache.mkdir()
    (cache / "hashes.json").write_text(f'{{"/elsewhere": {entry}}}')
    file = old_file(tmp_path / "net.bin", b"one")
    assert weights.content_sha256(file) == weights.content_sha256(file) == sha256(b"one")
    assert hashed == ["net.bin"]
    assert list(json.loads((cache / "hashes.json").read_bytes())) == [str(file)]


def test_a_memory_too_deep_or_too_large_is_made_anew(
    tmp_path: Path, cache: Path, hashed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.mkdir()
    file = old_file(tmp_path / "net.bin", b"one")
    for text in ("[" * 300_000, " " * (fetching.MEMORY_MOST_BYTES + 1)):
        (cache / "hashes.json").write_text(text)
        hashed.clear()
        assert weights.content_sha256(file) == weights.content_sha256(file) == sha256(b"one")
        assert hashed == ["net.bin"]


@UNIX
def test_a_memory_that_is_no_file_costs_time_only(tmp_path: Path, cache: Path) -> None:
    file = old_file(tmp_path / "net.bin", b"one")
    (cache / "hashes.json").mkdir(parents=True)
    assert weights.content_sha256(file) == sha256(b"one")
    (cache / "hashes.json").rmdir()
    os.mkfifo(cache / "hashes.json")
    assert weights.content_sha256(file) == sha256(b"one")


@UNIX
def test_pipes_and_loops_in_a_folder_take_no_time_and_do_not_count(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    old_file(mine / "a.bin", b"a")
    first = weights.content_sha256(mine)
    os.mkfifo(mine / "pipe")
    for name, target in (("self", "self"), ("up", ".."), ("here", "."), ("zero", "/dev/zero"), ("gone", "nowhere")):
        (mine / name).symlink_to(target)
    assert weights.content_sha256(mine) == first


@UNIX
def test_what_is_no_file_or_folder_is_one_line(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for place in (
        tmp_path / "pipe",
        tmp_path / "loop",
        tmp_path / "missing",
        Path("/dev/zero"),
        tmp_path / ("n" * 300),
    ):
        with pytest.raises(UserError, match="expected a file"):
            weights.content_sha256(place)
