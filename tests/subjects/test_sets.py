"""Training and evaluation sets of synthetic people: a clean reference, others as corrupted as said, nothing shared."""

import cv2
import numpy as np
import pytest

from facecraft4d.toolkit.core.geometry import camera_center, orbit_camera
from facecraft4d.toolkit.core.rigging import neutral_pose
from facecraft4d.toolkit.evaluation.fidelity import detail, sharpness
from facecraft4d.toolkit.subjects.corruption import Corruption
from facecraft4d.toolkit.subjects.people import RADIUS_METRES, TARGET
from facecraft4d.toolkit.subjects.sets import (
    ANIMATED,
    EVALUATION_CAMERAS,
    YAWS,
    evaluation_set,
    render_view,
    training_set,
)


@pytest.mark.slow
def test_the_reference_is_clean_and_the_others_are_not(subjects, training_data):
    """View 0 and its frames are the truth's own pictures; the other views differ from it."""
    views, frames, head = training_data
    subject = subjects["glasses"]
    clean = render_view(subject, subject.texture(), neutral_pose(subject.rig), views.views[0].camera)
    np.testing.assert_array_equal(views.views[0].image, clean.image)
    for index in (1, 12):
        clean = render_view(subject, subject.texture(), neutral_pose(subject.rig), views.views[index].camera)
        assert np.abs(views.views[index].image - clean.image).mean() > 0.004
    pixels = cv2.imread(str(frames.folder / "view_00" / "frame_0001.png"), cv2.IMREAD_UNCHANGED)
    clean = render_view(subject, subject.texture(), frames.track.pose(1), frames.cameras[0])
    np.testing.assert_allclose(pixels[..., 2::-1] / 255, clean.image, atol=0.6 / 255)
    assert head.rig is subject.rig and views.yaws_degrees == YAWS and frames.view_indices == ANIMATED


@pytest.mark.slow
def test_without_corruption_every_view_is_clean(subjects, tmp_path):
    """With every corruption at zero views and frames are the truth's own pictures."""
    subject = subjects["long_hair"]
    views, frames, _ = training_set(subject, Corruption(0.0, 0.0, 0.0, 0.0), 1, tmp_path, 64, 1)
    for index in (0, 1, 23):
        clean = render_view(subject, subject.texture(), neutral_pose(subject.rig), views.views[index].camera)
        np.testing.assert_allclose(views.views[index].image, clean.image, atol=1e-6)
    pixels = cv2.imread(str(frames.folder / "view_01" / "frame_0000.png"), cv2.IMREAD_UNCHANGED)
    clean = render_view(subject, subject.texture(), frames.track.pose(0), frames.cameras[1])
    np.testing.assert_allclose(pixels[..., 2::-1] / 255, clean.image, atol=0.6 / 255)


def test_evaluation_views_and_expressions_are_none_of_training(subjects):
    pictures = evaluation_set(subjects["glasses"], 32)
    assert len(pictures) == len(EVALUATION_CAMERAS)
    centers = np.stack([camera_center(orbit_camera(yaw, 0.0, RADIUS_METRES, 32, TARGET)) for yaw in YAWS])
    for pose, view in pictures[1:]:
        assert np.linalg.norm(centers - camera_center(view.camera), axis=1).min() > 0.05
        assert pose.expression.any()


@pytest.mark.slow
def test_fine_detail_is_what_detail_zero_leaves_out(subjects):
    subject = subjects["long_hair"]
    pose = neutral_pose(subject.rig)
    camera = orbit_camera(0.0, 0.0, RADIUS_METRES, 192, TARGET)
    fine, other, plain = (render_view(subject, subject.texture(*a), pose, camera) for a in ((0,), (1,), (0, 0.0)))
    inside = fine.mask > 0.5
    assert sharpness(plain.image, fine.image, inside) < 0.85
    assert abs(sharpness(other.image, fine.image, inside) - 1) < 0.1, "as sharp, elsewhere"
    assert detail(other.image, fine.image, inside) < 0.8 < detail(fine.image, fine.image, inside), (
        "and not in its place"
    )
