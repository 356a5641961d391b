"""The head models that users bring: which files they are, and how each kind is read."""

from collections.abc import Callable
from pathlib import Path

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.config import FaceModelConfig, FaceModelKind
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.stages import Progress
from facecraft4d.toolkit.face_model.flame import EDITIONS, FlameSideFiles, load_flame
from facecraft4d.toolkit.face_model.ict import FOLDER, LICENCE, ROW, load_ict
from facecraft4d.toolkit.face_model.model import FaceModel

ROWS = {FaceModelKind.FLAME: tuple(EDITIONS), FaceModelKind.ICT: (ROW,)}
"""Rows of the weights' table that are such a model."""


def given(config: FaceModelConfig) -> Path:
    """The file or folder that the user gives, by option or by the variable of a row. UserError that says where to ask for one if there is none."""
    if config.file is not None:
        return config.file
    rows = [weights.row(name) for name in ROWS[config.model]]
    for row in rows:
        if (own := weights.own_path(row.name)) is not None:
            return own
    places = dict.fromkeys(row.ask for row in rows if isinstance(row, weights.BroughtWeights))
    raise UserError(
        f"--face-model {config.model} is yours to bring: give it with --face-model.file; ask for it at {', '.join(places)} "
        f"(facecraft4d weights list {' '.join(row.name for row in rows)})"
    )


def own_files(config: FaceModelConfig) -> tuple[Path, ...]:
    """The user's files and folders that decide the model. UserError for one that is not there."""
    place = given(config)
    if config.model is FaceModelKind.ICT:
        found = tuple(each for each in (place / FOLDER, place / LICENCE) if each.exists())
        return found or (place,)
    return tuple(each for each in (place, config.template, config.mediapipe) if each is not None)


def bare_model(config: FaceModelConfig, report: Callable[[Progress], None]) -> FaceModel:
    """What the user's files hold. UserError that names the file, what was expected and what was found."""
    if config.model is FaceModelKind.ICT:
        return load_ict(given(config), report)
    return load_flame(given(config), FlameSideFiles(mediapipe=config.mediapipe, template=config.template))
