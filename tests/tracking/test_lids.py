"""What lids look like before they are seen shut, and from where they are sought."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from facecraft4d.toolkit.core.rigging import in_regions
from facecraft4d.toolkit.face_model import FaceModel
from facecraft4d.toolkit.fitting.colour import Albedo
from facecraft4d.toolkit.fitting.figure import figure_of_model
from facecraft4d.toolkit.tracking.course import other_starts
from facecraft4d.toolkit.tracking.lids import light_lids

SIDE = 512


@pytest.mark.parametrize("shade", [0.4, 1.3])
def test_shadow_is_taken_off_lids_and_off_nothing_else(model: FaceModel, shade: float) -> None:
    figure, skin = figure_of_model(model), np.float32([0.7, 0.5, 0.4])
    pattern = 0.9 + 0.1 * np.random.default_rng(2).random((SIDE, SIDE, 1)).astype(np.float32)
    lids = in_regions(figure.rig, "eyelids")
    column, row = (figure.corner_uvs[lids].mean(1) * SIDE).astype(int).T
    on_lids = cv2.dilate(_marked(row, column), np.ones((5, 5), np.uint8)) > 0
    albedo = Albedo(
        np.full((SIDE, SIDE), 5, np.float32),
        5 * np.where(on_lids[..., None], np.float32(shade), np.float32(1)) * skin * pattern,
        skin * pattern,
    )
    before = albedo.map()
    light_lids(figure, albedo)
    after = albedo.map()
    grown = (after / before)[row, column]
    if shade < 1:
        assert np.median(after[row, column], 0) == pytest.approx(np.median(0.95 * skin * np.ones((1, 3)), 0), rel=0.05)
        assert (grown > 1.8).mean() > 0.9, "but for texels at the border of the chart"
    else:
        np.testing.assert_array_equal(grown, 1, "nothing is made darker")
    lips = in_regions(figure.rig, "lips")
    column, row = (figure.corner_uvs[lips].mean(1) * SIDE).astype(int).T
    np.testing.assert_array_equal(after[row, column], before[row, column])


def _marked(row: np.ndarray, column: np.ndarray) -> np.ndarray:
    marked = np.zeros((SIDE, SIDE), np.uint8)
    marked[row, column] = 1
    return marked


def test_a_head_without_lids_stays_as_it_is(model: FaceModel) -> None:
    figure = figure_of_model(model)
    names = tuple("skin_too" if name == "eyelids" else name for name in figure.rig.region_names)
    figure = replace(figure, rig=replace(figure.rig, region_names=names))
    albedo = Albedo.begin(np.random.default_rng(1).random((64, 64, 3)).astype(np.float32))
    before = albedo.map()
    light_lids(figure, albedo)
    np.testing.assert_array_equal(albedo.map(), before)


@pytest.mark.parametrize(
    ("found", "score", "starts"),
    [(0.0, 0.1, ()), (0.2, 0.1, (0.0, 1.0)), (0.1, 0.1, (0.0,)), (0.0, 0.5, (1.0,)), (1.0, 0.0, (0.0,))],
)
def test_lids_are_sought_from_where_else_they_may_be(found: float, score: float, starts: tuple[float, ...]) -> None:
    assert other_starts(found, score) == starts
