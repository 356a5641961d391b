"""Options: what lies within the bounds passes, what lies outside is refused by its name, and the bounds are where the stages end."""

import math
from collections.abc import Iterator
from dataclasses import astuple, fields, is_dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from facecraft4d.cli_build import parse_options
from facecraft4d.toolkit import pipeline
from facecraft4d.toolkit.config import (
    BuildConfig,
    Bust,
    FaceModelConfig,
    FaceModelKind,
    ImagePrior,
    Preset,
    ShapePrior,
    VideoPrior,
    check_config,
    preset,
)
from facecraft4d.toolkit.config.bounds import Bounds, bounded_fields, option_name
from facecraft4d.toolkit.config.sdxl import CELL
from facecraft4d.toolkit.config.training import FREE, RATE, RESET_OPACITY, TrainingConfig
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.motion import GREETING, builtin_clip, builtin_clips
from facecraft4d.toolkit.losses import Lpips, Trunk
from facecraft4d.toolkit.training.initial import START_OPACITY

FIELDS = {path: bounds for path, _, bounds in bounded_fields(BuildConfig())}
DEFAULTS = {path: value for path, value, _ in bounded_fields(BuildConfig())}


def changed(config: Any, path: tuple[str, ...], value: Any) -> Any:
    """The config with another value at a path."""
    name, *rest = path
    return replace(config, **{name: changed(getattr(config, name), tuple(rest), value) if rest else value})


def numbers(bounds: Bounds, whole: bool) -> st.SearchStrategy[int | float]:
    return st.integers(int(bounds.low), int(bounds.high)) if whole else st.floats(bounds.low, bounds.high)


def outside(bounds: Bounds, whole: bool) -> tuple[int | float, ...]:
    """Values just beyond both bounds, and what is no number."""
    if whole:
        return int(bounds.low) - 1, int(bounds.high) + 1
    return (
        math.nextafter(bounds.low, -math.inf),
        math.nextafter(bounds.high, math.inf),
        bounds.low - 1.0,
        math.nan,
        math.inf,
        -math.inf,
    )


def within_bounds(kind: type) -> st.SearchStrategy[Any]:
    """Any config of that type whose fields lie within their bounds."""
    parts: dict[str, st.SearchStrategy[Any]] = {}
    for name, hint in get_type_hints(kind, include_extras=True).items():
        inner = get_args(hint)[0] if hasattr(hint, "__metadata__") else hint
        if Path in get_args(inner):
            parts[name] = st.sampled_from((None, Path("own")))
            continue
        bounds = next((note for note in getattr(hint, "__metadata__", ()) if isinstance(note, Bounds)), None)
        if bounds is not None:
            parts[name] = numbers(bounds, inner is not float)
        elif is_dataclass(inner):
            parts[name] = within_bounds(inner)
        elif inner is str:
            parts[name] = st.text(max_size=8)
        else:
            parts[name] = st.booleans() if inner is bool else st.sampled_from(inner)
    return st.builds(kind, **parts)


def agreeing(config: BuildConfig) -> BuildConfig:
    """The nearest config whose fields go together."""
    views, training = config.shape_prior.views, config.training
    shares = ("reference_share", "static_share", "opening_share")
    total = max(1.0, sum(getattr(training, name) for name in shares) * (1 + 1e-12))
    training = replace(training, **{name: getattr(training, name) / total for name in shares})
    training = replace(
        training,
        anchors=min(training.anchors, views),
        coin_iterations=max(training.coin_iterations, 1),
        rates=replace(training.rates, opacities=max(training.rates.opacities, 1e-4)),
        densify=replace(training.densify, prune_opacity=min(training.densify.prune_opacity, 0.9 * RESET_OPACITY)),
    )
    video = replace(
        config.video_prior,
        frontal_views=min(config.video_prior.frontal_views, views - 1),
        prior=VideoPrior.LIVEPORTRAIT,
    )
    shape = replace(config.shape_prior, prior=ShapePrior.PANOHEAD, bust=Bust.SHOULDERS)
    face_model = FaceModelConfig(FaceModelKind.FLAME, *astuple(config.face_model)[1:])
    sdxl = config.image_prior.sdxl
    sdxl = replace(
        sdxl,
        resolution=sdxl.resolution // CELL * CELL,
        attention_step=min(sdxl.attention_step, max(sdxl.levels - 1, 0)),
    )
    image = replace(config.image_prior, prior=ImagePrior.SDXL, sdxl=sdxl)
    return replace(
        config, training=training, shape_prior=shape, image_prior=image, video_prior=video, face_model=face_model
    )


@pytest.mark.slow
@given(within_bounds(BuildConfig).map(agreeing))
def test_what_lies_within_the_bounds_and_goes_together_passes(config: BuildConfig) -> None:
    check_config(config)


@pytest.mark.parametrize("path", FIELDS, ids=".".join)
def test_what_lies_outside_is_refused_by_its_option(path: tuple[str, ...]) -> None:
    bounds, option = FIELDS[path], option_name(path)
    for value in outside(bounds, whole=type(DEFAULTS[path]) is not float):
        with pytest.raises(UserError) as refused:
            check_config(changed(BuildConfig(), path, value))
        assert str(refused.value).startswith(f"{option} must be between {bounds.low:.10g} and {bounds.high:.10g}, got ")


def test_the_command_line_knows_every_bounded_option_by_that_name() -> None:
    words = [f"{option_name(path)}={bounds.high}" for path, bounds in FIELDS.items()]
    config = parse_options(["a.jpg", *words]).config
    assert {path: value for path, value, _ in bounded_fields(config)} == {p: b.high for p, b in FIELDS.items()}


