"""Colours of the surface: spread over the skin, white in its light."""

import numpy as np

from facecraft4d.toolkit.video_prior.mesh.surface import WHITE_LIMITS, white_by_skin

SIZE = 128


def test_white_follows_the_light_within_limits() -> None:
    skin = np.tile(np.array([[0.7, 0.52, 0.43]], np.float32), (9, 1))
    bright, dark = white_by_skin(skin), white_by_skin(0.3 * skin)
    assert (bright > dark).all() and bright.max() <= 1 and dark.mean() > 0.9 * WHITE_LIMITS[0]
    warm = white_by_skin(skin * np.array([1.1, 1, 0.8], np.float32))
    assert warm[0] / warm[2] > bright[0] / bright[2]
    np.testing.assert_array_equal(white_by_skin(skin[:0]), 1)
