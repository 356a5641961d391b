"""What `--shape-prior panohead` does in a build, with a narrow generator's file in the published layout whose head has the portrait's outline.

The whole build: tests/project/test_paper_command.py.
"""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import panohead_cases as cases
import pytest
import torch
from panohead_head import KNOWN, ellipsoid, known_head
from panohead_likeness import maps_of
from places import PORTRAITS
from stand_in_stages import Killed

from facecraft4d.cli_build import parse_options
from facecraft4d.toolkit import cache, preprocess, shape_prior, weights
from facecraft4d.toolkit.config import (
    FaceModelConfig,
    LatentSpace,
    PanoHeadConfig,
    PreprocessConfig,
    ShapePrior,
    ShapePriorConfig,
    check_config,
)
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Portrait
from facecraft4d.toolkit.core.ingredients import Commercial
from facecraft4d.toolkit.core.stages import Progress, StageContext, silent
from facecraft4d.toolkit.repeatable import repeatable
from facecraft4d.toolkit.shape_prior.panohead import brought, prior, tuning
from facecraft4d.toolkit.shape_prior.panohead.generator import Generator
from facecraft4d.toolkit.weights.table import BroughtWeights

NAME = "easy-khair-180-gpc0.8-trans10-025000.pkl"
PHOTO = PORTRAITS / "astronaut.png"
SIZE = 160


@pytest.fixture(scope="module")
def portrait() -> Portrait:
    return preprocess.run(PHOTO, PreprocessConfig(size=SIZE), StageContext(0, "cpu", Path(), silent))


