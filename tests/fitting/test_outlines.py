"""The outline of a matte."""

import numpy as np

from facecraft4d.toolkit.fitting.outlines import outline
from facecraft4d.toolkit.shape_prior.parametric.shells.grid import signed_distance


def test_an_outline_lies_on_the_border_and_points_outward() -> None:
    y, x = np.mgrid[:80, :80] + 0.5
    disc = np.hypot(x - 40, y - 40) < 25
    points, normals = outline(disc)
    np.testing.assert_allclose(np.linalg.norm(points - 40, axis=1), 25, atol=1.0)
    assert ((points - 40) * normals).sum(-1).min() > 20
    np.testing.assert_allclose(signed_distance(disc), 25 - np.hypot(x - 40, y - 40), atol=1.0)