def number_fields(kind: type, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, hint in get_type_hints(kind).items():
        if is_dataclass(hint):
            yield from number_fields(hint, (*path, name))
        elif {int, float} & {hint, *get_args(hint)}:
            yield (*path, name)


def test_every_number_has_bounds_and_its_default_is_within() -> None:
    assert set(number_fields(BuildConfig)) == set(FIELDS)
    for name in Preset:
        check_config(preset(name))


def test_options_of_one_prior_are_a_group_named_after_it() -> None:
    for stage in ("shape_prior", "image_prior", "video_prior"):
        config = getattr(BuildConfig(), stage)
        kinds: type[StrEnum] = type(config.prior)
        groups = {each.name for each in fields(config) if is_dataclass(getattr(config, each.name))}
        assert groups <= {kind.value for kind in kinds}


TOGETHER: dict[str, tuple[dict[str, Any], str]] = {
    "more animated views than views": ({"shape_prior.views": 8}, "--video-prior.frontal-views must be below --shape-prior.views (8), got 11"),
    "more anchors than views": (
        {"shape_prior.views": 12, "training.anchors": 13},
        "--training.anchors must be at most --shape-prior.views (12), got 13",
    ),
    "shares of more than all": (
        {"training.reference_share": 0.5, "training.static_share": 0.4, "training.opening_share": 0.2},
        "--training.reference-share, --training.static-share and --training.opening-share together must be at most 1, got 1.1",
    ),
    "no step": (
        {"training.static_iterations": 0, "training.coin_iterations": 0},
        "--training.static-iterations and --training.coin-iterations must not both be 0: nothing is trained",
    ),
    "opacities that stay reset": (
        {"training.densify.reset_every": 100, "training.rates.opacities": 0.0},
        "--training.densify.reset-every must be 0 where --training.rates.opacities is 0: they would stay so",
    ),
    "a file of another head model": (
        {"face_model.file": Path("flame2023.pkl")},
        "--face-model.file is for --face-model flame or --face-model ict, and the head model here is default",
    ),
    "expressions of another head model": (
        {"face_model.components": 10, "face_model.model": FaceModelKind.ICT},
        "--face-model.components is for --face-model flame, and the head model here is ict",
    ),
    "networks of another image prior": (
        {"image_prior.sdxl.folder": Path("sdxl")},
        "--image-prior.sdxl.folder is for --image-prior sdxl, and the image prior here is warp",
    ),
    "half a latent": (
        {"image_prior.prior": ImagePrior.SDXL, "image_prior.sdxl.resolution": 1000},
        "--image-prior.sdxl.resolution must be a multiple of 32, got 1000",
    ),
    "attention after the last step": (
        {"image_prior.prior": ImagePrior.SDXL, "image_prior.sdxl.attention_step": 10},
        "--image-prior.sdxl.attention-step must be below the 10 steps that are taken (strength times steps), got 10",
    ),
    "an animator's files for another video prior": (
        {"video_prior.liveportrait.driving": Path("videos")},
        "--video-prior.liveportrait.driving is for --video-prior liveportrait, and the video prior here is mesh",
    ),
    "a motion that cannot be tracked": (
        {"video_prior.prior": VideoPrior.LIVEPORTRAIT, "shape_prior.bust": Bust.NECK},
        "--video-prior liveportrait needs --bust shoulders",
    ),
    "all pruned after a reset": (
        {"training.densify.reset_every": 100, "training.densify.prune_opacity": 0.02},
        "--training.densify.prune-opacity must be below 0.01",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TOGETHER)
def test_what_does_not_go_together_is_refused(name: str) -> None:
    values, told = TOGETHER[name]
    config = BuildConfig()
    for path, value in values.items():
        config = changed(config, tuple(path.split(".")), value)
    with pytest.raises(UserError) as refused:
        check_config(config)
    assert str(refused.value).startswith(told)


def test_shares_that_are_all_of_it_pass_however_they_round() -> None:
    for shares in ((0.7, 0.2, 0.1), (0.1, 0.2, 0.7), (1.0, 0.0, 0.0), (1 / 3, 1 / 3, 1 / 3)):
        training = TrainingConfig(reference_share=shares[0], static_share=shares[1], opening_share=shares[2])
        check_config(BuildConfig(training=training))


def test_the_library_checks_before_it_reads_or_writes(tmp_path: Path) -> None:
    config = changed(BuildConfig(), ("training", "rates", "means"), -1.0)
    with pytest.raises(UserError, match=r"^--training\.rates\.means must be between 0 and 1, got -1$"):
        pipeline.build(tmp_path / "nobody.jpg", config, tmp_path / "build", lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_perceptual_loss_has_an_answer_at_the_smallest_picture_and_none_just_below() -> None:
    network, low = Lpips(Trunk.ALEXNET), FIELDS["training", "resolution"].low
    network.features(torch.zeros(1, 3, int(low), int(low)))
    with pytest.raises(RuntimeError):
        network.features(torch.zeros(1, 3, 30, 30))


def test_the_clips_have_as_many_moments_as_may_be_asked_for() -> None:
    moments = sum(len(builtin_clip(name).expressions) for name in builtin_clips() if name != GREETING)
    assert FIELDS["video_prior", "frames"].high <= moments


def test_bounds_beside_the_constants_they_follow_from() -> None:
    assert FIELDS["training", "densify", "prune_opacity"].high < START_OPACITY
    assert FIELDS["video_prior", "frontal_views"].high == FIELDS["shape_prior", "views"].high - 1
    assert FIELDS["training", "anchors"].high == FIELDS["shape_prior", "views"].high
    assert RATE.low == FREE.low == 0