@pytest.fixture(scope="module")
def checkpoint(portrait: Portrait, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In the published layout, under its published name."""
    architecture = replace(KNOWN, resolution=128)
    path = tmp_path_factory.mktemp("brought") / NAME
    path.write_bytes(cases.file_bytes(known_head(architecture, maps_of(portrait, architecture))))
    return path


def test_options_of_the_command_line() -> None:
    words = "x.jpg --shape-prior panohead --shape-prior.panohead.checkpoint a.pkl --shape-prior.panohead.space w"
    found = parse_options(words.split()).config.shape_prior
    assert (found.prior, found.panohead) == (
        ShapePrior.PANOHEAD,
        PanoHeadConfig(checkpoint=Path("a.pkl"), space=LatentSpace.W),
    )


def test_a_checkpoint_is_not_passed_over() -> None:
    config = parse_options(["x.jpg", "--shape-prior.panohead.checkpoint", "a.pkl"]).config
    with pytest.raises(UserError, match="is for --shape-prior panohead, and the shape prior here is parametric"):
        check_config(config)


@pytest.mark.slow
def test_killed_while_tuning_and_while_looking_it_imagines_the_same_bytes(
    portrait: Portrait, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "KEPT_EVERY", 1)
    architecture = replace(KNOWN, rays=24)
    generator = known_head(architecture, maps_of(portrait, architecture))
    options = PanoHeadConfig(inversion_steps=2, tuning_steps=2, tuning_stop=0.0, depth_rays=32, mesh_cells=32)
    config = ShapePriorConfig(prior=ShapePrior.PANOHEAD, views=8, panohead=options)

    def imagined(folder: Path, dies: tuple[str, int] | None = None) -> str:
        def report(progress: Progress) -> None:
            if (progress.message, progress.step) == dies:
                raise Killed

        (tmp_path / folder).mkdir(exist_ok=True)
        context = StageContext(0, "cpu", tmp_path / folder, report)
        with repeatable():
            return cache.digest_of(prior.imagine(portrait, generator, config, FaceModelConfig(), context))

    for dies in (("tuning", 4), ("looking around", 2)):
        with pytest.raises(Killed):
            imagined(Path("killed"), dies)
    assert imagined(Path("killed")) == imagined(Path("whole"))


@pytest.mark.slow
def test_a_head_that_is_nothing_like_the_photograph_is_refused(portrait: Portrait, tmp_path: Path) -> None:
    """In one line: hardly a landmark lies on it. (Outlines are compared where the head is fitted.)"""
    small = ellipsoid((0.01, 0.02, 0.02), KNOWN.grid_side, KNOWN.sampling.box)
    path = cases.write(tmp_path / NAME, known_head(maps=small))
    options = PanoHeadConfig(path, inversion_steps=1, tuning_steps=0, depth_rays=32, mesh_cells=32)
    config = ShapePriorConfig(prior=ShapePrior.PANOHEAD, views=8, panohead=options)
    (tmp_path / "files").mkdir()
    with pytest.raises(UserError, match="the inverted head does not match the photograph") as raised:
        shape_prior.run(portrait, config, FaceModelConfig(), StageContext(0, "cpu", tmp_path / "files", silent))
    assert "\n" not in str(raised.value)


def chosen(path: Path | None) -> ShapePriorConfig:
    return ShapePriorConfig(prior=ShapePrior.PANOHEAD, panohead=PanoHeadConfig(checkpoint=path))


def refused(path: Path, notes: list[str] | None = None) -> str:
    def report(progress) -> None:
        (notes if notes is not None else []).extend(progress.notes)

    with pytest.raises(UserError) as raised:
        shape_prior.check(chosen(path), report)
    line = str(raised.value)
    assert str(path) in line and "\n" not in line
    return line


def test_without_a_checkpoint_the_line_says_what_to_bring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FACECRAFT4D_WEIGHTS_PANOHEAD", raising=False)
    monkeypatch.delenv("FACECRAFT4D_WEIGHTS_SPHEREHEAD", raising=False)
    wanted = shape_prior.needs(chosen(None), FaceModelConfig())
    assert "panohead" in wanted.weights and "skimage" in wanted.packages and not wanted.files
    with pytest.raises(UserError) as raised:
        weights.path("panohead")
    for part in (
        NAME,
        "github.com/SizheAn/PanoHead",
        "CC-BY-NC-SA-4.0",
        "commercial use: no",
        "--shape-prior.panohead.checkpoint",
    ):
        assert part in str(raised.value)


def test_a_checkpoint_that_is_not_there_is_found_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=re.escape(f"{tmp_path / NAME}: expected a PanoHead checkpoint")):
        shape_prior.needs(chosen(tmp_path / NAME), FaceModelConfig())


@pytest.mark.parametrize(
    "content",
    [b"<!DOCTYPE html><html>Google Drive - Virus scan warning", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", b"cos\nsystem\n(S'true'\ntR."],
    ids=["web page", "LFS pointer", "callable"],
)  # fmt: skip
def test_something_else_in_its_place(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)
    assert "expected a PanoHead checkpoint" in refused(tmp_path / NAME)


@pytest.mark.slow
def test_a_truncated_one(tmp_path: Path) -> None:
    data = cases.file_bytes(cases.ruled(KNOWN))
    (tmp_path / NAME).write_bytes(data[: len(data) // 2])
    assert "ends early" in refused(tmp_path / NAME)


@pytest.mark.slow
def test_another_architecture_names_three_in_the_line_and_all_in_the_log(tmp_path: Path) -> None:
    network = cases.ruled(KNOWN)
    for name in ("b4", "b8", "b16", "b32"):
        del getattr(network.bcg_synthesis, name).torgb
    path = cases.write(tmp_path / NAME, network)
    notes: list[str] = []
    line = refused(path, notes)
    missing = [note for note in notes if note.startswith("missing: bcg_synthesis")]
    assert len(missing) == 16 and sum(f"{note.removeprefix('missing: ')}" in line for note in missing) == 3


@pytest.mark.slow
def test_numbers_that_are_none(tmp_path: Path) -> None:
    network = cases.ruled(KNOWN)
    network.decoder.net[0].bias.fill_(float("nan"))
    assert "found numbers in decoder.net.0.bias that are not finite" in refused(cases.write(tmp_path / NAME, network))


@pytest.mark.slow
def test_too_little_memory_on_the_device_is_one_line(
    checkpoint: Path, portrait: Portrait, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object, **named: object) -> None:
        raise torch.OutOfMemoryError(
            "CUDA out of memory. Tried to allocate 2.00 GiB.\nGPU 0 has a total capacity of 7.79 GiB"
        )

    monkeypatch.setattr(Generator, "synthesis", full)
    context = StageContext(0, "cpu", tmp_path, silent)
    with pytest.raises(UserError) as raised:
        shape_prior.run(portrait, chosen(checkpoint), FaceModelConfig(), context)
    line = str(raised.value)
    assert line.startswith("--shape-prior panohead: the device has too little memory for its generator (up to ")
    assert line.endswith("or take --device cpu") and "\n" not in line


@pytest.mark.slow
def test_a_loss_that_is_no_number_names_the_checkpoint(
    checkpoint: Path, portrait: Portrait, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object, **named: object) -> None:
        raise FloatingPointError("perceptual is nan at step 3")

    monkeypatch.setattr(prior, "invert", broken)
    with pytest.raises(
        UserError,
        match=re.escape(f"{checkpoint}: expected a checkpoint that shows heads, found that perceptual is nan"),
    ):
        shape_prior.run(portrait, chosen(checkpoint), FaceModelConfig(), StageContext(0, "cpu", tmp_path, silent))


def test_licences_follow_from_names(tmp_path: Path) -> None:
    for name, row in ((NAME, "panohead"), ("spherehead-ckpt-025000.pkl", "spherehead"), ("mine.pkl", None)):
        (tmp_path / name).write_bytes(name.encode())
        found = brought.ingredient(tmp_path / name)
        if row is None:
            assert (found.licence, found.commercial_use) == ("unknown", Commercial.UNKNOWN)
        else:
            known = weights.row(row)
            assert isinstance(known, BroughtWeights) and (found.name, found.licence) == (row, known.licence)
            assert found.commercial_use is Commercial.NO
        assert len(found.sha256) == 64


def test_a_variable_points_to_the_file(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACECRAFT4D_WEIGHTS_PANOHEAD", str(checkpoint))
    assert brought.given(PanoHeadConfig()) == checkpoint
    assert shape_prior.needs(chosen(None), FaceModelConfig()).files == (checkpoint,)


def test_the_pitch_offset_lifts_the_camera(portrait: Portrait) -> None:
    matrix = np.eye(3)
    level, lifted = (prior.first_labels(portrait, matrix, offset) for offset in (0.0, 10.0))
    assert lifted[0, 7] > level[0, 7] + 0.3
