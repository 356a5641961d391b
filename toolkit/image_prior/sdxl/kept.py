"""Finished views of a run that was stopped: a file each in the stage's folder."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from facecraft4d.toolkit import cache, weights
from facecraft4d.toolkit.config import ImagePriorConfig
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import ViewSet
from facecraft4d.toolkit.core.stages import Progress, Report
from facecraft4d.toolkit.image_prior.sdxl.folder import Folder
from facecraft4d.toolkit.owned import discard

Image = Float32[np.ndarray, "h w 3"]


@dataclass(frozen=True, slots=True, eq=False)
class KeptView:
    """A sharpened view at the network's size."""

    key: str
    """Names all that it was made of."""
    image: Image


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where they lie."""

    folder: Path
    key: str
    report: Report

    def take(self, view: int) -> Image | None:
        """The finished view; None where there is none, one of other inputs, or one that is damaged, which is removed and said."""
        path = self._path(view)
        if not os.path.lexists(path):
            return None
        try:
            kept = cache.load(path, KeptView)
        except UserError as error:
            note = f"a finished view is damaged ({error}); it is made anew"
            self.report(Progress("image_prior", 0, 1, notes=(note,)))
            discard(path)
            return None
        return kept.image if kept.key == self.key else None

    def put(self, view: int, image: Image) -> None:
        """Keep a finished view."""
        cache.save(self._path(view), KeptView(self.key, image))

    def _path(self, view: int) -> Path:
        return self.folder / f"view_{view:02d}.npz"


def key_of(coarse: ViewSet, config: ImagePriorConfig, folder: Folder) -> str:
    """Names what decides the finished views; where the user's files lie does not."""
    options = replace(config, sdxl=replace(config.sdxl, folder=None, unet=None))
    return cache.digest_of(coarse, options, [weights.content_sha256(file) for file in folder.files])
