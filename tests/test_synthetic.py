"""Laws of the synthetic subjects: repeatable, a clean reference, corruption within its bounds, a truth that differs only as said."""

from dataclasses import fields, replace

import cv2
import numpy as np
import pytest

from facecraft4d.toolkit.core.geometry import camera_center, orbit_camera
from facecraft4d.toolkit.core.rigging import neutral_pose
from facecraft4d.toolkit.evaluation.fidelity import compare, detail, sharpness
from facecraft4d.toolkit.face_model import load_default_head
from facecraft4d.toolkit.subjects.corruption import Corruption, displacement, distorted, distortions
from facecraft4d.toolkit.subjects.paint import noise
from facecraft4d.toolkit.subjects.people import RADIUS_METRES, SUBJECTS, TARGET, make_subject
from facecraft4d.toolkit.subjects.sets import (
    ANIMATED,
    EVALUATION_CAMERAS,
    YAWS,
    evaluation_set,
    photograph,
    training_set,
)
from facecraft4d.toolkit.subjects.wear import border, cap, curtain, glasses

SIZE, TEXTURE, FRAMES = 96, 512, 2
FRONT = orbit_camera(0.0, 0.0, RADIUS_METRES, SIZE, TARGET)


@pytest.fixture(scope="module")
def subjects():
    model = load_default_head()
    return {name: make_subject(spec, model, TEXTURE) for name, spec in SUBJECTS.items()}


@pytest.fixture(scope="module")
def training_data(subjects, tmp_path_factory):
    return training_set(subjects["glasses"], Corruption(), 3, tmp_path_factory.mktemp("frames"), SIZE, FRAMES)


def test_a_subject_and_its_pictures_repeat(subjects):
    again = make_subject(SUBJECTS["hat"], load_default_head(), TEXTURE)
    for field in fields(again.truth):
        np.testing.assert_array_equal(getattr(again.truth, field.name), getattr(subjects["hat"].truth, field.name))
    np.testing.assert_array_equal(again.texture(5), subjects["hat"].texture(5))
    assert not np.array_equal(again.texture(5), again.texture(6))
    first, second = (evaluation_set(subject, 48) for subject in (again, subjects["hat"]))
    assert all(np.array_equal(a[1].image, b[1].image) for a, b in zip(first, second, strict=True))


def test_people_differ_and_wear_what_they_should(subjects):
    shapes = [subject.rig.vertices[:4987] for subject in subjects.values()]
    assert np.abs(shapes[0] - shapes[1]).max() > 0.003 and np.abs(shapes[1] - shapes[2]).max() > 0.003
    assert "glasses" in subjects["glasses"].rig.region_names and "hat" in subjects["hat"].rig.region_names
    low = [subject.rig.vertices[4987:, 1].min() for subject in subjects.values()]
    assert low[2] < -0.1 < min(low[:2]), "only the long hair hangs below the chin"


def test_truth_and_rig_differ_only_in_how_strong_expressions_are(subjects):
    for subject in subjects.values():
        for field in fields(subject.truth):
            if field.name != "expression_deltas":
                assert getattr(subject.truth, field.name) is getattr(subject.rig, field.name)
        true, given = subject.truth.expression_deltas, subject.rig.expression_deltas
        error = np.linalg.norm(true - given, axis=-1)
        reach = np.linalg.norm(given, axis=-1)
        assert (error <= 0.36 * reach + 1e-7).all() and error.max() > 0.0005


def test_expressions_do_not_move_what_is_worn(subjects):
    for subject in subjects.values():
        assert not subject.truth.expression_deltas[:, 4987:].any()
        np.testing.assert_allclose(subject.truth.skin_weights.sum(1), 1, atol=1e-5)


def test_the_reference_is_clean_and_the_others_are_not(subjects, training_data):
    views, frames, head = training_data
    subject = subjects["glasses"]
    clean = photograph(subject, subject.texture(), neutral_pose(subject.rig), views.views[0].camera)
    np.testing.assert_array_equal(views.views[0].image, clean.image)
    for index in (1, 12):
        clean = photograph(subject, subject.texture(), neutral_pose(subject.rig), views.views[index].camera)
        assert np.abs(views.views[index].image - clean.image).mean() > 0.004
    pixels = cv2.imread(str(frames.folder / "view_00" / "frame_0001.png"), cv2.IMREAD_UNCHANGED)
    clean = photograph(subject, subject.texture(), frames.track.pose(1), frames.cameras[0])
    np.testing.assert_allclose(pixels[..., 2::-1] / 255, clean.image, atol=0.6 / 255)
    assert head.rig is subject.rig and views.yaws_degrees == YAWS and frames.view_indices == ANIMATED


def test_without_corruption_every_view_is_clean(subjects, tmp_path):
    subject = subjects["long_hair"]
    views, frames, _ = training_set(subject, Corruption(0.0, 0.0, 0.0, 0.0), 1, tmp_path, 64, 1)
    for index in (0, 1, 23):
        clean = photograph(subject, subject.texture(), neutral_pose(subject.rig), views.views[index].camera)
        np.testing.assert_allclose(views.views[index].image, clean.image, atol=1e-6)
    pixels = cv2.imread(str(frames.folder / "view_01" / "frame_0000.png"), cv2.IMREAD_UNCHANGED)
    clean = photograph(subject, subject.texture(), frames.track.pose(0), frames.cameras[1])
    np.testing.assert_allclose(pixels[..., 2::-1] / 255, clean.image, atol=0.6 / 255)


