"""Fields extended beyond what is known."""

import numpy as np

from facecraft4d.toolkit.video_prior.mesh.pixels import extended


def test_extension_keeps_what_is_known_and_is_even() -> None:
    rng = np.random.default_rng(0)
    field = rng.normal(size=(37, 53, 2)).astype(np.float32)
    weight = (rng.random((37, 53)) < 0.3).astype(np.float32)
    wide = extended(field, weight)
    np.testing.assert_array_equal(wide[weight > 0], field[weight > 0])
    np.testing.assert_allclose(extended(np.full_like(field, 0.7), weight), 0.7, atol=1e-5)
    assert not extended(field, np.zeros_like(weight)).any()
