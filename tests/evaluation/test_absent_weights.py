"""An avatar is measured with what is there; what is not is absent, and the notes say so."""

import json
from pathlib import Path

import numpy as np
import pytest
from absent_weights import take_away

from facecraft4d import cli_evaluate
from facecraft4d.toolkit import evaluation
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Coarse, Portrait
from facecraft4d.toolkit.core.stages import StageContext
from facecraft4d.toolkit.evaluation import fidelity, truth
from facecraft4d.toolkit.evaluation.metrics import METRICS
from facecraft4d.toolkit.report.page import with_evaluation

LOST = {"sface": {"identity_front", "identity_left", "identity_right"}, "lpips_vgg16": {"front_lpips_vgg"}}


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    """SFace and VGG16 are not there and cannot be fetched, nor has anybody read them before; ArcFace nobody has brought."""
    take_away(monkeypatch, *LOST)
    from facecraft4d.toolkit import losses

    losses._pretrained.cache_clear()


@pytest.mark.slow
def test_other_metrics_are_there(
    without: None, tiny_avatar: Avatar, tiny_portrait: Portrait, tiny_coarse: Coarse
) -> None:
    context = StageContext(0, "cpu", Path("nowhere"), lambda _: None)
    found = evaluation.run(tiny_avatar, tiny_portrait, tiny_coarse.head, tiny_coarse.views, tuple(LOST), context)
    assert set(found.metrics) == set(METRICS) - set().union(*LOST.values())
    assert [next(name for name in LOST if name in note) for note in found.notes] == list(LOST)
    tree = json.loads(json.dumps(evaluation.as_json(found, "draft")))
    assert tree["metrics"]["front_lpips_vgg"]["value"] is None and tree["notes"] == list(found.notes)


def test_pictures_are_compared_by_the_other_measures(without: None, tiny_avatar: Avatar, tiny_coarse: Coarse) -> None:
    view = tiny_coarse.views.views[0]
    found = fidelity.evaluate(tiny_avatar, [truth.Truth("a", "0", tiny_coarse.head.pose, lambda: view)], lambda _: None)
    row = found.rows[0]
    assert {name for name, value in row.items() if np.isnan(value)} == {"lpips_vgg", "identity", "identity_arcface"}
    assert len(found.notes) == 3 and set(found.notes) <= set(cli_evaluate.table(found))
    page = with_evaluation("", tiny_avatar, found, {"avatar": "x", "truth": "y"})
    assert all(note in page for note in found.notes)
    assert fidelity.as_json(found, {})["notes"] == list(found.notes)
