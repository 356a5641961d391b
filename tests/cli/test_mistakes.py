"""A mistake costs one line and exit code 2, and nothing half-written stays behind."""

from pathlib import Path

import pytest

from facecraft4d import cli

RENDER = ("render", "good.glb", "--out", "out.png")
BAD: dict[str, tuple[tuple[str, ...], str]] = {
    "no such command": (("bild", "blank.jpg"), "build, play"),
    "no portrait": (("build",), "PATH"),
    "missing portrait": (("build", "nobody.jpg"), "nobody.jpg"),
    "portrait is a folder": (("build", "folder"), "folder"),
    "empty image": (("build", "empty.jpg", "--out", "out"), "empty.jpg"),
    "text as image": (("build", "text.jpg", "--out", "out"), "text.jpg"),
    "truncated image": (("build", "cut.jpg", "--out", "out"), "cut.jpg"),
    "huge image": (("build", "huge.png", "--out", "out"), "huge.png"),
    "no face": (("build", "noise.png", "--out", "out"), "face"),
    "blank picture": (("build", "blank.jpg", "--out", "out"), "face"),
    "out is a file": (("build", "blank.jpg", "--out", "file"), "file"),
    "out below a file": (("build", "blank.jpg", "--out", "file/deeper"), "file"),
    "unknown preset": (("build", "blank.jpg", "--preset", "best"), "draft"),
    "unknown option": (("build", "blank.jpg", "--colour", "red"), "--colour"),
    "word for a number": (("build", "blank.jpg", "--splats", "many"), "splats"),
    "no splats": (("build", "blank.jpg", "--splats", "0"), "training.splats"),
    "negative seed": (("build", "blank.jpg", "--seed", "-1"), "seed"),
    "nan option": (("build", "blank.jpg", "--image-prior.warp.boundary", "nan"), "boundary"),
    "unknown matting": (("build", "blank.jpg", "--matting", "magic"), "selfie"),
    "cuda without cuda": (("build", "blank.jpg", "--device", "cuda"), "--device cpu"),
    "paper without cuda": (("build", "blank.jpg", "--preset", "paper", "--embedded-priors"), "hours"),
    "paper without its priors": (("build", "blank.jpg", "--preset", "paper"), "--embedded-priors"),
    "resume and fresh": (("build", "blank.jpg", "--resume", "--fresh"), "exclude"),
    "no splats to draw": ((*RENDER, "--splats", "0"), "--splats"),
    "missing avatar": (("inspect", "nobody.glb"), "nobody.glb"),
    "avatar is a folder": (("inspect", "folder"), "folder"),
    "empty avatar": (("inspect", "empty.glb"), "empty.glb"),
    "truncated avatar": (("inspect", "cut.glb"), "cut.glb"),
    "wrong magic": (("inspect", "magic.glb"), "magic.glb"),
    "wrong version": (("inspect", "version.glb"), "version.glb"),
    "wrong length": (("inspect", "longer.glb"), "longer.glb"),
    "deep json": (("inspect", "json.glb"), "json.glb"),
    "huge count": (("inspect", "counts.glb"), "counts.glb"),
    "negative count": (("inspect", "negative.glb"), "negative.glb"),
    "another glb": (("inspect", "other.glb"), "other.glb"),
    "unknown clip": (("play", "good.glb", "--record", "out.mp4", "--clip", "dance"), "face_cap"),
    "missing clip": (("play", "good.glb", "--record", "out.mp4", "--clip", "no.csv"), "no.csv"),
    "nan in a clip": (("play", "good.glb", "--record", "out.mp4", "--clip", "clip.csv"), "clip.csv"),
    "unknown column": (("play", "good.glb", "--record", "out.mp4", "--clip", "columns.csv"), "jawWide"),
    "no display": (("play", "good.glb"), "--record"),
    "record to a text": (("play", "good.glb", "--record", "out.txt"), "out.txt"),
    "record odd size": (("play", "good.glb", "--record", "out.mp4", "--size", "255"), "even"),
    "no frames": (("play", "good.glb", "--record", "out.mp4", "--fps", "0"), "fps"),
    "size zero": ((*RENDER, "--size", "0"), "size"),
    "size huge": ((*RENDER, "--size", "1000000"), "size"),
    "yaw nan": ((*RENDER, "--yaw", "nan"), "yaw"),
    "pitch over the pole": ((*RENDER, "--pitch", "120"), "pitch"),
    "unknown expression": ((*RENDER, "--expression", "jawWide=1"), "jawWide"),
    "expression without value": ((*RENDER, "--expression", "jawOpen"), "NAME=VALUE"),
    "expression nan": ((*RENDER, "--expression", "jawOpen=nan"), "jawOpen"),
    "unknown background": ((*RENDER, "--background", "plaid"), "white"),
    "picture as text": (("render", "good.glb", "--out", "out.txt"), ".png"),
    "picture below a file": (("render", "good.glb", "--out", "file/out.png"), "file"),
    "avatar alone": (("evaluate", "good.glb"), "--truth"),
    "no avatar to evaluate": (("evaluate", "folder"), "avatar.glb"),
    "unknown truth": (("evaluate", "good.glb", "--truth", "monalisa"), "glasses"),
    "truth without cameras": (("evaluate", "good.glb", "--truth", "folder"), "transforms.json"),
    "evaluate at no size": (("evaluate", "good.glb", "--size", "0"), "size"),
    "unknown weights": (("weights", "path", "gpt"), "face_landmarker"),
    "weights without a name": (("weights", "path"), "name"),
    "unknown weights action": (("weights", "burn"), "fetch"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BAD)
def test_a_mistake_costs_one_line(place: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    command, wanted = BAD[name]
    before = _files(place)
    assert cli.main(list(command)) == 2
    said = capsys.readouterr()
    last = said.err.splitlines()[-1]
    assert last.startswith("facecraft4d: ") and wanted in last
    assert "Traceback" not in said.err
    assert all(" 0/" in line or " 1/" in line for line in said.err.splitlines()[:-1]), "only progress before the line"
    assert _files(place) == before, "no half-written output"


def _files(place: Path) -> set[str]:
    return {str(path.relative_to(place)) for path in place.rglob("*")}
