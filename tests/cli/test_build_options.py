"""facecraft4d build: mistakes cost one line before anything runs, and no folder is lost."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facecraft4d import cli, cli_folder, cli_progress
from facecraft4d.toolkit import cache, owned, pipeline, preprocess, shape_prior
from facecraft4d.toolkit.config import BuildConfig, Device
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Portrait
from facecraft4d.toolkit.core.stages import Progress


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a picture in which nobody is to be seen."""
    Image.fromarray(np.full((300, 300, 3), 200, np.uint8)).save(tmp_path / "blank.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The last line of a refused build."""
    assert cli.main(["build", "blank.jpg", *words]) == cli.MISTAKE
    lines = capsys.readouterr().err.splitlines()
    assert lines and "Traceback" not in "".join(lines)
    return lines[-1]


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--training.rates.means", "-1"), "facecraft4d: --training.rates.means must be between 0 and 1, got -1"),
        (("--shape-prior.views", "8"), "facecraft4d: --video-prior.frontal-views must be below --shape-prior.views (8), got 11"),
        (("--face", "-1"), "facecraft4d: --preprocess.face must be between 0 and 999, got -1"),
        (("--training.levels.cell", "0"), "facecraft4d: --training.levels.cell must be between 0.001 and 1, got 0"),
        (("--image-prior.warp.depth-tolerance", "nan"), "facecraft4d: --image-prior.warp.depth-tolerance must be between 0.0001 and 0.1, got nan"),
        (("--seed", "9" * 400), f"facecraft4d: --seed must be between 0 and 4294967295, got {'9' * 400}"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)  # fmt: skip
def test_a_number_out_of_bounds_is_one_line_before_anything_runs(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], line: str
) -> None:
    monkeypatch.setattr(pipeline, "build", None)
    assert said(capsys, "--out", "out", *words) == line
    assert [path.name for path in place.iterdir()] == ["blank.jpg"]


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), ("--fresh",)])
def test_a_foreign_build_folder_is_refused_and_untouched(
    place: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...]
) -> None:
    (place / "build" / "lib").mkdir(parents=True)
    (place / "build" / "lib" / "main.o").write_bytes(b"hours of work")
    before = files_in(place)
    assert "another --out" in said(capsys, "--out", ".", *more)
    assert files_in(place) == before


def kept_build(out: Path) -> dict[str, bytes]:
    """An earlier build that got to the training; returns its files."""
    owned.claim(out / "build")
    for stage in ("preprocess", "training"):
        cache.stage(out / "build", stage, "a" * 64, str, lambda _: "precious")
    return files_in(out / "build")


def begin(out: Path, stage: str) -> None:
    """Complete a stage of a new build."""
    cache.stage(out / "build", stage, "b" * 64, str, lambda _: "new")


