"""What a fit is given of the portrait."""

from dataclasses import replace

import numpy as np

from facecraft4d.toolkit.core.datatypes import Portrait
from facecraft4d.toolkit.face_model import FaceModel
from facecraft4d.toolkit.fitting.observation import Segments
from facecraft4d.toolkit.shape_prior.parametric.observed import observed


def test_scores_are_one_for_each_of_the_models_expressions(tiny_portrait: Portrait, model: FaceModel) -> None:
    """ARKit's as the network says, what a model has behind them 0; none for a model that speaks another language."""
    nothing = np.zeros(tiny_portrait.image.shape[:2], bool)
    segments = Segments(nothing, nothing, nothing)
    portrait = replace(tiny_portrait, expression=np.linspace(0, 1, 52).astype(np.float32))
    np.testing.assert_array_equal(observed(model, portrait, segments).scores, portrait.expression)
    more = replace(model, expression_names=(*model.expression_names, "flame_expr_000", "flame_expr_001"))
    np.testing.assert_array_equal(observed(more, portrait, segments).scores, [*portrait.expression, 0, 0])
    other = replace(model, expression_names=tuple(f"flame_expr_{i:03d}" for i in range(52)))
    assert observed(other, portrait, segments).scores is None
