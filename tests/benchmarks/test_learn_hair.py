"""Hair is measured where it is and as thick as it is, on a ball for a head."""

import numpy as np
import pytest
from people.learn_hair import ADULT, Head, measured, rays

from facecraft4d.toolkit.core.geometry import normalized

pytestmark = pytest.mark.slow

RADIUS, LENGTH, WIDTH = 0.1, 0.02, 4.4e-5
"""Of the ball and its strands, metres: half of what covers a place is just opaque, so that the blur of the map moves no edge."""
LINE = 0.012
"""Height at which the hair ends."""


def test_a_balls_hair_ends_where_it_ends_and_stands_off_as_far_as_it_does() -> None:
    rng = np.random.default_rng(0)
    roots = RADIUS * normalized(rng.normal(size=(200000, 3)))
    roots = roots[roots[:, 1] > LINE]
    share = np.linspace(1, 1 + LENGTH / RADIUS, 4)[None, :, None]
    grid = rays(np.zeros(3))
    head = Head(grid, np.full(grid.directions.shape[:2], RADIUS), ADULT)
    edge, thickness = ADULT * measured(head, share * roots[:, None], WIDTH)
    heights = RADIUS * np.sin(np.radians(np.arange(90, -60.1, -5)))
    near = np.abs(heights - LINE) < 0.02
    np.testing.assert_allclose(edge.mean(1)[near], heights[near] - LINE, atol=0.003)
    np.testing.assert_allclose(thickness[heights > 0.03], LENGTH, atol=0.005)
