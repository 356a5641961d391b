"""A folder of ICT-FaceKit's layout with a face in it, the CC0 head's cut into its parts: adopted, it is the head that it was cut from.

Then a small build on it, inspected, drawn and exported.
"""

from collections.abc import Iterator
from pathlib import Path

import cc0_ict
import numpy as np
import pytest
from places import PORTRAITS

from facecraft4d import cli, cli_build
from facecraft4d.exporters import load
from facecraft4d.toolkit import cache, face_model
from facecraft4d.toolkit.config import FaceModelConfig, FaceModelKind
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.rigging import (
    in_regions,
    neutral_pose,
    pose_from_weights,
    pose_vertices,
    vertices_in_regions,
)
from facecraft4d.toolkit.core.stages import silent
from facecraft4d.toolkit.face_model import FaceModel, ict, personalized_rig
from facecraft4d.toolkit.face_model.obj_files import read_obj

pytestmark = pytest.mark.slow


IDENTITIES = 40
SMALL = (
    "--shape-prior.views", "8", "--shape-prior.parametric.latent-iterations", "10", "--shape-prior.parametric.pivotal-iterations", "10",
    "--shape-prior.parametric.texture-size", "512", "--video-prior.frontal-views", "2", "--video-prior.frames", "3", "--video-prior.size", "128",
    "--training.static-iterations", "10", "--training.coin-iterations", "10", "--training.levels.iterations", "0", "--splats", "6000",
)  # fmt: skip


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, model: FaceModel) -> Iterator[tuple[Path, np.ndarray]]:
    """The folder, and which of the CC0 head's vertices each of its meshes' is."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield cc0_ict.write(tmp_path_factory.mktemp("ict"), model, monkeypatch, IDENTITIES)


@pytest.fixture(scope="module")
def adopted_as(written: tuple[Path, np.ndarray]) -> tuple[FaceModel, np.ndarray]:
    folder, rows = written
    neutral = read_obj(folder / ict.FOLDER / ict.NEUTRAL, ict.WHAT)
    found = face_model._complete(ict.load_ict(folder, silent), FaceModelConfig(FaceModelKind.ICT, folder), silent)
    return found, rows[ict._welded(neutral.vertices, neutral.triangles)[0]]


@pytest.fixture(scope="module")
def adopted(adopted_as: tuple[FaceModel, np.ndarray]) -> FaceModel:
    return adopted_as[0]


@pytest.fixture(scope="module")
def same(adopted_as: tuple[FaceModel, np.ndarray]) -> np.ndarray:
    """The vertex of the CC0 head that each of the adopted head's is: it has no others."""
    return adopted_as[1]


def test_it_lies_about_the_ears_in_metres(adopted: FaceModel, model: FaceModel, same: np.ndarray) -> None:
    moved = adopted.vertices - 1.03 * model.vertices[same]
    assert np.abs(moved.mean(0)).max() < 0.002


def test_regions_are_those_that_it_was_cut_from(adopted: FaceModel, model: FaceModel) -> None:
    """Of skin as far as the CC0 head lies on it again, of all that hangs in it exactly."""
    order = np.concatenate(cc0_ict.cut(model))
    for name in ("lips", "ears", "scalp", "neck", "eyelids", "eyes", "teeth", "eye_sockets"):
        found, known = in_regions(adopted, name), in_regions(model, name)[order]
        least = 0.75 if name in ("lips", "ears", "scalp", "neck", "eyelids") else 1
        assert (found & known).sum() / (found | known).sum() >= least, name


def test_expressions_are_its_own_and_its_tongue_rests(adopted: FaceModel, model: FaceModel, same: np.ndarray) -> None:
    assert adopted.expression_names == ARKIT_NAMES
    for index, name in enumerate(ARKIT_NAMES):
        wanted = 0 if name == "tongueOut" else 1.03 * model.expression_deltas[index][same]
        assert np.abs(adopted.expression_deltas[index] - wanted).max() < 1e-5, name


def test_joints_are_where_the_head_has_them_and_move_what_they_move(
    adopted: FaceModel, model: FaceModel, same: np.ndarray
) -> None:
    ours, theirs = personalized_rig(adopted), personalized_rig(model)
    assert np.linalg.norm(ours.joint_positions - 1.03 * theirs.joint_positions, axis=1).max() < 0.006
    for joint in range(1, 5):
        moved = []
        for rig in (ours, theirs):
            pose = neutral_pose(rig)
            pose.joint_rotations[joint, 0] = 0.2
            moved.append(pose_vertices(rig, pose) - rig.vertices)
        assert np.abs(moved[0] - 1.03 * moved[1][same]).mean() < 4e-4


def test_a_folder_of_ict_becomes_an_avatar(
    written: tuple[Path, np.ndarray],
    adopted: FaceModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of ARKit's 52 all but the tongue move, the licence's words are the copy's own, every format is written."""
    folder, _ = written
    cache.save(tmp_path / "adopted.npz", adopted)
    monkeypatch.setattr(face_model, "_adopted", lambda config: tmp_path / "adopted.npz")  # not in the user's cache
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
