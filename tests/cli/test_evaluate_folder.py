"""evaluate and build share a folder by turns; what is only read needs no lock."""

import os
import shutil
from pathlib import Path

import pytest
from kept_build import KEY, keep_stages

from facecraft4d import cli, cli_evaluate, cli_folder
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Coarse, FrameSet
from facecraft4d.toolkit.core.motion import builtin_clip, on_rig


class Asked(Exception):
    """The comparison would begin now."""


@pytest.fixture
def place(
    tmp_path: Path, tiny_path: Path, tiny_avatar: Avatar, tiny_coarse: Coarse, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A working folder with a finished build in head/, and evaluations that end where the comparison would begin."""
    frames = FrameSet(
        tmp_path / "head" / "build" / "video_prior" / KEY[:16] / "files",
        (),
        (),
        on_rig(builtin_clip("blinks_gaze"), tiny_avatar.rig),
    )
    keep_stages(tmp_path / "head" / "build", tiny_coarse, frames, tiny_avatar)
    shutil.copy(tiny_path, tmp_path / "head" / "avatar.glb")
    (tmp_path / "pictures").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def locked(monkeypatch: pytest.MonkeyPatch, *words: str) -> bool:
    """Whether the folder is held where the comparison would begin."""

    def ask(options: cli_evaluate.EvaluateCommand, avatar: Avatar, folder: Path) -> None:
        raise Asked(str((folder / cli_folder.LOCK).exists()))

    monkeypatch.setattr(cli_evaluate, "pictures", ask)
    with pytest.raises(Asked) as asked:
        cli_evaluate.main([*words])
    assert not list(Path().rglob(cli_folder.LOCK)), "let go afterwards"
    return str(asked.value) == "True"


@pytest.mark.slow
def test_a_folder_is_held_where_it_is_read_or_written(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert locked(monkeypatch, "head")
    assert locked(monkeypatch, "head/avatar.glb", "--truth", "pictures")
    assert locked(monkeypatch, "head", "--out", "other")
    assert locked(monkeypatch, "head", "--truth", "pictures", "--out", "pictures/../head")
    assert not locked(monkeypatch, "head", "--truth", "pictures", "--out", "other")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert not locked(monkeypatch, "head", "--out", "other"), "nobody can build in a folder that is read-only"


def test_a_build_and_an_evaluation_keep_each_other_out(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with cli_folder.working_folder(place / "head", fresh=False):
        assert cli.main(["evaluate", "head"]) == cli.MISTAKE
    assert "head: another build or evaluation is running there" in capsys.readouterr().err


@pytest.mark.slow
def test_an_avatar_of_another_build_is_refused(
    place: Path, capsys: pytest.CaptureFixture[str], tiny_avatar: Avatar
) -> None:
    from facecraft4d import exporters

    exporters.export(tiny_avatar.level(10), place / "head" / "avatar.glb")
    assert cli.main(["evaluate", "head", "--out", "other"]) == cli.MISTAKE
    assert "expected an avatar that was made by the stages in head/build" in capsys.readouterr().err


@pytest.mark.parametrize(
    "make", [Path.mkdir, getattr(os, "mkfifo", Path.mkdir), lambda path: path.symlink_to("nowhere")]
)
def test_what_is_no_lock_is_one_line(place: Path, capsys: pytest.CaptureFixture[str], make) -> None:
    make(place / "head" / cli_folder.LOCK)
    assert cli.main(["evaluate", "head"]) == cli.MISTAKE
    (line,) = capsys.readouterr().err.splitlines()
    assert "found something else; remove it" in line
