"""What a build needs is looked at before its first stage: packages, pretrained files, the device. Nothing is worse than to fail at the end."""

from collections.abc import Callable
from dataclasses import dataclass

from facecraft4d.toolkit import (
    evaluation,
    face_model,
    image_prior,
    preprocess,
    shape_prior,
    tracking,
    training,
    video_prior,
    weights,
)
from facecraft4d.toolkit.config import BuildConfig, Device
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.stages import Progress
from facecraft4d.toolkit.device import resolve
from facecraft4d.toolkit.evaluation.metrics import METRICS, absence_notes
from facecraft4d.toolkit.needs import Needs, joined, missing_packages, missing_weights

STAGE = "preflight"
Report = Callable[[Progress], None]
_sound: set[str] = set()
"""Options, with the hashes of the files that they name, which the priors have found fit in this process."""


@dataclass(frozen=True, slots=True)
class Ready:
    """What a build has found on this machine."""

    device: Device
    """CPU or CUDA."""
    absent: tuple[str, ...] = ()
    """Names of the weights that only measure and cannot be had."""


def needs(config: BuildConfig) -> Needs:
    """What the stages need for these options."""
    return joined(
        (
            preprocess.needs(config.preprocess),
            shape_prior.needs(config.shape_prior, config.face_model),
            image_prior.needs(config.image_prior),
            video_prior.needs(config.video_prior, config.face_model),
            tracking.needs(config.tracking, config.face_model),
            training.needs(config.training),
            evaluation.needs(),
        )
    )


def check(config: BuildConfig, report: Report) -> Ready:
    """Fetch the weights that are not there yet, read the user's own head model and the priors' networks, try the device. UserError that names
    all that is missing, in one line.

    Weights that only measure do not stop a build: `report` tells which metrics will be absent.
    """
    face_model.check(config.face_model, report)
    wanted = needs(config)
    missing = [*missing_packages(wanted.packages), *missing_weights(wanted.weights, report).values()]
    try:
        device = resolve(config.device, report)
    except UserError as error:
        missing.append(str(error))
    if missing:
        raise UserError(_in_one_line(missing))
    _check_own_files(config, wanted, report)
    absent = missing_weights(wanted.measuring, report)
    for note, reason in zip(absence_notes(METRICS, absent), absent.values(), strict=True):
        report(Progress(STAGE, 1, 1, f"{note} ({reason})"))
    return Ready(device, tuple(absent))


def _check_own_files(config: BuildConfig, wanted: Needs, report: Report) -> None:
    """The priors' own looks at the user's files. What this process has found sound for equal options is not read again: checkpoints are large."""
    files = [(path.name, weights.content_sha256(path)) for path in wanted.files]
    own = weights.own_hashes((*wanted.weights, *wanted.measuring))
    key = repr((config.shape_prior, config.image_prior, config.video_prior, config.seed, files, own))
    if key in _sound:
        return
    shape_prior.check(config.shape_prior, report)
    image_prior.check(config.image_prior, report)
    video_prior.check(config.video_prior, config.seed, report)
    _sound.add(key)


def _in_one_line(missing: list[str]) -> str:
    if len(missing) == 1:
        return missing[0]
    listed = "  ".join(f"({number}) {reason}" for number, reason in enumerate(missing, 1))
    return f"{len(missing)} things that this build needs are missing: {listed}"
