"""What the paper's measures are measured with: the user's own networks, and the substitutes that packages carry."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from torch import nn

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.stages import Progress
from facecraft4d.toolkit.evaluation.metrics import FACE_NETWORKS, PAPER
from facecraft4d.toolkit.evaluation.paper import arcface, clip, inception
from facecraft4d.toolkit.evaluation.paper.arcface import IResNet
from facecraft4d.toolkit.evaluation.paper.clip import Clip
from facecraft4d.toolkit.needs import missing_packages, missing_weights

T = TypeVar("T")
ARCFACE, CLIP, INCEPTION, INCEPTION_768 = "arcface", "clip", "inception_fid", "inception_nsfwjs"
"""Names of the files in the table of weights."""


@dataclass(frozen=True, slots=True)
class Own:
    """Where the user's own networks lie; what is None may still be told by its environment variable."""

    arcface: Path | None = None
    clip: Path | None = None
    inception: Path | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Networks:
    """Those that could be had."""

    arcface: IResNet | None = None
    clip: Clip | None = None
    sface: bool = False
    frechet: dict[str, nn.Module] = field(default_factory=dict)
    """By the measure's name in `metrics.PAPER`."""
    notes: tuple[str, ...] = ()
    """Which of a kind measures; what is not measured, and why."""


def load(own: Own, sets: bool, report: Callable[[Progress], None]) -> Networks:
    """The networks that the user points to, and the substitutes, fetched on first use; those of Frechet distances for `sets` alone.

    UserError for one that the user points to and that is not there, damaged or another; what is not pointed to is noted.
    """
    notes: list[str] = []
    images = _brought(CLIP, own.clip, _clip, notes)
    faces = _brought(ARCFACE, own.arcface, arcface.load, notes)
    notes += [f"{PAPER['clip_i'].label} is measured by {images.name}"] if images else []
    notes += [f"{PAPER['id_arcface'].label} is measured by IResNet {faces.name}"] if faces else []
    absent = missing_weights(FACE_NETWORKS, report)
    notes += [f"{PAPER['id_sface'].label} is not measured: {reason}" for reason in absent.values()]
    frechet: dict[str, nn.Module] = {}
    if sets:
        found = {
            "fid": _brought(INCEPTION, own.inception, inception.load_fid, notes),
            "fd_inc768": _carried(INCEPTION_768, inception.load_768, report, notes),
        }
        frechet = {name: network for name, network in found.items() if network is not None}
    else:
        notes.append("FID and FD-Inc768 compare sets of portraits: name several heads")
    return Networks(faces, images, not absent, frechet, tuple(notes))


def _clip(folder: Path) -> Clip:
    """UserError where transformers is not there."""
    if missing := missing_packages(("transformers",)):
        raise UserError(f"{folder}: CLIP is read by transformers: {missing[0]}")
    return clip.load(folder)


def _brought(name: str, own: Path | None, load: Callable[[Path], T], notes: list[str]) -> T | None:
    """A network of the user's; None with a note where they point to none."""
    if own is None and not os.environ.get(weights.row(name).environment_variable):
        try:
            weights.path(name)
        except UserError as error:
            notes.append(f"{_labels(name)} is not measured: {error}")
        return None
    return load(weights.path(name, own))


def _carried(name: str, load: Callable[[Path], T], report: Callable[[Progress], None], notes: list[str]) -> T | None:
    """A network that packages carry; None with a note where it cannot be had."""
    try:
        return load(weights.path(name, report=report))
    except UserError as error:
        notes.append(f"{_labels(name)} is not measured: {error}")
        return None


def _labels(name: str) -> str:
    return " and ".join(metric.label for metric in PAPER.values() if name in metric.weights)
