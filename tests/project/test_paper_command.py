"""The paper in one command, on narrow networks in files of the published layouts: every prior of its own, and two of them beside the embedded ones.

Killed in each stage but the shape's (tests/shape_prior kills that, which takes most of the time) both end with the same bytes.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import cc0_flame
import panohead_cases
import pytest
import sdxl_cases
import trimesh
from khronos import check_but_for_splats, install_validator
from killed_builds import AFTER_MOTION, Kill, glb_of_killed, small_measures
from liveportrait_cases import NARROW, write_checkpoints
from panohead_head import KNOWN, known_head
from panohead_likeness import maps_of
from places import PORTRAITS

from facecraft4d import cli, exporters
from facecraft4d.toolkit import preprocess
from facecraft4d.toolkit.config import PreprocessConfig
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.ingredients import Commercial
from facecraft4d.toolkit.core.stages import StageContext, silent
from facecraft4d.toolkit.video_prior.liveportrait import animation

PHOTO, SIZE = PORTRAITS / "astronaut.png", 160
SMALL = f"""
--device cpu --preprocess.size {SIZE} --shape-prior.views 8 --shape-prior.parametric.latent-iterations 2
--shape-prior.parametric.pivotal-iterations 2 --shape-prior.parametric.texture-size 128 --shape-prior.panohead.inversion-steps 2
--shape-prior.panohead.tuning-steps 1 --shape-prior.panohead.tuning-stop 0 --shape-prior.panohead.depth-rays 48
--shape-prior.panohead.mesh-cells 48 --video-prior.frontal-views 1 --video-prior.frames 2 --video-prior.size 64
--training.static-iterations 4 --training.coin-iterations 2 --training.splats 1000 --training.resolution 64 --training.coarse-resolution 64
--training.levels.iterations 0 --training.densify.reset-every 0
""".split()
DIFFUSION = (
    "--image-prior.sdxl.resolution", "128", "--image-prior.sdxl.steps", "5", "--image-prior.sdxl.prompt", "a person {view}",
    "--image-prior.sdxl.negative-prompt", "blur",
)  # fmt: skip
EMBEDDED = ("--image-prior", "warp", "--video-prior", "mesh")
TRACKING = ("--tracking.following-iterations", "2", "--tracking.epochs", "0")


class Brought(NamedTuple):
    """What a user of the paper's priors brings."""

    panohead: Path
    sdxl: Path
    cosmicman: Path
    liveportrait: Path
    flame: Path


@pytest.fixture(scope="module")
def brought(tmp_path_factory: pytest.TempPathFactory) -> Brought:
    folder = tmp_path_factory.mktemp("brought")
    portrait = preprocess.run(PHOTO, PreprocessConfig(size=SIZE), StageContext(0, "cpu", Path(), silent))
    architecture = replace(KNOWN, resolution=128)
    panohead = folder / "easy-khair-180-gpc0.8-trans10-025000.pkl"
    panohead.write_bytes(panohead_cases.file_bytes(known_head(architecture, maps_of(portrait, architecture))))
    write_checkpoints(folder / "pretrained_weights" / "liveportrait")
    return Brought(
        panohead,
        sdxl_cases.write_folder(folder, unet=False),
        sdxl_cases.write_unet(folder),
        folder / "pretrained_weights",
        cc0_flame.write(folder),
    )


@pytest.fixture(scope="module")
def shaped(brought: Brought) -> tuple[str, ...]:
    """The words that choose PanoHead and FLAME."""
    return (
        "build", str(PHOTO), "--shape-prior", "panohead", "--shape-prior.panohead.checkpoint", str(brought.panohead), "--face-model", "flame",
        "--face-model.file", str(brought.flame), *SMALL,
    )  # fmt: skip


