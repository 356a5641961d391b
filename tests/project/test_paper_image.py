"""The command with the paper's image prior on tiny networks in files: it makes an avatar that names them, and survives kills."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sdxl_cases
from khronos import check_but_for_splats, install_validator
from killed_builds import AFTER_MOTION, Kill, glb_of_killed, small_measures
from photographs import HOPPER

from facecraft4d import cli, exporters
from facecraft4d.toolkit.core.ingredients import Commercial

SMALL = (
    "--device", "cpu", "--shape-prior", "parametric", "--video-prior", "mesh", "--preprocess.size", "256",
    "--shape-prior.parametric.latent-iterations", "3", "--shape-prior.parametric.pivotal-iterations", "3",
    "--shape-prior.parametric.texture-size", "128", "--shape-prior.views", "8", "--video-prior.frames", "2", "--video-prior.frontal-views", "2",
    "--video-prior.size", "64", "--training.static-iterations", "4", "--training.coin-iterations", "4", "--training.resolution", "64",
    "--training.coarse-resolution", "32", "--splats", "12000",
)  # fmt: skip
PAPER = (
    "--image-prior", "sdxl", "--image-prior.sdxl.resolution", "128", "--image-prior.sdxl.steps", "5", "--image-prior.sdxl.prompt",
    "a person {view}", "--image-prior.sdxl.negative-prompt", "blur",
)  # fmt: skip


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """The command's words."""
    place = tmp_path_factory.mktemp("checkpoints")
    folders = ("--image-prior.sdxl.folder", str(sdxl_cases.write_folder(place, unet=False)))
    with small_measures():
        yield [str(HOPPER), *SMALL, *PAPER, *folders, "--image-prior.sdxl.unet", str(sdxl_cases.write_unet(place))]


@pytest.fixture(scope="module")
def built(words: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "head"
    assert cli.main(["build", *words, "--out", str(out)]) == 0
    return out


@pytest.mark.slow
def test_the_command_makes_an_avatar_that_names_every_checkpoint(built: Path, tmp_path: Path) -> None:
    avatar = exporters.load(built / "avatar.glb")
    named = {each.name: each for each in avatar.provenance.ingredients}
    assert (named["sdxl"].licence, named["cosmicman"].licence) == ("OpenRAIL++-M", "CC-BY-4.0 AND OpenRAIL++-M")
    assert all(len(named[name].sha256) == 64 for name in ("sdxl", "cosmicman"))
    assert avatar.provenance.verdict is Commercial.YES
    options = avatar.provenance.options
    assert options["image_prior.prior"] == "sdxl" and "/" not in options["image_prior.sdxl.folder"]
    install_validator(tmp_path)
    check_but_for_splats(tmp_path, (built / "avatar.glb").read_bytes())


@pytest.mark.slow
def test_a_build_killed_again_and_again_ends_with_the_same_bytes(built: Path, words: list[str], tmp_path: Path) -> None:
    """In the image prior at every kind of moment, at each stage's end from there on, and within each."""
    stages = ("image_prior", "video_prior", "training", "evaluation")
    kills = (
        Kill("image_prior"), Kill("image_prior", "inverting"), Kill("image_prior", "finished"), Kill("image_prior", "finished"),
        Kill("video_prior"), Kill("video_prior", "", 3), *AFTER_MOTION,
    )  # fmt: skip
    assert glb_of_killed(words, built, stages, kills, tmp_path) == (built / "avatar.glb").read_bytes()
