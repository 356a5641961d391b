"""The user's checkpoint: which of the published ones it is, by its name, and what that means for an avatar."""

import fnmatch
from collections.abc import Callable
from pathlib import Path

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.config import PanoHeadConfig
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.ingredients import Commercial, Ingredient
from facecraft4d.toolkit.core.stages import Progress
from facecraft4d.toolkit.core.untrusted.door import open_untrusted
from facecraft4d.toolkit.needs import Needs
from facecraft4d.toolkit.shape_prior.panohead.checkpoint import ADVICE, CHECKPOINT, LARGEST_FILE, load_generator
from facecraft4d.toolkit.shape_prior.panohead.generator import Generator
from facecraft4d.toolkit.weights.matching import OtherArchitecture

ROWS = ("panohead", "spherehead")
"""Of the weights' table."""
ROLE = "shape prior: the head from all around"
UNKNOWN = (
    "the user's own file in PanoHead's layout; its name is of none of the published ones, which are all non-commercial"
)


def given(config: PanoHeadConfig) -> Path | None:
    """The file that the user gives, by option or by the variable of a row; None where they give none. UserError where it is not there."""
    if config.checkpoint is not None:
        with open_untrusted(config.checkpoint, CHECKPOINT, LARGEST_FILE, ADVICE):
            return config.checkpoint
    return next((own for name in ROWS if (own := weights.own_path(name)) is not None), None)


def needs(config: PanoHeadConfig) -> Needs:
    """The checkpoint. UserError where it is given and not there."""
    own = given(config)
    return Needs(weights=ROWS[:1]) if own is None else Needs(files=(own,))


def published(path: Path) -> weights.BroughtWeights | None:
    """The row of a file of that name."""
    rows = (weights.row(name) for name in ROWS)
    return next(
        (
            row
            for row in rows
            if isinstance(row, weights.BroughtWeights)
            and any(fnmatch.fnmatch(path.name, pattern) for pattern, _ in row.expected)
        ),
        None,
    )


def ingredient(path: Path) -> Ingredient:
    """The checkpoint as what an avatar is made of."""
    row = published(path)
    if row is not None:
        return weights.as_ingredient(row.name, ROLE, path)
    return Ingredient(
        "a checkpoint of PanoHead's kind", ROLE, "unknown", Commercial.UNKNOWN, UNKNOWN, weights.content_sha256(path)
    )


def load(config: PanoHeadConfig, device: str, stage: str, report: Callable[[Progress], None]) -> tuple[Path, Generator]:
    """The user's file and its generator. UserError for none, and for a file that is none; every key that another architecture has otherwise is told
    to `report`, the first ones are in the error's line."""
    path = given(config)
    if path is None:
        raise UserError("--shape-prior panohead needs a checkpoint: give it with --shape-prior.panohead.checkpoint")
    try:
        return path, load_generator(path, device)
    except OtherArchitecture as error:
        report(Progress(stage, 0, 1, notes=error.differences.lines))
        raise
