"""Corruption within its bounds."""

import cv2
import numpy as np
import pytest
from synthetic_cases import FRONT, SIZE

from facecraft4d.toolkit.core.rigging import neutral_pose
from facecraft4d.toolkit.subjects.corruption import Corruption, displacement, distorted, distortions
from facecraft4d.toolkit.subjects.sets import render_view


def test_warps_stay_within_three_pixels_of_256_and_vary_smoothly():
    for distortion in distortions(Corruption(), 24, 0)[1:]:
        field = displacement(distortion, -1, 256)
        largest = np.linalg.norm(field, axis=-1).max()
        assert 0.8 < largest < 3.8
        assert np.abs(np.diff(field, axis=0)).max() < 0.25
        moved = displacement(distortion, 4, 256)
        assert 0 < np.linalg.norm(moved - field, axis=-1).max() < 0.5 * largest
    assert not displacement(distortions(Corruption(), 2, 0)[0], -1, 64).any()


@pytest.mark.slow
def test_masks_move_with_their_pictures(subjects):
    subject = subjects["hat"]
    clean = render_view(subject, subject.texture(), neutral_pose(subject.rig), FRONT)
    distortion = distortions(Corruption(color=0.0, detail=0.0, timing=0.0), 2, 0)[1]
    warped = distorted(clean, distortion)
    reach = int(np.ceil(4 * SIZE / 256)) + 1
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    mask = (clean.mask > 0.5).astype(np.uint8)
    drawn = warped.mask > 0.5
    assert (drawn <= cv2.dilate(mask, kernel).astype(bool)).all()
    assert (drawn >= cv2.erode(mask, kernel).astype(bool)).all()
    np.testing.assert_allclose(warped.image[warped.mask == 0], 1, atol=0.02)
    assert ((warped.depth > 0) <= (warped.mask > 0)).all()


def test_colour_changes_leave_the_background_and_the_shape(subjects):
    subject = subjects["hat"]
    clean = render_view(subject, subject.texture(), neutral_pose(subject.rig), FRONT)
    for distortion in distortions(Corruption(warp=0.0), 6, 2)[1:]:
        changed = distorted(clean, distortion)
        np.testing.assert_array_equal(changed.mask, clean.mask)
        np.testing.assert_allclose(changed.image[clean.mask == 0], 1, atol=1e-6)
        assert np.abs(changed.image - clean.image)[clean.mask > 0.9].mean() > 0.002
