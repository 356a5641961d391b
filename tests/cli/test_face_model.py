"""A head model that cannot serve costs one line and exit code 2 before the first stage, and nothing is written."""

import os
import pickle
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import ict_miniature
import numpy as np
import pytest
import synthetic_flame

from facecraft4d import cli
from facecraft4d.toolkit.core.checks import UserError

PHOTO = str(files("facecraft4d.samples")) + "/portraits/grace_hopper.jpg"


class Runs:
    """A pickle of it would run a command."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch ran",)


def flame() -> dict[str, np.ndarray]:
    return synthetic_flame.small()


def write(case: str) -> None:
    """The files of a case, into the working folder."""
    arrays = flame()
    np.savez("flame2023.npz", **arrays)
    match case:
        case "wrong keys":
            Path("flame2023.pkl").write_bytes(pickle.dumps({"v": 1, "weights": arrays["weights"]}, protocol=2))
        case "objects":
            np.savez("objects.npz", **arrays | {"f": np.array([None, {}], dtype=object)})
        case "a callable":
            Path("flame2023.pkl").write_bytes(pickle.dumps(Runs(), protocol=2))
        case "another template":
            Path("head_template_mesh.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nf 1/1 2/1 3/1\n")
        case "another embedding":
            np.savez("embedding.npz", landmark_indices=np.array([9999]))
        case "a folder":
            Path("flame").mkdir()


FLAME = ("--face-model", "flame", "--face-model.file")
BAD: dict[str, tuple[tuple[str, ...], str]] = {
    "no file": (("--face-model", "flame"), "flame.is.tue.mpg.de"),
    "missing": ((*FLAME, "nowhere.pkl"), "nowhere.pkl"),
    "a folder": ((*FLAME, "flame"), "flame: expected a FLAME model file"),
    "wrong keys": ((*FLAME, "flame2023.pkl"), "v_template"),
    "objects": ((*FLAME, "objects.npz"), "objects.npz: expected"),
    "a callable": ((*FLAME, "flame2023.pkl"), "system"),
    "another template": ((*FLAME, "flame2023.npz", "--face-model.template", "head_template_mesh.obj"), "another mesh"),
    "no template": ((*FLAME, "flame2023.npz", "--face-model.template", "no.obj"), "no.obj"),
    "another embedding": ((*FLAME, "flame2023.npz", "--face-model.mediapipe", "embedding.npz"), "embedding.npz"),
    "no folder": (("--face-model", "ict", "--face-model.file", "nowhere"), "nowhere: expected ICT-FaceKit's folder"),
    "no meshes": (("--face-model", "ict", "--face-model.file", "."), "FaceXModel"),
    "a file for a folder": (("--face-model", "ict", "--face-model.file", "flame2023.npz"), "FaceXModel"),
    "a file for the default": (("--face-model.file", "flame2023.npz"), "--face-model.file is for"),
    "too many components": ((*FLAME, "flame2023.npz", "--face-model.components", "101"), "between 0 and 100"),
    "no such model": (("--face-model", "smpl"), "flame"),
}


def refused(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> str:
    before = sorted(Path().rglob("*"))
    assert cli.main(["build", PHOTO, "--out", "out", "--device", "cpu", *words]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len([line for line in said if line.startswith("facecraft4d:")]) == 1
    assert sorted(Path().rglob("*")) == before
    return said[-1]


@pytest.mark.slow
@pytest.mark.parametrize("case", BAD)
def test_a_head_model_that_cannot_serve_is_one_line(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(case)
    words, told = BAD[case]
    assert told in refused(words, capsys)
    assert not Path("ran").exists()


@pytest.mark.slow
def test_a_truncated_folder_of_ict_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    ict_miniature.shrink(monkeypatch)
    mesh = ict_miniature.write(tmp_path) / "FaceXModel" / "jawOpen.obj"
    words = ("--face-model", "ict", "--face-model.file", "ICT-FaceKit")
    mesh.write_bytes(mesh.read_bytes()[:900])
    assert "jawOpen.obj: expected a mesh of ICT-FaceKit" in refused(words, capsys)
    mesh.unlink()
    assert "found no jawOpen.obj" in refused(words, capsys)


def test_a_file_that_is_another_when_it_is_read_again_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the hash that names what is kept and the reading of the file."""
    from facecraft4d.toolkit import face_model, weights
    from facecraft4d.toolkit.config import FaceModelConfig, FaceModelKind

    kept = sorted(weights.cache_folder().rglob("flame*"))
    monkeypatch.chdir(tmp_path)
    write("")
    config = FaceModelConfig(FaceModelKind.FLAME, Path("flame2023.npz"))

    read = face_model.bare_model

    def changed(*given: Any) -> face_model.FaceModel:
        found = read(*given)
        Path("flame2023.npz").write_bytes(b"another")
        return found

    monkeypatch.setattr(face_model, "bare_model", changed)
    with pytest.raises(UserError, match=r"flame2023\.npz: changed while it was read"):
        face_model.load(config)
    assert sorted(weights.cache_folder().rglob("flame*")) == kept
