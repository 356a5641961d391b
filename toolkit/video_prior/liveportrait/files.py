"""What LivePortrait needs of the user's: its checkpoints, and videos that drive it if there are any."""

from pathlib import Path

from facecraft4d.toolkit import face_model, weights
from facecraft4d.toolkit.config import FaceModelConfig, LivePortraitConfig
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.ingredients import Ingredient
from facecraft4d.toolkit.core.untrusted.door import at_the_border
from facecraft4d.toolkit.needs import Needs, joined
from facecraft4d.toolkit.video_prior.liveportrait.checkpoints import (
    APPEARANCE,
    GENERATOR,
    MOTION,
    STITCHING,
    WARPING,
    checkpoint_files,
)

ROW = "liveportrait"
"""Of the weights' table."""
ROLES = {
    APPEARANCE: "features of the views",
    MOTION: "motion of faces",
    WARPING: "motion of pictures",
    GENERATOR: "pictures of expressions",
    STITCHING: "shoulders that stay, lips that close",
}
"""What each checkpoint does in a build."""
ANIMALS = ("liveportrait_animals", "xpose.pth", "base_models_v1.1")
"""Names that only the folder of LivePortrait's model of animals has, or bears: its networks have the same tensors, and see no human face."""
VIDEOS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".m2ts")
"""What videos' names end in; other files of the folder are not looked at."""
MOST_VIDEOS = 10_000
"""In a folder: all of them are hashed, for the seed draws from all."""


def needs(config: LivePortraitConfig, chosen: FaceModelConfig) -> Needs:
    """The checkpoints, the videos, and the heads that tell where a face is: the photograph's, and whoever is drawn to drive it.

    UserError for what is not there, or is LivePortrait's model of animals.
    """
    own = Needs(files=(*checkpoints(config).values(), *videos(config)))
    driver = face_model.needs() if config.driving is None else Needs(weights=("face_landmarker",))
    return joined((own, face_model.needs(chosen), driver))


def given(config: LivePortraitConfig) -> Path:
    """The folder of checkpoints, by option or variable. UserError that says where it is given if there is none, or a model of animals."""
    folder = weights.path(ROW, config.checkpoints)
    with at_the_border(folder, "a folder of LivePortrait's checkpoints"):
        place = folder.resolve()
    found = next((name for name in ANIMALS if place.name == name or (folder / name).exists()), None)
    if found is not None and not (folder / "liveportrait").is_dir():
        raise UserError(
            f"{folder}: expected LivePortrait's checkpoints for people, found those for animals ({found}); take the folder liveportrait beside it"
        )
    return folder


def checkpoints(config: LivePortraitConfig) -> dict[str, Path]:
    """The five files by their names without ending. UserError as `given`, and for one that is not there."""
    return checkpoint_files(given(config))


def ingredients(config: LivePortraitConfig) -> tuple[Ingredient, ...]:
    """A row for each checkpoint."""
    row = weights.row(ROW)
    source = f"{row.credit}; the user's own copy"
    return tuple(
        Ingredient(
            f"LivePortrait {name}", f"video prior: {ROLES[name]}", row.licence, row.commercial_use, source, weights.content_sha256(path)
        )
        for name, path in checkpoints(config).items()
    )  # fmt: skip


def videos(config: LivePortraitConfig) -> tuple[Path, ...]:
    """The videos in the user's folder by name; none if no folder is given. UserError where it has none."""
    if config.driving is None:
        return ()
    expected = f"a folder with videos ({', '.join(VIDEOS)})"
    with at_the_border(config.driving, expected):
        if not config.driving.is_dir():
            raise UserError(f"{config.driving}: expected {expected}, found none")
        found = sorted(path for path in config.driving.iterdir() if path.suffix.lower() in VIDEOS and path.is_file())
    if not 0 < len(found) <= MOST_VIDEOS:
        raise UserError(f"{config.driving}: expected {expected}, {MOST_VIDEOS:,} at most, found {len(found):,}")
    return tuple(found)
