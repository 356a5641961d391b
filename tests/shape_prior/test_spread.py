"""Albedo carried to where the photograph shows nothing."""

import numpy as np

from facecraft4d.toolkit.shape_prior.parametric.paint.spread import spread
from facecraft4d.toolkit.shape_prior.parametric.shells.grid import capsule_grid, sheet_triangles


def _barrel() -> tuple[np.ndarray, np.ndarray]:
    grid = capsule_grid(np.zeros(3), -0.08, 48, 0.007)
    points = grid.points(np.full(grid.origins.shape[:2], 0.1)).reshape(-1, 3)
    lids = 2 * 48
    return np.concatenate([points, [[0, 0.1, 0], [0, -0.08, 0]]]), sheet_triangles(*grid.origins.shape[:2])[:-lids]


def test_what_is_known_stays_and_the_rest_lies_between() -> None:
    vertices, triangles = _barrel()
    weights = (vertices[:, 2] > 0.05).astype(float)
    values = np.stack([vertices[:, 0] > 0, np.full(len(vertices), 0.7)], -1).astype(float)
    found = spread(triangles, values, weights)
    np.testing.assert_allclose(found[:, 1], 0.7, atol=1e-3)
    assert found[:, 0].min() > -1e-3
    assert found[:, 0].max() < 1 + 1e-3
    assert np.abs(found[weights > 0, 0] - values[weights > 0, 0]).mean() < 0.05


def test_no_step_where_trust_ends() -> None:
    """However the known colours vary, edges across the border change no more than those on its known side."""
    vertices, triangles = _barrel()
    weights = np.clip((vertices[:, 2] - 0.02) / 0.05, 0, 1)
    values = (0.5 + 0.3 * np.sin(20 * vertices)).astype(float)
    found = spread(triangles, values, weights)
    steps = np.abs(found[triangles[:, 0]] - found[triangles[:, 1]]).max(-1)
    seen = weights[triangles].min(1)
    assert steps[seen < 0.5].max() < 1.1 * steps[seen > 0.5].max()
