"""The pipeline with small stand-ins for its stages: what is kept, what runs anew, what a killed build leaves."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import synthetic_flame
from absent_weights import take_away
from PIL import Image
from stand_in_stages import STAGES, House, Killed

from facecraft4d import exporters
from facecraft4d.toolkit import (
    evaluation,
    pipeline,
    tracking,
    training,
    video_prior,
    weights,
)
from facecraft4d.toolkit.config import BuildConfig, Device, FaceModelConfig, FaceModelKind, ParametricConfig, WarpConfig
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import FrameSet, Head, Motion, Tracked, ViewSet
from facecraft4d.toolkit.core.stages import Progress, StageContext
from facecraft4d.toolkit.evaluation.kept import kept_stages

MEASURED = evaluation.run


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.new("RGB", (64, 64), (200, 100, 50)).save(path)
    return path


CONFIG = BuildConfig(device=Device.CPU)


def built(photo: Path, config: BuildConfig, folder: Path) -> bytes:
    avatar = pipeline.build(photo, config, folder, lambda _: None).avatar
    exporters.export(avatar, folder / "avatar.glb")
    return (folder / "avatar.glb").read_bytes()


@pytest.mark.slow
def test_a_second_build_runs_nothing_and_gives_the_same_file(house: House, photo: Path, tmp_path: Path) -> None:
    first = built(photo, CONFIG, tmp_path / "build")
    house.ran.clear()
    assert built(photo, CONFIG, tmp_path / "build") == first
    assert house.ran == []


@pytest.mark.slow
def test_the_place_of_a_build_is_not_in_its_file(house: House, photo: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "renamed.png"
    elsewhere.write_bytes(photo.read_bytes())
    assert built(photo, CONFIG, tmp_path / "a") == built(elsewhere, CONFIG, tmp_path / "b")


@pytest.mark.slow
def test_a_motion_that_nobody_knows_is_tracked_once(
    house: House, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = built(photo, CONFIG, tmp_path / "plain")
    known, rigs, tracks = house.video_prior, list[float](), list[str]()

    def tracked(
        views: ViewSet, frames: FrameSet, head: Head, config: object, chosen: object, context: StageContext
    ) -> Tracked:
        house.enter("tracking")
        assert frames.track is None
        still = np.zeros((1, len(head.rig.joint_names), 3), np.float32)
        names, rest = head.rig.expression_names, np.zeros((1, len(head.rig.expression_names)), np.float32)
        refined = replace(head, rig=replace(head.rig, vertices=1.1 * head.rig.vertices))
        return Tracked(Motion("track", 25.0, names, rest, head.rig.joint_names, still, still[:, 0]), refined)

    def train(views: ViewSet, frames: FrameSet, head: Head, *others: Any) -> Any:
        rigs.append(float(np.abs(head.rig.vertices).sum()))
        tracks.append(frames.known_track.name)
        return house.training(views, frames, head, *others)

    monkeypatch.setattr(video_prior, "run", lambda *given: replace(known(*given), track=None))
    monkeypatch.setattr(tracking, "run", tracked)
    monkeypatch.setattr(training, "run", train)
    house.ran.clear()
    found = built(photo, CONFIG, tmp_path / "tracked")
    assert house.ran.count("tracking") == 1 and tracks == ["track"] and found != plain
    assert rigs[0] == pytest.approx(1.1 * np.abs(house.coarse.head.rig.vertices).sum(), rel=1e-4)
    house.ran.clear()
    assert built(photo, CONFIG, tmp_path / "tracked") == found and house.ran == []
    (tmp_path / "tracked").rename(tmp_path / "build")
    kept = kept_stages(tmp_path)
    assert kept.frames.known_track.name == "track"


@pytest.mark.slow
def test_a_head_model_that_changes_makes_its_stage_and_the_later_ones_run_anew(
    house: House, photo: Path, tmp_path: Path
) -> None:
    """Its content, its name, which tells its licence, and an option of it count; the place where it lies does not."""
    file, arrays = tmp_path / "flame2023.npz", synthetic_flame.small()
    np.savez(file, **arrays)
    config = replace(CONFIG, face_model=FaceModelConfig(FaceModelKind.FLAME, file))

    def ran(config: BuildConfig) -> list[str]:
        house.ran.clear()
        pipeline.build(photo, config, tmp_path / "build", lambda _: None)
        return [name for name in house.ran if name in STAGES]

    def on(path: Path, components: int = 0) -> BuildConfig:
        return replace(config, face_model=FaceModelConfig(FaceModelKind.FLAME, path, components))

    assert ran(config) == list(STAGES) and ran(config) == []
    elsewhere = tmp_path / "elsewhere" / file.name
    elsewhere.parent.mkdir()
    shutil.copy(file, elsewhere)
    assert ran(on(elsewhere)) == []
    assert ran(on(file, components=5))[0] == "shape_prior"
    renamed = file.rename(file.with_name("flame2023_Open.npz"))
    assert ran(on(renamed))[0] == "shape_prior" and ran(on(renamed)) == []
    np.savez(renamed, **arrays | {"v_template": arrays["v_template"] + np.float32(1e-4)})
    assert ran(on(renamed))[0] == "shape_prior"


@pytest.mark.parametrize("killer", [*STAGES, "training 1", "training 3"])
@pytest.mark.slow
def test_a_killed_build_resumes_to_the_same_file(house: House, photo: Path, tmp_path: Path, killer: str) -> None:
    unbroken = built(photo, CONFIG, tmp_path / "unbroken")
    house.ran.clear()
    house.killer = killer
    with pytest.raises(Killed):
        built(photo, CONFIG, tmp_path / "broken")
    done = [name for name in house.ran if name in STAGES and name != killer]
    house.killer = ""
    house.ran.clear()
    assert built(photo, CONFIG, tmp_path / "broken") == unbroken
    assert not set(done) & set(house.ran), "kept stages run once"
    if killer == "training 3":
        assert [name for name in house.ran if name.startswith("training ")] == ["training 4"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "first_anew"),
    [
        (lambda c: replace(c, preprocess=replace(c.preprocess, size=256)), "preprocess"),
        (
            lambda c: replace(c, shape_prior=replace(c.shape_prior, parametric=ParametricConfig(latent_iterations=7))),
            "shape_prior",
        ),
        (lambda c: replace(c, image_prior=replace(c.image_prior, warp=WarpConfig(boundary=0.2))), "image_prior"),
        (lambda c: replace(c, video_prior=replace(c.video_prior, frames=8)), "video_prior"),
        (lambda c: replace(c, training=replace(c.training, splats=5000)), "training"),
    ],
)
def test_a_changed_option_runs_its_stage_anew(
    house: House, photo: Path, tmp_path: Path, change: Callable[[BuildConfig], BuildConfig], first_anew: str
) -> None:
    built(photo, CONFIG, tmp_path / "build")
    house.ran.clear()
    built(photo, change(CONFIG), tmp_path / "build")
    assert house.ran[0].split()[0] == first_anew


@pytest.mark.slow
def test_another_photograph_runs_what_sees_it(house: House, photo: Path, tmp_path: Path) -> None:
    built(photo, CONFIG, tmp_path / "build")
    Image.new("RGB", (64, 64), (1, 2, 3)).save(photo)
    house.ran.clear()
    built(photo, CONFIG, tmp_path / "build")
    assert house.ran == ["preprocess", "shape_prior", "evaluation"], (
        "this shape prior makes the same head of every portrait"
    )


@pytest.mark.slow
def test_a_stage_with_an_equal_result_spares_the_later_ones(house: House, photo: Path, tmp_path: Path) -> None:
    built(photo, CONFIG, tmp_path / "build")
    house.ran.clear()
    built(
        photo,
        replace(CONFIG, image_prior=replace(CONFIG.image_prior, warp=WarpConfig(boundary=0.3))),
        tmp_path / "build",
    )
    assert house.ran == ["image_prior"]


@pytest.mark.slow
def test_seed_and_metrics_are_in_the_avatar(house: House, photo: Path, tmp_path: Path) -> None:
    seeded = replace(CONFIG, seed=5)
    assert built(photo, seeded, tmp_path / "five") != built(photo, CONFIG, tmp_path / "zero")
    provenance = exporters.load(tmp_path / "five" / "avatar.glb").provenance
    assert provenance.seed == 5
    assert provenance.options["training.splats"] == str(CONFIG.training.splats)
    assert set(provenance.metrics) == {"front_psnr_db"}
    handed_on = {item.name for result in (house.portrait, house.coarse) for item in result.ingredients}
    assert handed_on == {"camera", "model"}
    assert [item.name for item in provenance.ingredients] == ["camera", "model"], (
        "provenance joins, and invents nothing"
    )


@pytest.mark.slow
def test_times_are_beside_the_avatar_and_not_in_it(house: House, photo: Path, tmp_path: Path) -> None:
    build = pipeline.build(photo, CONFIG, tmp_path / "build", lambda _: None)
    rows = json.loads((tmp_path / "build" / "timing.json").read_text())
    assert [row["stage"] for row in rows] == list(STAGES) == [time.stage for time in build.times]
    assert all(row["seconds"] >= 0 and row["peak_bytes"] > 0 == row["device_peak_bytes"] for row in rows)
    assert "seconds" not in json.dumps(dict(build.avatar.provenance.options))


@pytest.mark.slow
def test_kept_stages_say_so(house: House, photo: Path, tmp_path: Path) -> None:
    built(photo, CONFIG, tmp_path / "build")
    said: list[Progress] = []
    pipeline.build(photo, CONFIG, tmp_path / "build", said.append)
    assert [(progress.stage, progress.message) for progress in said] == [(name, "kept") for name in STAGES]


@pytest.mark.slow
def test_an_avatar_is_made_without_the_weights_that_measure(
    house: House, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_away(monkeypatch, "sface", "lpips_vgg16")
    monkeypatch.setattr(evaluation, "run", MEASURED)
    said: list[Progress] = []
    build = pipeline.build(photo, CONFIG, tmp_path / "build", said.append)
    assert not {"identity_front", "front_lpips_vgg"} & set(build.avatar.provenance.metrics)
    assert {"front_psnr_db", "silhouette_iou_min"} <= set(build.avatar.provenance.metrics)
    assert any("Front LPIPS" in note for note in build.evaluation.notes)
    first_stage = [progress.stage for progress in said].index("evaluation")
    assert any("sface" in progress.message for progress in said[:first_stage]), "known before the work"


@pytest.mark.slow
def test_weights_that_come_later_are_measured_with(
    house: House, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as without:
        take_away(without, "sface")
        built(photo, CONFIG, tmp_path / "build")
    assert house.absent == ("sface",)
    house.ran.clear()
    built(photo, CONFIG, tmp_path / "build")
    assert (house.ran, house.absent) == (["evaluation"], ())


def test_a_build_that_cannot_end_does_not_begin(
    house: House, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_away(monkeypatch, "face_landmarker", "lpips_alexnet")
    with pytest.raises(UserError, match=r"face_landmarker.*lpips_alexnet"):
        pipeline.build(photo, CONFIG, tmp_path / "build", lambda _: None)
    assert house.ran == [] and not (tmp_path / "build").exists()


@pytest.mark.slow
def test_weights_of_the_users_own_decide_the_result_of_the_stages_that_need_them(
    house: House, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built(photo, CONFIG, tmp_path / "build")
    own = tmp_path / "other.ckpt"
    own.write_bytes(b"other weights")
    monkeypatch.setenv(weights.row("face_landmarker").environment_variable, str(own))
    monkeypatch.setattr(weights, "try_own_network", lambda name: None)
    house.ran.clear()
    built(photo, CONFIG, tmp_path / "build")
    assert house.ran == ["preprocess"], "the others' inputs are as they were"
    house.ran.clear()
    own.write_bytes(b"yet other weights")
    built(photo, CONFIG, tmp_path / "build")
    assert house.ran == ["preprocess"]
