"""What lids look like before they are seen shut, and from where they are sought."""

from dataclasses import replace

import numpy as np
import pytest

from facecraft4d.toolkit.core.rigging import in_regions
from facecraft4d.toolkit.face_model import FaceModel
from facecraft4d.toolkit.fitting.colour import Albedo
from facecraft4d.toolkit.fitting.figure import figure_of_model
from facecraft4d.toolkit.tracking.course import other_starts
from facecraft4d.toolkit.tracking.lids import bare_lids

SIDE = 512


def test_lids_take_the_colour_of_the_skin_around_them_and_nothing_else_changes(model: FaceModel) -> None:
    figure, dark, pale = figure_of_model(model), np.float32([0.2, 0.1, 0.1]), np.float32([0.7, 0.5, 0.4])
    albedo = Albedo.begin(np.tile(pale, (SIDE, SIDE, 1)))
    middles = {
        name: (figure.corner_uvs[in_regions(figure.rig, name)].mean(1) * SIDE).astype(int)
        for name in ("skin", "eyelids", "lips")
    }
    for name, middle in middles.items():
        albedo.weights[middle[:, 1], middle[:, 0]] = 5.0
        albedo.sums[middle[:, 1], middle[:, 0]] = 5.0 * (pale if name == "skin" else dark)
    before = albedo.map()
    bare_lids(figure, albedo)
    after = albedo.map()
    lids, lips = middles["eyelids"], middles["lips"]
    assert np.abs(before[lids[:, 1], lids[:, 0]] - dark).max() < 0.01, "the pictures show dark lids"
    np.testing.assert_allclose(after[lids[:, 1], lids[:, 0]], np.tile(pale, (len(lids), 1)), atol=0.01)
    np.testing.assert_array_equal(after[lips[:, 1], lips[:, 0]], before[lips[:, 1], lips[:, 0]])
    changed = np.abs(after - before).max(-1) > 0
    assert changed.mean() < 0.02


def test_a_head_without_lids_stays_as_it_is(model: FaceModel) -> None:
    figure = figure_of_model(model)
    names = tuple("skin_too" if name == "eyelids" else name for name in figure.rig.region_names)
    figure = replace(figure, rig=replace(figure.rig, region_names=names))
    albedo = Albedo.begin(np.random.default_rng(1).random((64, 64, 3)).astype(np.float32))
    before = albedo.map()
    bare_lids(figure, albedo)
    np.testing.assert_array_equal(albedo.map(), before)


@pytest.mark.parametrize(
    ("found", "score", "starts"),
    [(0.0, 0.1, ()), (0.2, 0.1, (0.0, 1.0)), (0.1, 0.1, (0.0,)), (0.0, 0.5, (1.0,)), (1.0, 0.0, (0.0,))],
)
def test_lids_are_sought_from_where_else_they_may_be(found: float, score: float, starts: tuple[float, ...]) -> None:
    assert other_starts(found, score) == starts
