"""Blending: the masks' ends are exact, and no seam shows."""

import numpy as np
import pytest

from facecraft4d.toolkit.image_prior.warp.multiband import multiband_blend
from facecraft4d.toolkit.image_prior.warp.propagate import soften


def test_blend_with_no_mask_is_coarse_and_with_full_mask_is_warped() -> None:
    rng = np.random.default_rng(0)
    coarse, warped = rng.random((2, 64, 64, 3), np.float32)
    one = np.ones((64, 64), np.float32)
    np.testing.assert_array_equal(multiband_blend(coarse, warped, 0 * one, one), coarse)
    np.testing.assert_allclose(multiband_blend(coarse, warped, one, one), warped, atol=1e-5)
    np.testing.assert_array_equal(multiband_blend(coarse, warped, one, 0 * one), coarse)


def test_blend_leaves_no_step_at_a_seam() -> None:
    coarse = np.full((128, 128, 3), 0.5, np.float32)
    weight = np.zeros((128, 128), np.float32)
    weight[:, :64] = soften(np.ones((128, 64), bool), 0.1)
    result = multiband_blend(coarse, coarse + 0.1, weight, np.ones_like(weight))[64, :, 0]
    assert result[0] == pytest.approx(0.6, abs=1e-3)
    assert np.abs(np.diff(result)).max() < 0.02
    assert 0.5 < result[70] and result[127] == pytest.approx(0.5, abs=1e-3)