def test_warps_stay_within_three_pixels_of_256_and_vary_smoothly():
    for distortion in distortions(Corruption(), 24, 0)[1:]:
        field = displacement(distortion, -1, 256)
        largest = np.linalg.norm(field, axis=-1).max()
        assert 0.8 < largest < 3.8
        assert np.abs(np.diff(field, axis=0)).max() < 0.25
        moved = displacement(distortion, 4, 256)
        assert 0 < np.linalg.norm(moved - field, axis=-1).max() < 0.5 * largest
    assert not displacement(distortions(Corruption(), 2, 0)[0], -1, 64).any()


def test_masks_move_with_their_pictures(subjects):
    subject = subjects["hat"]
    clean = photograph(subject, subject.texture(), neutral_pose(subject.rig), FRONT)
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
    clean = photograph(subject, subject.texture(), neutral_pose(subject.rig), FRONT)
    for distortion in distortions(Corruption(warp=0.0), 6, 2)[1:]:
        changed = distorted(clean, distortion)
        np.testing.assert_array_equal(changed.mask, clean.mask)
        np.testing.assert_allclose(changed.image[clean.mask == 0], 1, atol=1e-6)
        assert np.abs(changed.image - clean.image)[clean.mask > 0.9].mean() > 0.002


def test_evaluation_views_and_expressions_are_none_of_training(subjects):
    pictures = evaluation_set(subjects["glasses"], 32)
    assert len(pictures) == len(EVALUATION_CAMERAS)
    centers = np.stack([camera_center(orbit_camera(yaw, 0.0, RADIUS_METRES, 32, TARGET)) for yaw in YAWS])
    for pose, view in pictures[1:]:
        assert np.linalg.norm(centers - camera_center(view.camera), axis=1).min() > 0.05
        assert pose.expression.any()


def test_fine_detail_is_what_detail_zero_leaves_out(subjects):
    subject = subjects["long_hair"]
    pose = neutral_pose(subject.rig)
    camera = orbit_camera(0.0, 0.0, RADIUS_METRES, 192, TARGET)
    fine, other, plain = (photograph(subject, subject.texture(*a), pose, camera) for a in ((0,), (1,), (0, 0.0)))
    inside = fine.mask > 0.5
    assert sharpness(plain.image, fine.image, inside) < 0.85
    assert abs(sharpness(other.image, fine.image, inside) - 1) < 0.1, "as sharp, elsewhere"
    assert detail(other.image, fine.image, inside) < 0.8 < detail(fine.image, fine.image, inside), (
        "and not in its place"
    )


def test_noise_has_unit_variance_at_lattice_points_and_is_smooth():
    points = np.random.default_rng(0).integers(0, 500, (4000, 3)).astype(float)
    values = noise(points, 1.0, np.random.default_rng(1))
    assert values.std() == pytest.approx(1, abs=0.1)
    step = noise(points + np.array([0.01, 0, 0]), 1.0, np.random.default_rng(1)) - values
    assert np.abs(step).max() < 0.1


def test_parts_are_whole_meshes():
    rows, columns = np.meshgrid(np.linspace(-0.05, 0.05, 6), np.linspace(-0.05, 0.05, 6), indexing="ij")
    sheet = np.stack([rows, 0.08 + 0 * rows, columns], -1).reshape(-1, 3).astype(np.float32)
    a = np.array([r * 6 + c for r in range(5) for c in range(5)])
    triangles = np.concatenate([np.stack([a, a + 1, a + 6], 1), np.stack([a + 1, a + 7, a + 6], 1)]).astype(np.int32)
    lifted = cap(sheet, triangles, 0.01, 0.02)
    assert len(lifted.triangles) == 4 * len(triangles)
    assert len(border(lifted.triangles)) == 40
    assert lifted.vertices[:, 1].max() == pytest.approx(0.089, abs=1e-3)
    for part in (lifted, curtain(-0.1), glasses(np.array([[0.03, 0.02, 0.07], [-0.03, 0.02, 0.07]]), 0.11)):
        assert part.triangles.max() < len(part.vertices) and part.triangles.shape == part.corner_uvs.shape[:2]
    for part in (curtain(-0.1), glasses(np.array([[0.03, 0.02, 0.07], [-0.03, 0.02, 0.07]]), 0.11)):
        assert 0 <= part.corner_uvs.min() and part.corner_uvs.max() <= 1


def test_measures_of_a_picture_with_itself_and_with_less(subjects):
    view = photograph(subjects["glasses"], subjects["glasses"].texture(), neutral_pose(subjects["glasses"].rig), FRONT)
    assert sharpness(view.image, view.image, view.mask > 0.5) == pytest.approx(1)
    blurred = cv2.GaussianBlur(view.image, (0, 0), 1.5)
    assert sharpness(blurred, view.image, view.mask > 0.5) < 0.7
    assert detail(view.image, view.image, view.mask > 0.5) == pytest.approx(1)
    assert detail(blurred, view.image, view.mask > 0.5) < 0.8
    flat = replace(view, image=np.ones_like(view.image))
    assert compare(flat.image, flat)["ssim"] == pytest.approx(1, abs=1e-5)
    assert np.isnan(compare(flat.image, flat)["identity"]), "no face in the truth"
