"""Networks of SDXL that cannot serve cost one line and exit code 2 before the first stage, and nothing is written."""

import shutil
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
import sdxl_cases
import torch

from facecraft4d import cli

PHOTO = str(files("facecraft4d.samples")) + "/portraits/grace_hopper.jpg"
CHOSEN = (
    "--image-prior",
    "sdxl",
    "--image-prior.sdxl.prompt",
    "a person {view}",
    "--image-prior.sdxl.negative-prompt",
    "blur",
)
GIVEN = (*CHOSEN, "--image-prior.sdxl.folder", sdxl_cases.NAME)
UNET = "unet/diffusion_pytorch_model.safetensors"


def nothing(folder: Path) -> None:
    """The folder is as it should be."""


BAD: dict[str, tuple[Callable[[Path], object], tuple[str, ...], str]] = {
    "not given": (nothing, CHOSEN, "--image-prior.sdxl.folder FOLDER"),
    "not there": (nothing, (*CHOSEN, "--image-prior.sdxl.folder", "nowhere"), "nowhere"),
    "a file": (nothing, (*CHOSEN, "--image-prior.sdxl.folder", f"{sdxl_cases.NAME}/{UNET}"), "model_index.json"),
    "not chosen": (nothing, ("--image-prior.sdxl.folder", sdxl_cases.NAME), "is for --image-prior sdxl"),
    "no second text encoder": (lambda at: shutil.rmtree(at / "text_encoder_2"), GIVEN, "the second text encoder"),
    "Stable Diffusion 1.5": (
        lambda at: (at / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}'),
        GIVEN,
        "found StableDiffusionPipeline",
    ),
    "pickled weights": (lambda at: torch.save({}, at / UNET), GIVEN, "which is a pickle; save it as safetensors"),
    "pickles alone": (lambda at: (at / UNET).rename(at / "unet/diffusion_pytorch_model.bin"), GIVEN, "may run code"),
    "a web page": (lambda at: (at / UNET).write_text("<html>"), GIVEN, "a web page"),
    "a pointer": (lambda at: (at / UNET).write_text("version https://git-lfs.github.com/spec/v1"), GIVEN, "a pointer of Git LFS"),
    "truncated": (lambda at: (at / UNET).write_bytes((at / UNET).read_bytes()[:-9]), GIVEN, "do not fill the file"),
    "another architecture": (
        lambda at: sdxl_cases.tiny_vae().save_pretrained(at / "unet"),
        GIVEN,
        "UNet2DConditionModel",
    ),
    "a UNet that is none": (nothing, (*GIVEN, "--image-prior.sdxl.unet", "."), "config.json"),
    "a long prompt": (nothing, (*GIVEN, "--image-prior.sdxl.prompt", "zebra " * 40), "at most 77 tokens"),
    "half a cell": (nothing, (*GIVEN, "--image-prior.sdxl.resolution", "100"), "a multiple of 32"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("case", BAD)
def test_networks_that_cannot_serve_are_one_line(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FACECRAFT4D_WEIGHTS_SDXL", raising=False)
    harm, words, told = BAD[case]
    harm(sdxl_cases.write_folder(tmp_path))
    before = sorted(Path().rglob("*"))
    capsys.readouterr()
    assert cli.main(["build", PHOTO, "--out", "out", "--device", "cpu", *words]) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("facecraft4d:")]
    assert len(said) == 1 and told in said[0]
    assert sorted(Path().rglob("*")) == before


def test_the_list_of_weights_says_what_to_bring(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["weights", "list", "sdxl", "cosmicman"]) == 0
    said = capsys.readouterr().out
    for words in (
        "OpenRAIL++-M",
        "CC-BY-4.0",
        "--image-prior.sdxl.folder FOLDER",
        "--image-prior.sdxl.unet FOLDER",
        "safetensors",
    ):
        assert words in said
