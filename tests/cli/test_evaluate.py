"""evaluate prints, writes and reports."""

import json
from pathlib import Path

import numpy as np
import pytest

from facecraft4d import cli


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
