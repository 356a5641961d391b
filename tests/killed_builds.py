"""Builds that are killed again and again, at the ends of stages and within them, and gone on with until they are done."""

import contextlib
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from stand_in_stages import Killed

from facecraft4d import cli_build, exporters
from facecraft4d.cli_build import parse_options
from facecraft4d.toolkit import pipeline
from facecraft4d.toolkit.core.stages import Progress, Report, silent
from facecraft4d.toolkit.evaluation import front


class Kill(NamedTuple):
    """What a build says before it dies. With a stage alone it is the first that the stage says: the one before it has just been kept."""

    stage: str
    message: str = ""
    """How it begins."""
    step: int = 0
    """The least."""


MEASURED, PREVIEWED = 128, 64
"""Pixels of the picture by which the front is measured, and of the preview, in place of the product's 512: what is asked is whether a build
that was killed gives the same."""


@contextlib.contextmanager
def small_measures() -> Iterator[pytest.MonkeyPatch]:
    """What VGG and the preview take most of a small build's time with is small. Killed and whole builds are to be made within."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(front, "SIZE", MEASURED)
        patch.setattr(cli_build, "PREVIEW_SIZE", PREVIEWED)
        yield patch


AFTER_MOTION = (Kill("training"), Kill("training", "", 1), Kill("evaluation"), Kill("evaluation", "silhouettes"))


def glb_of_killed(
    words: Sequence[str], built: Path, stages: Iterable[str], kills: Iterable[Kill], place: Path
) -> bytes:
    """avatar.glb of a build in `place` with these words of the command, photograph first, that is killed at each of `kills`, in their order.

    It begins with what `built`, the folder of a whole build, kept of all but the `stages`.
    """
    folder, options = place / "build", parse_options(list(words))
    shutil.copytree(built / "build", folder)
    for stage in stages:
        shutil.rmtree(folder / stage)
    for kill in kills:
        with pytest.raises(Killed):
            pipeline.build(options.portrait, options.config, folder, _dying(kill))
    avatar = pipeline.build(options.portrait, options.config, folder, silent).avatar
    exporters.export(avatar, place / "killed.glb", to="gltf")
    return (place / "killed.glb").read_bytes()


def _dying(kill: Kill) -> Report:
    def report(now: Progress) -> None:
        kept = now.message == "kept" or now.notes
        if now.stage == kill.stage and not kept and now.message.startswith(kill.message) and now.step >= kill.step:
            raise Killed

    return report