def test_a_photograph_that_cannot_be_used_does_not_cost_the_earlier_build(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = kept_build(place / "out")
    assert "expected a face" in said(capsys, "--out", "out", "--fresh")
    assert files_in(place / "out") == {str(Path("build", name)): data for name, data in before.items()}


def test_a_fresh_build_that_fails_late_stays_in_place_of_the_earlier_one(tmp_path: Path) -> None:
    kept_build(tmp_path)
    with pytest.raises(RuntimeError), cli_folder.working_folder(tmp_path, fresh=True) as folder:
        assert list((tmp_path / cli_folder.BEFORE).glob("training/*/result.npz")), "kept while preprocessing runs"
        owned.claim(folder)
        begin(tmp_path, "preprocess")
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["build"]
    assert cache.kept(tmp_path / "build", "preprocess", str) == "new"
    assert cache.kept(tmp_path / "build", "training", str) is None


def killed_after_setting_aside(out: Path) -> None:
    cli_folder.set_aside(out)


def killed_in_preprocessing(out: Path) -> None:
    cli_folder.set_aside(out)
    owned.claim(out / "build")
    files = out / "build" / "preprocess" / ("b" * owned.KEY_DIGITS) / "files"
    files.mkdir(parents=True)
    owned.mark(files.parent)


def killed_after_preprocessing(out: Path) -> None:
    cli_folder.set_aside(out)
    owned.claim(out / "build")
    begin(out, "preprocess")


@pytest.mark.parametrize(
    ("killed", "result"),
    [(killed_after_setting_aside, "precious"), (killed_in_preprocessing, "precious"), (killed_after_preprocessing, "new")],
)  # fmt: skip
@pytest.mark.parametrize("fresh", [False, True])
def test_what_a_killed_fresh_build_left_is_settled_by_the_next(
    tmp_path: Path, killed: Callable[[Path], None], result: str, fresh: bool
) -> None:
    kept_build(tmp_path)
    killed(tmp_path)
    with cli_folder.working_folder(tmp_path, fresh) as folder:
        where = tmp_path / cli_folder.BEFORE if fresh else folder
        assert cache.kept(where, "preprocess", str) == result
    assert [path.name for path in tmp_path.iterdir()] == ["build"]
    assert cache.kept(tmp_path / "build", "preprocess", str) == result, "the second build made nothing"


def test_a_build_of_an_earlier_version_goes_on(tmp_path: Path) -> None:
    kept_build(tmp_path)
    for marker in tmp_path.rglob(owned.MARKER):
        marker.unlink()
    with cli_folder.working_folder(tmp_path, fresh=False) as folder:
        assert cache.kept(folder, "training", str) == "precious"
    with cli_folder.working_folder(tmp_path, fresh=True) as folder:
        owned.claim(folder)
        begin(tmp_path, "preprocess")
    assert [path.name for path in tmp_path.iterdir()] == ["build"]


def test_what_lies_in_the_way_of_setting_aside_is_not_touched(tmp_path: Path) -> None:
    kept_build(tmp_path)
    (tmp_path / cli_folder.BEFORE).mkdir()
    with pytest.raises(UserError, match=r"build\.before"), cli_folder.working_folder(tmp_path, fresh=True):
        pass
    assert cache.kept(tmp_path / "build", "training", str) == "precious"


def test_a_build_that_made_nothing_leaves_nothing(tmp_path: Path) -> None:
    for fresh in (False, True):
        with cli_folder.working_folder(tmp_path / "out", fresh):
            pass
        assert list(tmp_path.iterdir()) == []
    (tmp_path / "out").mkdir()
    with cli_folder.working_folder(tmp_path / "out", fresh=False):
        pass
    assert list(tmp_path.iterdir()) == [tmp_path / "out"], "the user's own empty folder stays"


def test_one_build_at_a_time_in_a_folder(tmp_path: Path) -> None:
    with cli_folder.alone_in(tmp_path):
        with pytest.raises(UserError, match="another build"), cli_folder.alone_in(tmp_path):
            pass
        code = f"from pathlib import Path; from facecraft4d import cli_folder; cli_folder.alone_in(Path({str(tmp_path)!r})).__enter__()"
        other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert other.returncode and "another build or evaluation is running" in other.stderr
    with cli_folder.alone_in(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


class Stopped(Exception):
    """The build need not go on."""


def test_notes_on_the_photograph_are_said_at_once_also_when_kept(
    place: Path, tiny_portrait: Portrait, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = ("2 faces: the largest was taken (choose with --face)", "the photo's border cuts the head")
    told: list[Progress] = []

    def stop(*_: object) -> None:
        assert told[-1].notes == notes, "said before the next stage begins"
        raise Stopped

    monkeypatch.setattr(preprocess, "run", lambda *_: replace(tiny_portrait, notes=notes))
    monkeypatch.setattr(shape_prior, "run", stop)
    for _ in range(2):
        told.clear()
        with pytest.raises(Stopped):
            pipeline.build(place / "blank.jpg", BuildConfig(device=Device.CPU), place / "build", told.append)
    assert told[0].message == "kept"


def test_notes_are_lines_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    say = cli_progress.plain_lines(clock=lambda: 0.0)
    say(Progress("preprocess", 4, 4, "done"))
    say(Progress("preprocess", 1, 1, "done", notes=("2 faces", "the photo's border cuts the head")))
    assert capsys.readouterr().err.splitlines() == [
        "preprocess   4/4 done",
        "preprocess   note: 2 faces",
        "preprocess   note: the photo's border cuts the head",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("target", ["nowhere", "out"])
def test_a_link_that_leads_nowhere_is_one_line(place: Path, capsys: pytest.CaptureFixture[str], target: str) -> None:
    (place / "out").symlink_to(target)
    assert "expected a folder, or a place for one" in said(capsys, "--out", "out")
    (place / "out").unlink()
    (place / "out").mkdir()
    (place / "out" / "build").symlink_to("build")
    assert "found a link that leads nowhere" in said(capsys, "--out", "out")
    assert "found a link that leads nowhere" in said(capsys, "--out", "out", "--fresh")


@pytest.mark.slow
@pytest.mark.parametrize("fresh", [False, True])
def test_a_build_may_lie_on_another_disk(place: Path, capsys: pytest.CaptureFixture[str], fresh: bool) -> None:
    """A link in place of build/ is followed; a fresh build that gets past preprocessing empties it and takes its place."""
    (place / "disk").mkdir()
    (place / "out").mkdir()
    (place / "out" / "build").symlink_to(place / "disk", target_is_directory=True)
    before = kept_build(place / "out")
    assert "expected a face" in said(capsys, "--out", "out", *["--fresh"] * fresh)
    assert before.items() <= files_in(place / "disk").items() and (place / "out" / "build").is_symlink()
    with cli_folder.working_folder(place / "out", fresh) as folder:
        owned.claim(folder)
        begin(place / "out", "preprocess")
    assert cache.kept(place / "out" / "build", "preprocess", str) == "new"
    assert [path.name for path in (place / "out").iterdir()] == ["build"]
    assert (list((place / "disk").iterdir()) == []) == fresh


def test_a_link_in_the_way_of_setting_aside_is_not_touched(tmp_path: Path) -> None:
    kept_build(tmp_path)
    (tmp_path / cli_folder.BEFORE).symlink_to("nowhere")
    with pytest.raises(UserError, match=r"build\.before"), cli_folder.working_folder(tmp_path, fresh=True):
        pass
    assert (tmp_path / cli_folder.BEFORE).is_symlink()


def test_litter_makes_no_build(tmp_path: Path) -> None:
    with cli_folder.working_folder(tmp_path / "out", fresh=False) as folder:
        (folder / ".DS_Store").write_bytes(b"nobody's")
    assert list(tmp_path.iterdir()) == []
