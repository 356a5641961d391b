"""A photograph to an avatar: the stages in order, each kept in the build folder under the hash of all that decides its result."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from facecraft4d.toolkit import bake, cache, evaluation, image_prior, preprocess, shape_prior, training, video_prior
from facecraft4d.toolkit.built import Build, StageTime
from facecraft4d.toolkit.cache import Stored, digest_of
from facecraft4d.toolkit.config import BuildConfig, Device, check_config, resolve_device
from facecraft4d.toolkit.core.datatypes import FrameSet, Head, Portrait, Progress, TrainedHead, ViewSet
from facecraft4d.toolkit.core.files import write_whole
from facecraft4d.toolkit.evaluation import Evaluation
from facecraft4d.toolkit.owned import TIMING, claim
from facecraft4d.toolkit.provenance import provenance
from facecraft4d.toolkit.repeatable import repeatable

T = TypeVar("T")
Report = Callable[[Progress], None]

SOURCES = Path(__file__).parent
ABOVE_STAGES = frozenset({"pipeline", "provenance", "built", "report", "doctor", "config", "subjects"})
"""Modules whose text decides no stage's result: options count by value, not by their defaults' text."""
STAGES = ("preprocess", "shape_prior", "image_prior", "video_prior", "training", "bake", "evaluation")


def build(photo: Path, config: BuildConfig, folder: Path, report: Report) -> Build:
    """Run or recall every stage. `folder` keeps their results; a killed build goes on from there.

    Equal photograph, options, seed and code give an equal avatar. Raises UserError for a photograph or option that cannot serve, and for
    a folder that holds something else.
    """
    check_config(config)
    claim(folder)
    device = resolve_device(config.device)
    with repeatable() if device is Device.CPU else nullcontext():
        return _build(photo, config, folder, device, report)


def _build(photo: Path, config: BuildConfig, folder: Path, device: Device, report: Report) -> Build:
    seed = config.seed
    keep = _Keeper(folder, report)
    portrait = keep.stage(
        "preprocess", Portrait, config.preprocess, (keep.input(photo),),
        lambda _: preprocess.run(photo, config.preprocess, report),
    )  # fmt: skip
    if portrait.result.notes:
        report(Progress("preprocess", 1, 1, "done", notes=portrait.result.notes))
    head = keep.stage(
        "shape_prior", Head, (config.shape_prior, seed), (portrait,),
        lambda _: shape_prior.run(portrait.result, config.shape_prior, seed, report),
    )  # fmt: skip
    views = keep.stage(
        "image_prior", ViewSet, config.image_prior, (head,),
        lambda _: image_prior.run(head.result, config.image_prior, report),
    )  # fmt: skip
    frames = keep.stage(
        "video_prior", FrameSet, (config.video_prior, seed), (head, views),
        lambda files: video_prior.run(head.result, views.result, config.video_prior, seed, files, report),
    )  # fmt: skip
    trained = keep.stage(
        "training", TrainedHead, (config.training, seed, device), (views, frames, head),
        lambda files: training.run(views.result, frames.result, head.result, config.training, seed, device, files, report),
    )  # fmt: skip
    made_of = provenance(portrait.result, config)
    avatar = bake.run(trained.result, head.result, made_of)
    judged = keep.stage(
        "evaluation", Evaluation, (), (keep.input((avatar.rig, avatar.splats)), portrait, head),
        lambda _: evaluation.run(avatar, portrait.result, head.result, report),
    ).result  # fmt: skip
    avatar = replace(avatar, provenance=replace(made_of, metrics=judged.metrics))
    return Build(
        photo, config, portrait.result, head.result, views.result, trained.result, judged, avatar, keep.times()
    )


class _Keeper:
    """Runs stages in order, keeps their results and notes their times."""

    def __init__(self, folder: Path, report: Report) -> None:
        self.folder, self.report = folder, report
        self.code = {name: _code_digest(name) for name in STAGES}
        self.noted: list[StageTime] = []

    def input(self, value: T) -> Stored[T]:
        """Something that comes from outside of the stages."""
        return Stored(value, digest_of(value), 0.0, 0, cached=True)

    def stage(
        self, name: str, kind: type[T], options: Any, inputs: tuple[Stored[Any], ...], run: Callable[[Path], T]
    ) -> Stored[T]:
        """The stage's result under the hash of its code, options and inputs, kept or made now."""
        key = digest_of(cache.FORMAT, name, self.code[name], _plain(options), tuple(each.digest for each in inputs))
        stored = cache.stage(self.folder, name, key, kind, run)
        self.noted.append(StageTime(name, stored.seconds, stored.peak_bytes, stored.cached))
        if stored.cached:
            self.report(Progress(name, 1, 1, "kept"))
        text = json.dumps([asdict(time) for time in self.noted], indent=1)
        write_whole(self.folder / TIMING, text.encode())
        return stored

    def times(self) -> tuple[StageTime, ...]:
        """What each stage took so far."""
        return tuple(self.noted)


def _plain(options: Any) -> Any:
    """Options as mappings, tuples and plain values."""
    if isinstance(options, tuple):
        return tuple(_plain(item) for item in options)
    return asdict(options) if is_dataclass(options) and not isinstance(options, type) else options


def _code_digest(stage: str) -> str:
    """Hash of the stage's own source and of all that stages share: results of other code are not taken up."""
    others = (set(STAGES) | ABOVE_STAGES) - {stage}
    parts = [(path, path.relative_to(SOURCES)) for path in SOURCES.rglob("*.py")]
    own = sorted((str(name), path) for path, name in parts if name.parts[0].removesuffix(".py") not in others)
    return digest_of(*(name for name, _ in own), *(path for _, path in own))
