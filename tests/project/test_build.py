"""The whole main job on a real photograph, as small as it gets: it runs, it survives kills, and it gives the same file again."""

import json
import os
import shutil
import signal
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facecraft4d import exporters
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES

SMALL = (
    "--device", "cpu", "--preprocess.size", "256", "--shape-prior.parametric.latent-iterations", "3", "--shape-prior.parametric.pivotal-iterations",
    "3", "--shape-prior.parametric.texture-size", "128", "--shape-prior.views", "8", "--video-prior.frames", "2", "--video-prior.frontal-views", "2",
    "--training.static-iterations", "8", "--training.coin-iterations", "8", "--training.resolution", "64",
    "--training.coarse-resolution", "32", "--training.checkpoint-every", "4", "--splats", "12000",
)  # fmt: skip
RESULTS = {"avatar.glb", "report.html", "preview.mp4", "metrics.json", "expression_sheet.png", "overview.png", "build"}
PHOTO = Path(str(files("facecraft4d.samples"))) / "portraits" / "grace_hopper.jpg"


def build(out: Path, kill_at: str = "", photo: Path = PHOTO, **environment: str) -> int:
    """Run a small build; kill it when it speaks of a stage. Returns its exit code."""
    command = [sys.executable, "-m", "facecraft4d.cli", "build", str(photo), "--out", str(out), *SMALL]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=os.environ | environment
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if kill_at and line.startswith(kill_at):
                process.send_signal(signal.SIGKILL)
                break
        process.stderr.read()
    return process.returncode


def homes(out: Path) -> dict[str, Path]:
    """The folder of each stage's result, in the order of stages."""
    stages = ("preprocess", "shape_prior", "image_prior", "video_prior", "training", "evaluation")
    return {stage: next((out / "build" / stage).glob("*/stage.json")).parent for stage in stages}


def difference(one: Path, other: Path) -> str:
    """In one line: the first stage whose kept results differ, and which arrays by how much. Empty where all are equal."""
    for stage, (mine, theirs) in {name: (home, homes(other)[name]) for name, home in homes(one).items()}.items():
        digests = [json.loads((home / "stage.json").read_text())["digest"] for home in (mine, theirs)]
        if digests[0] == digests[1]:
            continue
        with np.load(mine / "result.npz") as first, np.load(theirs / "result.npz") as second:
            told = [text for name in first.files if (text := _apart(name, first[name], second[name]))]
        return f"{stage}: " + ("; ".join(told) or "other files")
    return ""


def _apart(name: str, first: np.ndarray, second: np.ndarray) -> str:
    if first.shape != second.shape or first.dtype != second.dtype:
        return f"{name} {first.shape} {second.shape}"
    if np.array_equal(first, second, equal_nan=first.dtype.kind == "f"):
        return ""
    away = np.abs(first.astype(np.float64) - second)
    return f"{name} {first.shape} at {int((away > 0).sum())} places by at most {np.nanmax(away):.2g}"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An unbroken build, of a photograph whose name is no UTF-8 where a name can be so, on a terminal that knows Latin-1 alone."""
    folder = tmp_path_factory.mktemp("whole")
    photo = folder / (os.fsdecode(b"caf\xe9.jpg") if sys.platform == "linux" else "café.jpg")
    shutil.copy(PHOTO, photo)
    assert build(folder / "head", photo=photo, PYTHONIOENCODING="latin-1") == 0
    return folder / "head"


@pytest.mark.slow
def test_a_photograph_becomes_an_avatar(whole: Path) -> None:
    """Every result is there; the avatar is whole, within its budget, free to sell, and looks like the person."""
    assert {path.name for path in whole.iterdir()} == RESULTS
    avatar = exporters.load(whole / "avatar.glb")
    assert avatar.rig.expression_names == ARKIT_NAMES
    assert 0 < len(avatar.splats.means) <= 12_000
    assert avatar.provenance.verdict and avatar.provenance.metrics["identity_front"] > 0.3
    with Image.open(whole / "expression_sheet.png") as sheet:
        assert sheet.width > 1000


@pytest.mark.slow
def test_a_killed_build_goes_on_to_the_same_file(whole: Path, tmp_path: Path) -> None:
    """Killed once in every stage and twice in training, a build ends in the bytes of one that nobody killed."""
    for stage in ("preprocess", "shape_prior", "image_prior", "video_prior", "training", "training", "evaluation"):
        assert build(tmp_path / "head", stage) == -signal.SIGKILL
        assert not (tmp_path / "head" / "avatar.glb").exists()
    assert build(tmp_path / "head") == 0
    assert difference(tmp_path / "head", whole) == ""
    for name in ("avatar.glb", "metrics.json"):
        is_equal = (tmp_path / "head" / name).read_bytes() == (whole / name).read_bytes()
        assert is_equal, f"{name} differs, though all kept results are equal"
