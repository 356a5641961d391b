"""The pipeline with small stand-ins for its stages: what is kept, what runs anew, what a killed build leaves."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facecraft4d import exporters
from facecraft4d.toolkit import (
    evaluation,
    image_prior,
    pipeline,
    preprocess,
    shape_prior,
    training,
    video_prior,
    weights,
)
from facecraft4d.toolkit.config import BuildConfig, Device, ParametricConfig, WarpConfig
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import (
    Coarse,
    CoinNetwork,
    FrameSet,
    Head,
    Motion,
    Portrait,
    TrainedHead,
    ViewSet,
)
from facecraft4d.toolkit.core.ingredients import Commercial, Ingredient
from facecraft4d.toolkit.core.stages import Progress, StageContext
from facecraft4d.toolkit.evaluation import Evaluation

MEASURED = evaluation.run
STAGES = ("preprocess", "shape_prior", "image_prior", "video_prior", "training", "evaluation")


class Killed(BaseException):
    """Stands for a signal."""


@dataclass
class House:
    """The stand-in stages: each writes its name into `ran`; the one named `killer` dies after its work, before its result is kept."""

    avatar: Avatar
    coarse: Coarse
    portrait: Portrait
    ran: list[str] = field(default_factory=list)
    killer: str = ""
    absent: tuple[str, ...] = ()
    """Weights that the last evaluation did without."""

    def enter(self, name: str) -> None:
        self.ran.append(name)
        if self.killer == name:
            raise Killed

    def preprocess(self, photo: Path, config: Any, context: StageContext) -> Portrait:
        self.enter("preprocess")
        return replace(self.portrait, photo_sha256=hashlib.sha256(photo.read_bytes()).hexdigest())

    def shape_prior(self, portrait: Portrait, config: Any, context: StageContext) -> Coarse:
        self.enter("shape_prior")
        translation = np.full(3, context.seed, np.float32)
        head = replace(self.coarse.head, pose=replace(self.coarse.head.pose, translation=translation))
        return replace(self.coarse, head=head)

    def image_prior(self, coarse: ViewSet, config: Any, context: StageContext) -> ViewSet:
        self.enter("image_prior")
        return coarse

    def video_prior(self, head: Head, views: ViewSet, config: Any, context: StageContext) -> FrameSet:
        folder = context.folder
        for index, view in enumerate(views.views[:2]):
            Image.fromarray((view.image * 255).astype(np.uint8)).save(folder / f"frame_{index}.png")
        self.enter("video_prior")
        names, joints = head.rig.expression_names, head.rig.joint_names
        still = np.zeros((1, len(joints), 3), np.float32)
        track = Motion("still", 1.0, names, np.zeros((1, len(names)), np.float32), joints, still, still[:, 0])
        return FrameSet(folder, (views.views[0].camera,), (0,), track)

    def training(self, views: ViewSet, frames: FrameSet, head: Head, config: Any, context: StageContext) -> TrainedHead:
        seed, folder = context.seed, context.folder
        assert (frames.folder / "frame_0.png").exists()
        checkpoint, total = folder / "checkpoint.json", 4
        step, state = json.loads(checkpoint.read_text()) if checkpoint.exists() else (0, seed)
        while step < total:
            step, state = step + 1, (state * 31 + step) % 997
            checkpoint.write_text(json.dumps([step, state]))
            self.enter(f"training {step}")
        self.enter("training")
        splats, n = self.avatar.splats, len(self.avatar.splats.means)
        zeros = {name: np.zeros(shape, np.float32) for name, shape in COIN_SHAPES.items()}
        coin = CoinNetwork(**zeros, gaussian_embeddings=np.zeros((n, 2), np.float32))
        tinted = replace(splats, colors=(splats.colors + state / 1e4).astype(np.float32))
        steps = np.arange(2, dtype=np.int32)
        return TrainedHead(tinted, coin, 0, steps, {"total": np.ones(2, np.float32)})

    def evaluation(
        self, avatar: Avatar, portrait: Portrait, head: Head, coarse: ViewSet, absent: Any, context: Any
    ) -> Evaluation:
        self.enter("evaluation")
        self.absent = tuple(absent)
        return Evaluation({"front_psnr_db": round(float(avatar.splats.colors.mean()), 5)}, {}, {})


COIN_SHAPES = {
    "view_embeddings": (1, 2),
    "hidden_from_view": (4, 2),
    "hidden_from_color": (4, 3),
    "hidden_from_gaussian": (4, 2),
    "hidden_bias": (4,),
    "offset_from_hidden": (3, 4),
    "offset_bias": (3,),
}


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch, tiny_avatar: Avatar, tiny_coarse: Coarse, tiny_portrait: Portrait) -> House:
    portrait = replace(
        tiny_portrait, ingredients=(Ingredient("camera", "photograph", "CC0-1.0", Commercial.YES, "here"),)
    )
    model = Ingredient("model", "head model", "CC-BY-4.0", Commercial.NO, "there")
    built = House(tiny_avatar, replace(tiny_coarse, ingredients=(model, *portrait.ingredients)), portrait)
    modules = (preprocess, shape_prior, image_prior, video_prior, training, evaluation)
    for name, module in zip(STAGES, modules, strict=True):
        monkeypatch.setattr(module, "run", getattr(built, name), raising=False)
    return built


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.new("RGB", (8, 8), (200, 100, 50)).save(path)
    return path


CONFIG = BuildConfig(device=Device.CPU)


def built(photo: Path, config: BuildConfig, folder: Path) -> bytes:
    avatar = pipeline.build(photo, config, folder, lambda _: None).avatar
    exporters.export(avatar, folder / "avatar.glb")
    return (folder / "avatar.glb").read_bytes()


def test_a_second_build_runs_nothing_and_gives_the_same_file(house: House, photo: Path, tmp_path: Path) -> None:
    first = built(photo, CONFIG, tmp_path / "build")
    house.ran.clear()
    assert built(photo, CONFIG, tmp_path / "build") == first
    assert house.ran == []


def test_the_place_of_a_build_is_not_in_its_file(house: House, photo: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "renamed.png"
    elsewhere.write_bytes(photo.read_bytes())
    assert built(photo, CONFIG, tmp_path / "a") == built(elsewhere, CONFIG, tmp_path / "b")


@pytest.mark.parametrize("killer", [*STAGES, "training 1", "training 3"])
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


def test_another_photograph_runs_what_sees_it(house: House, photo: Path, tmp_path: Path) -> None:
    built(photo, CONFIG, tmp_path / "build")
    Image.new("RGB", (8, 8), (1, 2, 3)).save(photo)
    house.ran.clear()
    built(photo, CONFIG, tmp_path / "build")
    assert house.ran == ["preprocess", "shape_prior", "evaluation"], (
        "this shape prior makes the same head of every portrait"
    )


def test_a_stage_with_an_equal_result_spares_the_later_ones(house: House, photo: Path, tmp_path: Path) -> None:
    built(photo, CONFIG, tmp_path / "build")
    house.ran.clear()
    built(
        photo,
        replace(CONFIG, image_prior=replace(CONFIG.image_prior, warp=WarpConfig(boundary=0.3))),
        tmp_path / "build",
    )
    assert house.ran == ["image_prior"]


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


def test_times_are_beside_the_avatar_and_not_in_it(house: House, photo: Path, tmp_path: Path) -> None:
    build = pipeline.build(photo, CONFIG, tmp_path / "build", lambda _: None)
    rows = json.loads((tmp_path / "build" / "timing.json").read_text())
    assert [row["stage"] for row in rows] == list(STAGES) == [time.stage for time in build.times]
    assert all(row["seconds"] >= 0 and row["peak_bytes"] > 0 for row in rows)
    assert "seconds" not in json.dumps(dict(build.avatar.provenance.options))


def test_kept_stages_say_so(house: House, photo: Path, tmp_path: Path) -> None:
    built(photo, CONFIG, tmp_path / "build")
    said: list[Progress] = []
    pipeline.build(photo, CONFIG, tmp_path / "build", said.append)
    assert [(progress.stage, progress.message) for progress in said] == [(name, "kept") for name in STAGES]


def test_an_avatar_is_made_without_the_weights_that_measure(
    house: House, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _take_away(monkeypatch, "sface", "lpips_vgg16")
    monkeypatch.setattr(evaluation, "run", MEASURED)
    said: list[Progress] = []
    build = pipeline.build(photo, CONFIG, tmp_path / "build", said.append)
    assert not {"identity_front", "front_lpips_vgg"} & set(build.avatar.provenance.metrics)
    assert {"front_psnr_db", "silhouette_iou_min"} <= set(build.avatar.provenance.metrics)
    assert any("Front LPIPS" in note for note in build.evaluation.notes)
    first_stage = [progress.stage for progress in said].index("evaluation")
    assert any("sface" in progress.message for progress in said[:first_stage]), "known before the work"


def test_weights_that_come_later_are_measured_with(
    house: House, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as without:
        _take_away(without, "sface")
        built(photo, CONFIG, tmp_path / "build")
    assert house.absent == ("sface",)
    house.ran.clear()
    built(photo, CONFIG, tmp_path / "build")
    assert (house.ran, house.absent) == (["evaluation"], ())


def test_a_build_that_cannot_end_does_not_begin(
    house: House, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _take_away(monkeypatch, "face_landmarker", "lpips_alexnet")
    with pytest.raises(UserError, match=r"face_landmarker.*lpips_alexnet"):
        pipeline.build(photo, CONFIG, tmp_path / "build", lambda _: None)
    assert house.ran == [] and not (tmp_path / "build").exists()


def _take_away(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """As if these weights were not there and could not be fetched."""
    found = weights.path

    def path(name: str, *rest: Any, **options: Any) -> Path:
        if name in names:
            raise UserError(f"weights '{name}' could not be fetched")
        return found(name, *rest, **options)

    monkeypatch.setattr(weights, "path", path)


def test_weights_of_the_users_own_decide_the_result_of_the_stages_that_need_them(
    house: House, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built(photo, CONFIG, tmp_path / "build")
    own = tmp_path / "other.ckpt"
    own.write_bytes(b"other weights")
    monkeypatch.setenv(weights.row("face_landmarker").environment_variable, str(own))
    house.ran.clear()
    built(photo, CONFIG, tmp_path / "build")
    assert house.ran == ["preprocess"], "the others' inputs are as they were"
    house.ran.clear()
    own.write_bytes(b"yet other weights")
    built(photo, CONFIG, tmp_path / "build")
    assert house.ran == ["preprocess"]
