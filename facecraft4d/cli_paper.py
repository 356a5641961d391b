"""What --preset paper asks for before it runs: the paper's own priors with their files, and CUDA."""

import os
from collections.abc import Callable
from typing import NamedTuple

from facecraft4d.toolkit.config import BuildConfig, Device
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.stages import Report

CORE_SECONDS = (1.0, 2.8)
"""Processor time of a static and of a COIN step at 512 pixels with 100,000 splats, measured on a 2-core EPYC (Zen 4)."""


class Prior(NamedTuple):
    """A prior of the paper's own."""

    option: str
    value: str
    chosen: Callable[[BuildConfig], str]
    """What the option has in a configuration."""


PRIORS = (
    Prior("--shape-prior", "panohead", lambda config: config.shape_prior.prior),
    Prior("--image-prior", "sdxl", lambda config: config.image_prior.prior),
    Prior("--video-prior", "liveportrait", lambda config: config.video_prior.prior),
    Prior("--face-model", "flame", lambda config: config.face_model.model),
)
"""The paper, sections 3.1 to 3.3 and supplement 6.3."""


def refuse_other_priors(config: BuildConfig, report: Report) -> None:
    """UserError that names each of the paper's priors that is not chosen, or is and lacks its files, and where to get them."""
    missing = [_not_chosen(prior) for prior in PRIORS if prior.chosen(config) != prior.value]
    missing += _without_files(config, report)
    if missing:
        listed = "  ".join(f"({number}) {reason}" for number, reason in enumerate(missing, 1))
        raise UserError(
            "--preset paper is the paper's schedule with the paper's own priors; bring what is missing, or add --embedded-priors to go on "
            f"without those that are not chosen. Missing: {listed}"
        )


def _not_chosen(prior: Prior) -> str:
    """What to say, and what may be brought for it, by the table of weights."""
    from facecraft4d.toolkit.weights.table import TABLE, BroughtWeights

    wanted = f"{prior.option} {prior.value}"
    rows = [row for row in TABLE if isinstance(row, BroughtWeights) and row.needed_by.startswith(wanted)]
    files = ", ".join(f"{row.name} ({row.expected[0][0]}; {row.licence}; {row.ask})" for row in rows)
    return f"{wanted}: not chosen" + (f"; its files: {files}" if files else "")


def _without_files(config: BuildConfig, report: Report) -> list[str]:
    """What stands against the files of the priors that are chosen; those that packages carry are fetched later."""
    from facecraft4d.toolkit import face_model, preflight, weights
    from facecraft4d.toolkit.needs import missing_weights

    try:
        face_model.check(config.face_model, report)
        names = preflight.needs(config).weights
    except UserError as error:
        return [str(error)]
    brought = [name for name in names if isinstance(weights.row(name), weights.BroughtWeights)]
    return list(missing_weights(brought, report).values())


def refuse_cpu(config: BuildConfig, report: Report) -> None:
    """UserError for the paper's schedule without CUDA, with the hours it would take."""
    from facecraft4d.toolkit.device import resolve

    if resolve(config.device, report) is Device.CPU:
        cores = os.cpu_count() or 1
        raise UserError(
            f"--preset paper needs CUDA: on this CPU ({cores} cores) it would take about {hours_on_cpu(config, cores):.0f} hours; "
            "take --preset standard, or add --anyway"
        )


def hours_on_cpu(config: BuildConfig, cores: int) -> float:
    """What the training of the paper's schedule would take."""
    static, coin = CORE_SECONDS
    return (config.training.static_iterations * static + config.training.coin_iterations * coin) / cores / 3600
