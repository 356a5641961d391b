"""Laws of the mesh as a graph."""

import numpy as np

from facecraft4d.toolkit.fitting.offsets import laplacian
from facecraft4d.toolkit.shape_prior.parametric.shells.grid import capsule_grid, sheet_triangles


def test_the_laplacian_ignores_constants_and_feels_bumps() -> None:
    grid = capsule_grid(np.zeros(3), -0.05, 16, 0.01)
    triangles = sheet_triangles(*grid.origins.shape[:2])
    operator = laplacian(triangles, int(triangles.max()) + 1)
    np.testing.assert_allclose(operator @ np.ones(operator.shape[0]), 0, atol=1e-12)
    bump = np.zeros(operator.shape[0])
    bump[20] = 1
    assert (operator @ bump)[20] == 1
