"""evaluate prints, writes and reports."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from kept_build import KEY, keep_stages

from facecraft4d import cli
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Coarse, FrameSet
from facecraft4d.toolkit.core.motion import builtin_clip, on_rig


@pytest.mark.slow
def test_evaluate_prints_writes_and_reports(place: Path, tiny_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table, the JSON and the page say the same, and a second run replaces the page's section."""
    assert (
        cli.main(["render", "good.glb", "--out", "folder/front.png", "--size", "64", "--background", "transparent"])
        == 0
    )
    entry = {"file_path": "front.png", "transform_matrix": np.eye(4).tolist(), "camera_angle_x": 0.23}
    entry["transform_matrix"][2][3] = 1.6
    (place / "folder" / "transforms.json").write_text(json.dumps({"w": 64, "h": 64, "frames": [entry]}))
    (place / "out").mkdir()
    for _ in range(2):
        assert cli.main(["evaluate", "good.glb", "--truth", "folder", "--out", "out"]) == 0
        said = capsys.readouterr().out
        for word in ("PSNR", "LPIPS (VGG)", "LPIPS (Alex)", "ID (SFace)", "pictures", "out/evaluation.json"):
            assert word in said
        tree = json.loads((place / "out" / "evaluation.json").read_text())
        assert tree["groups"][0]["pictures"] == 1 and tree["groups"][0]["psnr_db"] > 10
        assert (place / "out" / "evaluation.html").read_text().count("<section>") == 1


@pytest.fixture
def two_heads(
    tmp_path: Path, tiny_path: Path, tiny_avatar: Avatar, tiny_coarse: Coarse, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A working folder with two finished builds; of the paper's networks none is there."""
    for name in ("anna", "ben"):
        frames = FrameSet(
            tmp_path / name / "build" / "video_prior" / KEY[:16] / "files",
            (),
            (),
            on_rig(builtin_clip("blinks_gaze"), tiny_avatar.rig),
        )
        keep_stages(tmp_path / name / "build", tiny_coarse, frames, tiny_avatar)
        shutil.copy(tiny_path, tmp_path / name / "avatar.glb")
    (tmp_path / "page.js").write_text("<!DOCTYPE html>")
    monkeypatch.setenv("FACECRAFT4D_WEIGHTS_INCEPTION_NSFWJS", str(tmp_path / "page.js"))
    for name in ("ARCFACE", "CLIP", "INCEPTION_FID"):
        monkeypatch.delenv(f"FACECRAFT4D_WEIGHTS_{name}", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_several_heads_are_measured_by_the_papers_measures(two_heads: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What lacks its network says which, and nothing stands in for it."""
    assert cli.main(["evaluate", "anna", "ben", "--out", "numbers", "--size", "64", "--frames", "1"]) == 0
    said = capsys.readouterr().out
    for words in (
        "CLIP-I",
        "ID (ArcFace)",
        "FD-Inc768",
        "  anna",
        "moving, 60 to 180 degrees",
        "numbers/evaluation.json",
    ):
        assert words in said
    for words in (
        "FID is not measured",
        "--clip FOLDER",
        "--arcface FILE",
        "page.js: expected the scripts of nsfwjs",
    ):
        assert words in said
    tree = json.loads((two_heads / "numbers" / "evaluation.json").read_text())["paper"]
    assert (tree["groups"][0]["group"], tree["groups"][0]["pictures"]) == ("still", 10)
    assert tree["groups"][0]["fid"] is None and len(tree["pictures"]) == 30


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "match"),
    [
        (("anna", "ben"), "--out FOLDER"),
        (("anna", "ben", "--out", "numbers", "--truth", "glasses"), "without --truth"),
        (("anna", "--arcface", "page.js"), "page.js: expected a file .*given by --arcface"),
        (("anna", "--clip", "anna"), r"anna: expected config\.json .*given by --clip"),
        (("anna", "ben", "--out", "numbers", "--inception", "absent.pth"), "absent.pth: expected a file"),
        (("anna", "nobody", "--out", "numbers"), "nobody"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(
    two_heads: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], match: str
) -> None:
    before = sorted(two_heads.rglob("*"))
    assert cli.main(["evaluate", *words, "--size", "32", "--frames", "0"]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert re.search(match, said), said
    assert sorted(two_heads.rglob("*")) == before, "nothing is written"
