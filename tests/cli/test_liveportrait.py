"""What LivePortrait cannot work with costs one line and exit code 2 before the first stage, and nothing is written."""

import os
import pickle
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from film_cases import face, nobody, write_video
from liveportrait_cases import NARROW, write_checkpoints

from facecraft4d import cli
from facecraft4d.toolkit.video_prior.liveportrait import animation

PHOTO = str(files("facecraft4d.samples")) + "/portraits/grace_hopper.jpg"
CHOSEN = ("--video-prior", "liveportrait")
GIVEN = (*CHOSEN, "--video-prior.liveportrait.checkpoints")
DRIVING = (*GIVEN, "whole", "--video-prior.liveportrait.driving")
GENERATOR, STITCHING = "base_models/spade_generator.pth", "retargeting_models/stitching_retargeting_module.pth"


class Runs:
    """A pickle of it would run a command."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch ran",)


def damage(case: str) -> None:
    """The files of a case, in the working folder, where `whole` has all checkpoints."""
    generator = Path("whole", GENERATOR)
    match case:
        case "a web page":
            generator.write_bytes(b"<!DOCTYPE html><html><title>Sign in</title>")
        case "an LFS pointer":
            generator.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 222000000\n")
        case "truncated":
            generator.write_bytes(generator.read_bytes()[:3000])
        case "a callable":
            generator.write_bytes(pickle.dumps(Runs(), protocol=2))
        case "one file less":
            Path("whole", STITCHING).unlink()
        case "animals":
            Path("whole").rename("liveportrait_animals")
        case "animals by their key points":
            Path("whole", "xpose.pth").write_bytes(b"")
        case "no videos":
            Path("videos").mkdir()
            Path("videos", "readme.txt").write_text("none")
        case "no face" | "one frame" | "no video":
            Path("videos").mkdir()
            pictures = {"no face": [nobody()] * 3, "one frame": [face(False)]}.get(case)
            if pictures:
                write_video(Path("videos", "film.mp4"), np.stack(pictures))
            else:
                Path("videos", "film.mp4").write_bytes(b"no video at all")


BAD: dict[str, tuple[tuple[str, ...], str]] = {
    "nothing given": (CHOSEN, "weights 'liveportrait' (MIT; commercial use: yes) are yours to bring"),
    "nothing there": ((*GIVEN, "nowhere"), "nowhere: expected"),
    "a file for a folder": ((*GIVEN, f"whole/{GENERATOR}"), "expected a folder with"),
    "one file less": ((*GIVEN, "whole"), "stitching_retargeting_module.* (stitching, lips and eyes, 2.3 MB) in that folder"),
    "a web page": ((*GIVEN, "whole"), "found a web page"),
    "an LFS pointer": ((*GIVEN, "whole"), "LFS"),
    "truncated": ((*GIVEN, "whole"), "spade_generator.pth: expected a checkpoint of LivePortrait (MIT)"),
    "a callable": ((*GIVEN, "whole"), "spade_generator.pth: expected a checkpoint of LivePortrait (MIT)"),
    "animals": ((*GIVEN, "liveportrait_animals"), "found those for animals (liveportrait_animals)"),
    "animals by their key points": ((*GIVEN, "whole"), "found those for animals (xpose.pth)"),
    "no folder": ((*DRIVING, "nowhere"), "nowhere: expected a folder with videos"),
    "no videos": ((*DRIVING, "videos"), "videos: expected a folder with videos"),
    "no face": ((*DRIVING, "videos"), "film.mp4: expected a face, found it in none of 3 frames"),
    "one frame": ((*DRIVING, "videos"), "film.mp4: expected a video of at least 2 frames, found 1"),
    "no video": ((*DRIVING, "videos"), "film.mp4: expected a video"),
    "files for another prior": (("--video-prior.liveportrait.checkpoints", "whole"), "the video prior here is mesh"),
    "a head without shoulders": ((*GIVEN, "whole", "--bust", "neck"), "needs --bust shoulders"),
    "too strong": ((*GIVEN, "whole", "--video-prior.liveportrait.multiplier", "3"), "multiplier must be between 0 and 2"),
}  # fmt: skip


def refused(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> list[str]:
    """All lines that were said."""
    before = sorted(Path().rglob("*"))
    assert cli.main(["build", PHOTO, "--out", "out", "--device", "cpu", *words]) == cli.MISTAKE
    said = capsys.readouterr().err.splitlines()
    assert len([line for line in said if line.startswith("facecraft4d:")]) == 1 and "Traceback" not in "".join(said)
    assert sorted(Path().rglob("*")) == before
    return said


@pytest.mark.slow
@pytest.mark.parametrize("case", BAD)
def test_what_cannot_serve_is_one_line(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(animation, "PUBLISHED", NARROW)
    monkeypatch.delenv("FACECRAFT4D_WEIGHTS_LIVEPORTRAIT", raising=False)
    write_checkpoints(Path("whole"))
    damage(case)
    words, told = BAD[case]
    assert told in refused(words, capsys)[-1]
    assert not Path("ran").exists()


@pytest.mark.slow
def test_another_architecture_is_told_by_its_differences(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_checkpoints(Path("narrow"))
    said = refused((*GIVEN, "narrow"), capsys)
    assert sum("shape: " in each for each in said) > 10 and any("missing: resblocks_3d.3dr5" in each for each in said)
    line = said[-1]
    assert "appearance_feature_extractor.pth: expected" in line and "of another shape (" in line
    assert line.count(" for ") == 3, "the line has the first ones"
