"""Slopes that move vertices towards a picture."""

import numpy as np

from facecraft4d.toolkit.core.geometry import orbit_camera, project
from facecraft4d.toolkit.fitting.rows import projection_slopes


def test_slopes_of_the_projection_equal_finite_differences() -> None:
    camera = orbit_camera(30.0, 10.0, 1.2, 128)
    points = np.random.default_rng(2).normal(0, 0.05, (5, 3))
    slopes = projection_slopes(camera, points)
    for axis in range(3):
        step = 1e-6 * np.eye(3)[axis]
        difference = (project(camera, points + step)[0] - project(camera, points - step)[0]) / 2e-6
        np.testing.assert_allclose(slopes[:, :, axis], difference, rtol=1e-4, atol=1e-3)
