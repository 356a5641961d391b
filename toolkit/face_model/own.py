"""The head models that users bring: which files they are, and how each kind is read."""

from collections.abc import Callable
from pathlib import Path

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.config import FaceModelConfig, FaceModelKind
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.stages import Progress
from facecraft4d.toolkit.core.untrusted.door import open_untrusted
from facecraft4d.toolkit.core.untrusted.pickles import LARGEST_FILE
from facecraft4d.toolkit.face_model.flame import EDITIONS, TEMPLATE, FlameSideFiles, load_flame
from facecraft4d.toolkit.face_model.flame_files import EMBEDDING, MODEL
from facecraft4d.toolkit.face_model.ict import LICENCE, ROW, checked_folder, load_ict
from facecraft4d.toolkit.face_model.model import FaceModel
from facecraft4d.toolkit.face_model.obj_files import MOST_BYTES

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
        return tuple(each for each in (checked_folder(place), place / LICENCE) if each.exists())
    found = [
        (place, MODEL, LARGEST_FILE),
        (config.template, TEMPLATE, MOST_BYTES),
        (config.mediapipe, EMBEDDING, LARGEST_FILE),
    ]
    for path, what, most_bytes in found:
        if path is not None:
            with open_untrusted(path, what, most_bytes):
                pass  # it is there, and no larger than such a file may be
    return tuple(path for path, _, _ in found if path is not None)


def bare_model(config: FaceModelConfig, report: Callable[[Progress], None]) -> FaceModel:
    """What the user's files hold. UserError that names the file, what was expected and what was found."""
    if config.model is FaceModelKind.ICT:
        return load_ict(given(config), report)
    return load_flame(given(config), FlameSideFiles(mediapipe=config.mediapipe, template=config.template))
