"""Colours carried to where the photograph shows nothing."""

import numpy as np

from facecraft4d.toolkit.shape_prior.parametric.paint.synthesis import continued_around, diffuse
from facecraft4d.toolkit.shape_prior.parametric.shells.grid import capsule_grid, sheet_triangles


def test_diffusion_keeps_what_is_known_and_stays_between() -> None:
    grid = capsule_grid(np.zeros(3), -0.05, 16, 0.01)
    points = grid.points(np.full(grid.origins.shape[:2], 0.1)).reshape(-1, 3)
    vertices = np.concatenate([points, [[0, 0.1, 0], [0, -0.05, 0]]])
    triangles = sheet_triangles(*grid.origins.shape[:2])
    weights = (vertices[:, 2] > 0.05).astype(float)
    values = np.stack([vertices[:, 0] > 0, np.full(len(vertices), 0.7)], -1).astype(float)
    spread = diffuse(vertices, triangles, values, weights)
    np.testing.assert_allclose(spread[:, 1], 0.7, atol=1e-3)
    assert spread[:, 0].min() > -1e-3
    assert spread[:, 0].max() < 1 + 1e-3
    assert np.abs(spread[weights > 0, 0] - values[weights > 0, 0]).mean() < 0.05


def test_bands_are_carried_around_without_a_gradient_and_slope_to_meet() -> None:
    """A band that lies higher on one side than on the other; every colour behind is one of the two in front."""
    known = np.zeros((50, 120), bool)
    known[:, 30:91] = True
    border = np.where(np.arange(120) < 60, 20, 30)
    low = (np.arange(50)[:, None, None] > border[None, :, None]) * np.ones(3, np.float32)
    around = continued_around(low.astype(np.float32), known, 60)
    np.testing.assert_array_equal(around[known], low[known])
    assert np.minimum(around, 1 - around).max() < 1e-5
    heights = np.argmax(around[..., 0] > 0.5, 0)
    behind = np.roll(heights, 60)[31:90]
    assert (np.diff(behind) <= 0).all()
    assert behind[0] == 31 and behind[-1] == 21