@pytest.fixture(scope="module")
def words(brought: Brought, shaped: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The words that choose all of them; the product's loader is told to expect narrow networks."""
    others = (
        "--preset", "paper", "--anyway", "--image-prior", "sdxl", "--image-prior.sdxl.folder", str(brought.sdxl), "--image-prior.sdxl.unet",
        str(brought.cosmicman), *DIFFUSION, "--video-prior", "liveportrait", "--video-prior.liveportrait.checkpoints", str(brought.liveportrait),
        *TRACKING,
    )  # fmt: skip
    with small_measures() as patch:
        patch.setattr(animation, "PUBLISHED", NARROW)
        yield (*shaped, *others)


@pytest.fixture(scope="module")
def whole(words: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build with all of them."""
    out = tmp_path_factory.mktemp("whole")
    assert cli.main([*words, "--out", str(out)]) == 0
    return out


def named(avatar: Avatar) -> dict[str, str]:
    """Licences of what it was made from, by name."""
    return {each.name: each.licence for each in avatar.provenance.ingredients}


def check_glb(path: Path, scratch: Path) -> None:
    install_validator(scratch)
    check_but_for_splats(scratch, path.read_bytes())


@pytest.mark.slow
def test_the_paper_in_one_command_names_every_checkpoint(whole: Path, tmp_path: Path) -> None:
    avatar = exporters.load(whole / "avatar.glb")
    licences = named(avatar)
    assert {"panohead", "sdxl", "cosmicman"} <= licences.keys() and sum(
        name.startswith("LivePortrait") for name in licences
    ) == 5
    assert any(name.startswith("FLAME") for name in licences)
    assert avatar.provenance.verdict is Commercial.NO, "as PanoHead's licence says"
    check_glb(whole / "avatar.glb", tmp_path)
    assert (
        cli.main(
            ["play", str(whole / "avatar.glb"), "--record", str(tmp_path / "clip.mp4"), "--size", "64", "--fps", "2"]
        )
        == 0
    )
    for name in ("gltf", "ply", "lam"):
        assert cli.main(["export", str(whole / "avatar.glb"), "--to", name, "--out", str(tmp_path / name)]) == 0


@pytest.mark.slow
def test_panoheads_surface_lies_beside_the_avatar(whole: Path) -> None:
    avatar = exporters.load(whole / "avatar.glb")
    used = {each.name: each for each in avatar.provenance.ingredients}
    assert used["panohead"].licence.startswith("CC-BY-NC-SA-4.0") and used["panohead"].sha256
    assert {"lpips_vgg16", "anny"} <= used.keys()
    surfaces = [trimesh.load(whole / name, force="mesh", process=False) for name in ("shape.glb", "shape.obj")]
    for surface in surfaces:
        assert surface.is_watertight and 0.002 < surface.volume < 0.02
        low, high = avatar.rig.vertices.min(0), avatar.rig.vertices.max(0)
        assert (surface.vertices.mean(0) > low).all() and (surface.vertices.mean(0) < high).all(), "in the head's world"
    page = (whole / "report.html").read_text(encoding="utf-8")
    assert "pivotal tuning moved the surface by" in page
    assert not list((whole / "build").rglob("tuning.npz")), "what served a killed run is gone"
    assert json.loads((whole / "metrics.json").read_text())["metrics"]


@pytest.mark.slow
def test_killed_again_and_again_it_ends_with_the_same_bytes(
    whole: Path, words: tuple[str, ...], tmp_path: Path
) -> None:
    stages = ("image_prior", "video_prior", "tracking", "training", "evaluation")
    kills = (
        Kill("image_prior"), Kill("image_prior", "finished"), Kill("video_prior"), Kill("video_prior", "", 3), Kill("tracking"),
        Kill("tracking", "following time steps", 1), *AFTER_MOTION,
    )  # fmt: skip
    killed = glb_of_killed(words[1:], whole, stages, kills, tmp_path)
    assert killed == (whole / "avatar.glb").read_bytes()


@pytest.mark.slow
def test_they_mix_with_the_embedded_priors(whole: Path, shaped: tuple[str, ...], tmp_path: Path) -> None:
    """The same shape, kept from the build above, then our own image and video priors."""
    shutil.copytree(whole / "build", tmp_path / "head" / "build")
    before = {
        path: path.stat().st_mtime_ns for path in (tmp_path / "head" / "build" / "shape_prior").rglob("stage.json")
    }
    assert cli.main([*shaped, *EMBEDDED, "--out", str(tmp_path / "head")]) == 0
    assert before and all(path.stat().st_mtime_ns == time for path, time in before.items()), "the shape was made anew"
    licences = named(exporters.load(tmp_path / "head" / "avatar.glb"))
    assert (
        "panohead" in licences
        and "sdxl" not in licences
        and not any(name.startswith("LivePortrait") for name in licences)
    )
    check_glb(tmp_path / "head" / "avatar.glb", tmp_path)
    stages = ("image_prior", "video_prior", "training", "evaluation")
    kills = (Kill("image_prior", "", 3), Kill("video_prior"), Kill("video_prior", "", 3), *AFTER_MOTION)
    killed = glb_of_killed((*shaped[1:], *EMBEDDED), tmp_path / "head", stages, kills, tmp_path / "killed")
    assert killed == (tmp_path / "head" / "avatar.glb").read_bytes()
