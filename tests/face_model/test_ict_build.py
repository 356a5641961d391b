"""ICT-FaceKit's folder through the commands: a small build, inspected, drawn and exported."""

from pathlib import Path

import cc0_ict
import numpy as np
import pytest
from places import PORTRAITS

from facecraft4d import cli, cli_build
from facecraft4d.exporters import load
from facecraft4d.toolkit import face_model
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.rigging import pose_from_weights, pose_vertices, vertices_in_regions
from facecraft4d.toolkit.face_model import FaceModel

pytestmark = pytest.mark.slow
IDENTITIES = 40
SMALL = (
    "--shape-prior.views", "8", "--shape-prior.parametric.latent-iterations", "10", "--shape-prior.parametric.pivotal-iterations", "10",
    "--shape-prior.parametric.texture-size", "512", "--video-prior.frontal-views", "2", "--video-prior.frames", "3", "--video-prior.size", "128",
    "--training.static-iterations", "10", "--training.coin-iterations", "10", "--training.levels.iterations", "0", "--splats", "6000",
)  # fmt: skip


def test_a_folder_of_ict_becomes_an_avatar(
    tmp_path: Path, model: FaceModel, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of ARKit's 52 all but the tongue move, the licence's words are the copy's own, every format is written."""
    folder, _ = cc0_ict.write(tmp_path, model, monkeypatch, IDENTITIES)
    monkeypatch.setattr(face_model, "_adopted", lambda config: tmp_path / "adopted.npz")  # not into the user's cache
    monkeypatch.setattr(cli_build, "PREVIEW_SIZE", 64)
    out = tmp_path / "head"
    words = ["build", str(PORTRAITS / "astronaut.png"), "--out", str(out), "--face-model", "ict"]
    assert cli.main([*words, "--face-model.file", str(folder), *SMALL]) == 0
    assert "no tongue that moves" in capsys.readouterr().err
    avatar = load(out / "avatar.glb")
    rig = avatar.rig
    assert rig.expression_names == ARKIT_NAMES
    still = [name for name, delta in zip(ARKIT_NAMES, rig.expression_deltas, strict=True) if np.abs(delta).max() < 1e-3]
    assert still == ["tongueOut"]
    opened = pose_vertices(rig, pose_from_weights(rig, {"jawOpen": 1.0})) - rig.vertices
    assert opened[vertices_in_regions(rig, "lips"), 1].min() < -0.015
    assert cli.main(["inspect", str(out / "avatar.glb")]) == 0
    said = capsys.readouterr().out
    assert "commercial use: yes" in said and 'begins "MIT License' in said
    assert cli.main(["render", str(out / "avatar.glb"), "--size", "64", "--out", str(tmp_path / "still.png")]) == 0
    assert (
        cli.main(
            [
                "export",
                str(out / "avatar.glb"),
                "--to",
                "ply,spz,obj,vrm,usd,rig,web,lam",
                "--out",
                str(tmp_path / "all"),
            ]
        )
        == 0
    )
