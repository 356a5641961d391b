"""The noise that skin and hair are painted with."""

import numpy as np
import pytest

from facecraft4d.toolkit.subjects.paint import noise


def test_noise_has_unit_variance_at_lattice_points_and_is_smooth():
    points = np.random.default_rng(0).integers(0, 500, (4000, 3)).astype(float)
    values = noise(points, 1.0, np.random.default_rng(1))
    assert values.std() == pytest.approx(1, abs=0.1)
    step = noise(points + np.array([0.01, 0, 0]), 1.0, np.random.default_rng(1)) - values
    assert np.abs(step).max() < 0.1
