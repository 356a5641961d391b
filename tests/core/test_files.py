"""Files appear whole or not at all, whoever writes them at the same time, and whatever kills a writer."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.files import PARTIAL, scratch_folder, sweep, whole_file, write_whole

KILLED = "import os, sys; from pathlib import Path; from facecraft4d.toolkit.core.files import whole_file\nwith whole_file(Path(sys.argv[1])) as t: t.write_bytes(b'half'); os.kill(os.getpid(), 9)"


@pytest.mark.slow
def test_writers_at_the_same_time_leave_one_of_their_files_whole(tmp_path: Path) -> None:
    path, contents = tmp_path / "a.glb", [bytes([letter]) * 100_000 for letter in range(8)]

    def write(content: bytes) -> None:
        for _ in range(10):
            write_whole(path, content)

    with ThreadPoolExecutor() as pool:
        writers = [pool.submit(write, content) for content in contents]
        while not all(writer.done() for writer in writers):
            assert not path.exists() or path.read_bytes() in contents
        for writer in writers:
            writer.result()
    assert path.read_bytes() in contents
    assert [each.name for each in tmp_path.iterdir()] == ["a.glb"]


def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    write_whole(path, b"old")
    with pytest.raises(KeyError), whole_file(path) as temporary:
        temporary.write_bytes(b"new")
        raise KeyError
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill -9")
def test_what_a_killed_writer_left_goes_and_what_a_living_one_writes_stays(tmp_path: Path) -> None:
    result = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "a.mp4")], check=False)
    assert result.returncode == -9
    (left,) = tmp_path.iterdir()
    assert PARTIAL.fullmatch(left.name) and left.suffix == ".mp4"
    (tmp_path / ".b.partial.mp4").write_bytes(b"the user's own")
    with whole_file(tmp_path / "c.mp4") as living:
        assert not left.exists()
        living.write_bytes(b"c")
        sweep(tmp_path)
        assert living.read_bytes() == b"c"
    assert sorted(each.name for each in tmp_path.iterdir()) == [".b.partial.mp4", "c.mp4"]


KILLED_IN_FOLDER = "import os, sys; from pathlib import Path; from facecraft4d.toolkit.core.files import scratch_folder\nwith scratch_folder(Path(sys.argv[1])) as t: (t / 'frame.png').touch(); os.kill(os.getpid(), 9)"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill -9")
def test_scratch_folders_of_killed_writers_go_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    result = subprocess.run([sys.executable, "-c", KILLED_IN_FOLDER, str(tmp_path / "f_%04d.png")], check=False)
    assert result.returncode == -9
    (left,) = tmp_path.iterdir()
    assert (left / "frame.png").is_file()
    (tmp_path / ".mine.00000000.partial").mkdir()
    with scratch_folder(tmp_path / "f_%04d.png") as living:
        assert not left.exists()
        sweep(tmp_path)
        assert living.is_dir()
    assert [each.name for each in tmp_path.iterdir()] == [".mine.00000000.partial"]


def test_files_have_the_rights_that_the_user_gives_to_new_files(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    write_whole(tmp_path / "ours", b"")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_long_names_are_written_and_impossible_ones_refused_in_one_line(tmp_path: Path) -> None:
    write_whole(tmp_path / ("n" * 251 + ".glb"), b"")
    for name in ("n" * 300, "a\0b"):
        with pytest.raises(UserError, match="cannot be written"):
            write_whole(tmp_path / name, b"")


def test_all_reaches_the_disk_before_the_name_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda handle: done.append(os.readlink(f"/proc/self/fd/{handle}")))
    if not Path("/proc/self/fd").exists():
        pytest.skip("names of open files are known on Linux alone")
    write_whole(tmp_path / "a.glb", b"a")
    assert PARTIAL.fullmatch(Path(done[0]).name) and done[1] == str(tmp_path)
    write_whole(tmp_path / "b.glb", b"b", durable=False)
    assert len(done) == 2
