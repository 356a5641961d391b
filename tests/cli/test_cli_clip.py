"""facecraft4d clip, and the drivers of play, as commands."""

from pathlib import Path

import pytest
from places import TINY

from facecraft4d.cli import MISTAKE, main


def test_a_clip_becomes_another_programs_and_comes_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    take, back = tmp_path / "take.csv", tmp_path / "back.json"
    assert main(["clip", "visemes", str(take), "--to", "livelink"]) == 0
    assert take.read_text().startswith("Timecode,BlendShapeCount,EyeBlinkLeft")
    assert main(["clip", str(take), str(back)]) == 0
    assert "frames" in capsys.readouterr().out and back.stat().st_size > 1000


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["clip", "dancing", "a.csv"], "no clip is called dancing"),
        (["clip", "visemes", "a.bvh"], "a.bvh: expected a clip"),
        (["clip", "visemes", "a.glb"], "belongs to a head"),
        (["play", str(TINY), "--live", "vmc", "--record", "a.mp4"], "--live and --send need a window"),
        (["play", str(TINY), "--mood", "bored"], "mood must be one of neutral"),
        (["play", str(TINY), "--expression", "jawOpen=much"], "expected NAME=VALUE"),
        (["play", str(TINY), "--background", "transparent"], "a window cannot be transparent"),
        (["play", str(TINY), "--window", "10", "300"], "--window, width, must be between 160 and 16384, got 10"),
        (["play", str(TINY), "--neck", "0", "9", "0", "--record", "a.mp4"], "--expression and --neck need a window"),
        (["play", "gone.glb"], "gone.glb: expected an avatar"),
        (["play", str(TINY), "--live", "kinect"], "--live: expected one of livelink"),
        (["play", str(TINY), "--send", "livelink"], "expected livelink:HOST"),
    ],
)
def test_mistakes_are_one_line(
    words: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == MISTAKE
    error = capsys.readouterr().err
    assert told in error and len(error.strip().splitlines()) == 1 and not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_weight_that_tears_is_cut_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures = {}
    for name, options in (
        ("one", ["--expression", "jawOpen=1"]),
        ("three", ["--expression", "jawOpen=3"]),
        ("torn", ["--expression", "jawOpen=3", "--unclamped"]),
    ):
        path = tmp_path / f"{name}.png"
        assert main(["render", str(TINY), *options, "--size", "64", "--out", str(path)]) == 0
        pictures[name] = path.read_bytes()
    assert pictures["one"] == pictures["three"] != pictures["torn"]
    assert capsys.readouterr().err.count("jawOpen=3 tears the face; taken as 1") == 1


@pytest.mark.slow
def test_names_as_others_write_them_and_a_turned_neck(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures = []
    for number, options in enumerate(
        (
            ["--expression", "jawOpen=0.5"],
            ["--expression", "JAWOPEN=0.5"],
            ["--expression", "happy=1"],
            ["--neck", "0", "30", "0"],
        )
    ):
        path = tmp_path / f"{number}.png"
        assert main(["render", str(TINY), *options, "--size", "64", "--out", str(path)]) == 0
        pictures.append(path.read_bytes())
    assert pictures[0] == pictures[1] and len(set(pictures)) == 3
    assert main(["render", str(TINY), "--neck", "0", "200", "0", "--out", str(tmp_path / "a.png")]) == MISTAKE
    assert "neck" in capsys.readouterr().err
