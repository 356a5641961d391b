"""The command with the paper's video prior and narrow networks in files: it makes an avatar, tracks what nobody knows, and survives kills."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from khronos import check_but_for_splats, install_validator
from killed_builds import AFTER_MOTION, Kill, glb_of_killed, small_measures
from liveportrait_cases import NARROW, write_checkpoints
from photographs import HOPPER

from facecraft4d import cli, exporters
from facecraft4d.toolkit.core.ingredients import Commercial
from facecraft4d.toolkit.video_prior.liveportrait import animation

SMALL = (
    "--device", "cpu", "--preprocess.size", "256", "--shape-prior.parametric.latent-iterations", "3", "--shape-prior.parametric.pivotal-iterations",
    "3", "--shape-prior.parametric.texture-size", "128", "--shape-prior.views", "8", "--training.static-iterations", "4",
    "--training.coin-iterations", "4", "--training.resolution", "64", "--training.coarse-resolution", "32", "--splats", "12000",
)  # fmt: skip
PAPER = (
    "--video-prior", "liveportrait", "--video-prior.frames", "3", "--video-prior.frontal-views", "2", "--video-prior.size", "64",
    "--tracking.following-iterations", "4", "--tracking.epochs", "1",
)  # fmt: skip
KILLS = (
    Kill("video_prior"), Kill("video_prior", "motion of the driving clips", 3), Kill("video_prior", "", 4), Kill("tracking"),
    Kill("tracking", "following time steps", 1), *AFTER_MOTION,
)  # fmt: skip


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """The command's words; the product's loader is told to expect narrow networks."""
    folder = tmp_path_factory.mktemp("pretrained_weights")
    write_checkpoints(folder / "liveportrait")
    with small_measures() as patch:
        patch.setattr(animation, "PUBLISHED", NARROW)
        yield [str(HOPPER), *SMALL, *PAPER, "--video-prior.liveportrait.checkpoints", str(folder)]


@pytest.fixture(scope="module")
def built(words: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "head"
    assert cli.main(["build", *words, "--out", str(out)]) == 0
    return out


@pytest.mark.slow
def test_the_command_makes_an_avatar_that_names_every_checkpoint(built: Path, tmp_path: Path) -> None:
    """Random networks draw noise where the face is. The tracker finds no landmarks in it and fits what else there is: outlines and colours."""
    avatar = exporters.load(built / "avatar.glb")
    named = {each.name: each for each in avatar.provenance.ingredients if each.name.startswith("LivePortrait")}
    assert len(named) == 5 and {each.licence for each in named.values()} == {"MIT"}
    assert all(len(each.sha256) == 64 and "KwaiVGI" not in each.name for each in named.values())
    assert avatar.provenance.verdict is Commercial.YES
    options = avatar.provenance.options
    assert options["video_prior.prior"] == "liveportrait" and "/" not in options["video_prior.liveportrait.checkpoints"]
    install_validator(tmp_path)
    check_but_for_splats(tmp_path, (built / "avatar.glb").read_bytes())


@pytest.mark.slow
def test_a_build_killed_again_and_again_ends_with_the_same_bytes(built: Path, words: list[str], tmp_path: Path) -> None:
    """In what LivePortrait and tracking do, at each stage's end from there on, and within each."""
    stages = ("video_prior", "tracking", "training", "evaluation")
    assert glb_of_killed(words, built, stages, KILLS, tmp_path) == (built / "avatar.glb").read_bytes()
