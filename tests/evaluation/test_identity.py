"""The same face is the same person; no face is not measured."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Coarse, Portrait
from facecraft4d.toolkit.evaluation import identity


def test_no_face_in_the_photograph_means_not_measured(
    tiny_avatar: Avatar, tiny_coarse: Coarse, tiny_portrait: Portrait
) -> None:
    blank = replace(tiny_portrait, image=np.ones_like(tiny_portrait.image))
    scores, notes = identity.measure(tiny_avatar, blank, tiny_coarse.head, tiny_coarse.views)
    assert scores == {} and "not measured" in notes[0]


@pytest.mark.slow
def test_the_same_face_is_the_same_person() -> None:
    from importlib.resources import files

    from facecraft4d.toolkit.images import read_rgb

    folder = Path(str(files("facecraft4d.samples"))) / "portraits"
    hopper, collins = (read_rgb(folder / name, 512) for name in ("grace_hopper.jpg", "astronaut.png"))
    first, again, other = (
        identity.embedding(image) for image in (hopper, np.ascontiguousarray(hopper[8:, 8:]), collins)
    )
    assert first is not None and again is not None and other is not None
    assert float(first @ again) > 0.9 > 0.4 > float(first @ other)
