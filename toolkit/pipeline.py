"""A photograph to an avatar: the stages in order, each kept in the build folder under the hash of all that decides its result."""

import functools
import json
from contextlib import nullcontext
from dataclasses import asdict, fields, is_dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from facecraft4d.toolkit import (
    bake,
    cache,
    evaluation,
    image_prior,
    preflight,
    preprocess,
    shape_prior,
    tracking,
    training,
    video_prior,
    weights,
)
from facecraft4d.toolkit.built import Build, StageTime
from facecraft4d.toolkit.cache import Stored, digest_of, part_of
from facecraft4d.toolkit.config import BuildConfig, Device, check_config
from facecraft4d.toolkit.core.asset import Provenance
from facecraft4d.toolkit.core.datatypes import Coarse, FrameSet, Portrait, Tracked, ViewSet
from facecraft4d.toolkit.core.files import write_whole
from facecraft4d.toolkit.core.stages import Progress, Report, StageContext
from facecraft4d.toolkit.core.trained import TrainedHead
from facecraft4d.toolkit.evaluation import Evaluation
from facecraft4d.toolkit.evaluation.kept import with_track
from facecraft4d.toolkit.needs import Needs
from facecraft4d.toolkit.owned import TIMING, claim
from facecraft4d.toolkit.preflight import Ready
from facecraft4d.toolkit.provenance import provenance
from facecraft4d.toolkit.repeatable import repeatable

T = TypeVar("T")

SOURCES = Path(__file__).parent
ABOVE_STAGES = frozenset(
    {
        "pipeline",
        "provenance",
        "built",
        "report",
        "doctor",
        "config",
        "subjects",
        "preflight",
        "device",
        "needs",
        "memory",
    }
)
"""Modules whose text decides no stage's result: options count by value, not by their defaults' text."""
STAGES = ("preprocess", "shape_prior", "image_prior", "video_prior", "tracking", "training", "bake", "evaluation")


def build(photo: Path, config: BuildConfig, folder: Path, report: Report) -> Build:
    """Run or recall every stage. `folder` keeps their results; a killed build goes on from there.

    Equal photograph, options, seed and code give an equal avatar on the CPU; on CUDA equal metrics within docs/architecture.md's tolerance.
    Raises UserError for a photograph or option that cannot serve, and for a folder that holds something else.
    """
    check_config(config)
    preprocess.check(photo)
    ready = preflight.check(config, report)
    claim(folder)
    with repeatable() if ready.device is Device.CPU else nullcontext():
        return _build(photo, config, ready, _Keeper(folder, config.seed, ready.device, report))


def _build(photo: Path, config: BuildConfig, ready: Ready, keep: "_Keeper") -> Build:
    portrait = keep.stage(preprocess, Portrait, (given(photo),), config.preprocess)
    if portrait.result.notes:
        keep.report(Progress("preprocess", 1, 1, "done", notes=portrait.result.notes))
    coarse = keep.stage(shape_prior, Coarse, (portrait,), config.shape_prior, config.face_model)
    head, imagined = part_of(coarse, coarse.result.head), part_of(coarse, coarse.result.views)
    views = keep.stage(image_prior, ViewSet, (imagined,), config.image_prior)
    frames = keep.stage(video_prior, FrameSet, (head, views), config.video_prior, config.face_model)
    tracked = None
    if frames.result.track is None:
        tracked = keep.stage(tracking, Tracked, (views, frames, head), config.tracking, config.face_model)
    frames, head = with_track(frames, tracked, head)
    trained = keep.stage(training, TrainedHead, (views, frames, head), config.training)
    baked = bake.run(trained.result, head.result, Provenance())
    judged = keep.stage(evaluation, Evaluation, (given(baked), portrait, head, imagined), ready.absent).result
    results = [each.result for each in (portrait, coarse, views, frames, trained, *((tracked,) if tracked else ()))]
    made_of = provenance([ingredient for result in results for ingredient in result.ingredients], config)
    avatar = replace(baked, provenance=replace(made_of, metrics=judged.metrics))
    return Build(
        photo=photo,
        config=config,
        portrait=portrait.result,
        coarse=imagined.result,
        shape_notes=coarse.result.notes,
        shape_folder=coarse.result.folder,
        head=head.result,
        views=views.result,
        trained=trained.result,
        evaluation=judged,
        avatar=avatar,
        times=keep.times(),
    )


def given(value: T) -> Stored[T]:
    """Something that no stage keeps under a name of its own: a file from outside (by its content), what is quickly made."""
    return Stored(value, digest_of(value), 0.0, 0, cached=True)


class _Keeper:
    """Runs stages in order, keeps their results and notes their times."""

    def __init__(self, folder: Path, seed: int, device: Device, report: Report) -> None:
        self.folder, self.seed, self.device, self.report = folder, seed, device, report
        self.code = {name: _code_digest(name) for name in STAGES}
        self.noted: list[StageTime] = []

    def stage(self, module: ModuleType, kind: type[T], inputs: tuple[Stored[Any], ...], *config: Any) -> Stored[T]:
        """`module.run(inputs..., config, context)`, kept or made now.

        Its key hashes the code (with the table of weights), the user's own weights and files, the options, the seed and all inputs.
        """
        name = module.__name__.rpartition(".")[2]
        needs: Needs = module.needs(*config)
        own = weights.own_hashes((*needs.weights, *needs.measuring))
        files = [(path.name, weights.content_sha256(path)) for path in needs.files]
        digests = tuple(each.digest for each in inputs)
        key = digest_of(cache.FORMAT, name, self.code[name], own, files, without_places(config), self.seed, digests)

        def compute(own: Path) -> T:
            context = StageContext(self.seed, self.device, own, self.report)
            result: T = module.run(*(each.result for each in inputs), *config, context)
            return result

        made_here = tuple(
            each.digest for each in inputs if not isinstance(each.result, Path)
        )  # a photograph's is nobody's
        stored = cache.stage(self.folder, name, key, kind, compute, made_here, self.report)
        peaks = stored.peak_bytes, stored.device_peak_bytes
        self.noted.append(StageTime(name, stored.seconds, *peaks, stored.cached))
        if stored.cached:
            self.report(Progress(name, 1, 1, "kept"))
        text = json.dumps([asdict(time) for time in self.noted], indent=1)
        write_whole(self.folder / TIMING, text.encode())
        return stored

    def times(self) -> tuple[StageTime, ...]:
        """What each stage took so far."""
        return tuple(self.noted)


def without_places(value: Any) -> Any:
    """Options for a key: of a path nothing but that there is one. What lies there is hashed by itself (Needs.files), wherever it lies."""
    if is_dataclass(value):
        return {each.name: without_places(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, tuple):
        return [without_places(each) for each in value]
    return "path" if isinstance(value, Path) else value


@functools.cache
def _code_digest(stage: str) -> str:
    """Hash of the stage's own source and of all that stages share: results of other code are not taken up. A process has loaded its code once."""
    others = (set(STAGES) | ABOVE_STAGES) - {stage}
    parts = [(path, path.relative_to(SOURCES)) for path in SOURCES.rglob("*.py")]
    own = sorted((str(name), path) for path, name in parts if name.parts[0].removesuffix(".py") not in others)
    return digest_of(*(name for name, _ in own), *(path for _, path in own))
