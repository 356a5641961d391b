"""The door for files from elsewhere: regular, capped, refused in one line by name."""

import os
import tracemalloc
from pathlib import Path

import pytest

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.untrusted.door import read_untrusted


def test_a_file_comes_back_whole_up_to_the_very_byte(tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    path.write_bytes(b"x" * (1 << 20))
    assert read_untrusted(path, "a clip", 1 << 20) == path.read_bytes()
    with pytest.raises(UserError, match=r"some\.csv: expected a clip of at most 0 MiB, found 1 MiB; cut it"):
        read_untrusted(path, "a clip", (1 << 20) - 1, "cut it")


def test_what_is_no_regular_file_is_never_opened(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="expected a clip, found a folder"):
        read_untrusted(tmp_path, "a clip", 10)
    with pytest.raises(UserError, match="expected a clip, found no such file"):
        read_untrusted(tmp_path / "nothing", "a clip", 10)
    with pytest.raises(UserError, match="found a file that cannot be read"):
        read_untrusted(Path("a\0b"), "a clip", 10)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(UserError, match="found no regular file"):
            read_untrusted(tmp_path / "pipe", "a clip", 10)


def test_a_small_file_takes_little_memory_whatever_is_allowed(tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    path.write_bytes(b"x" * 1000)
    tracemalloc.start()
    assert read_untrusted(path, "a clip", 1 << 28) == path.read_bytes()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="files that do not tell their size are Linux'")
def test_a_file_that_does_not_tell_its_size_is_read_whole_and_capped() -> None:
    assert b"VmSize" in read_untrusted(Path("/proc/self/status"), "a status", 1 << 20)
    with pytest.raises(UserError, match="expected a status of at most 0 MiB, found more"):
        read_untrusted(Path("/proc/self/status"), "a status", 100)
