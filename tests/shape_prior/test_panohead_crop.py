"""How a portrait is framed for PanoHead: the published crop's numbers (SizheAn/PanoHead@17ad915), and what must hold for any face."""

import functools
import io
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from places import DATA

from facecraft4d.toolkit.core.datatypes import Portrait
from facecraft4d.toolkit.core.geometry import orbit_camera, project, rotation_from_axis_angle, unproject
from facecraft4d.toolkit.landmarks.points import IBUG_68
from facecraft4d.toolkit.shape_prior.panohead import crop
from facecraft4d.toolkit.shape_prior.panohead.cameras import FOCAL, RADIUS, intrinsics, label, world_from_orbit

PIXELS = 1e-3
GREY = 3
"""Levels that resampling differs by from version to version of OpenCV."""
MIRRORED = np.diag([1.0, -1.0, -1.0])
"""The axes of an OpenCV camera as those of a head that it sees from the front."""
SIDE = 512


@functools.cache
def golden(name: str) -> Any:
    with np.load(DATA / "panohead_crop.npz") as stored:
        return stored[name]


@pytest.mark.parametrize("face", range(4))
def test_the_frame_is_the_published(face: int) -> None:
    middle, x, y = crop.aligned_frame(golden("landmarks68")[face])
    for found, name in ((middle, "quad_center"), (x, "quad_x"), (y, "quad_y")):
        assert found == pytest.approx(golden(name)[face], abs=PIXELS)
    corners = crop.corners(middle, x, y)
    assert corners == pytest.approx(golden("quad")[face], abs=PIXELS)
    matrix = crop.aligned_from_image(middle, x, y)
    assert matrix[:2] == pytest.approx(golden("affine_to_512")[face], abs=PIXELS)
    ends = (0, crop.ALIGNED - 1)
    wanted = [(ends[0], ends[0]), (ends[0], ends[1]), (ends[1], ends[1]), (ends[1], ends[0])]
    assert corners @ matrix[:2, :2].T + matrix[:2, 2] == pytest.approx(np.array(wanted), abs=PIXELS)


@pytest.mark.parametrize("turn", range(4))
def test_labels_of_turned_heads_are_the_published(turn: int) -> None:
    """Its detector's axes are y up and z towards the camera."""
    pose = crop.seen_from(MIRRORED @ golden("R")[turn])
    assert label(pose, intrinsics().astype(float))[0].numpy() == pytest.approx(golden("label25")[turn], abs=1e-6)


def test_pixels_are_the_published() -> None:
    """But for the rim, where the original blurs and this is white."""
    image = np.float32(Image.open(io.BytesIO(golden("image_640_png").tobytes()))) / 255
    middle, x, y = crop.aligned_frame(golden("landmarks68")[0])
    final = crop.published_picture(middle + 0.5, x, y, crop.SIDE)
    margins = np.eye(3)
    margins[:2, 2] = crop.LEFT, crop.TOP
    for name, matrix, side in (
        ("crop_aligned512_0", np.linalg.inv(margins) @ final, crop.ALIGNED),
        ("crop_final_0", final, crop.SIDE),
    ):
        found = crop.cut_out(image, matrix, side)[::4, ::4] * 255
        covered = crop.cut_out(np.zeros_like(image), matrix, side)[::4, ::4].max(-1) == 0
        inner = cv2.erode(covered.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        off = np.abs(found - golden(f"{name}_every4px_u8"))[inner]
        assert inner.mean() > 0.7 and (off > GREY).mean() < 0.03, (name, (off > GREY).mean())


def portrait_of(landmarks: np.ndarray, rotation: np.ndarray, side: int = 400) -> Portrait:
    return Portrait(
        np.zeros((side, side, 3), np.float32),
        np.ones((side, side), np.float32),
        landmarks.astype(np.float32),
        np.zeros(52, np.float32),
        rotation.astype(np.float32),
        np.eye(3, dtype=np.float32),
    )


FACE = np.random.default_rng(5).uniform(-0.08, 0.08, (478, 3))
"""Any face, metres, in the head's frame."""
FACE[[33, 160, 158, 133, 153, 144]] = (-0.032, 0.03, 0.07)
FACE[[362, 385, 387, 263, 373, 380]] = (0.032, 0.03, 0.07)
FACE[[61, 291]] = [(-0.02, -0.035, 0.08), (0.02, -0.035, 0.08)]
FACE[[234, 454]] = [(-0.075, 0.0, 0.0), (0.075, 0.0, 0.0)]


def seen(rotation: np.ndarray, scale: float = 1000.0) -> Portrait:
    """The face from far away: pixels by `scale` a metre."""
    camera_from_head = MIRRORED @ rotation
    landmarks = scale * FACE @ camera_from_head.T + (200, 190, 0)
    return portrait_of(landmarks, camera_from_head)


@pytest.mark.slow
@given(st.floats(-1.0, 1.0), st.floats(-0.5, 0.5), st.floats(-0.7, 0.7), st.floats(300.0, 2000.0))
def test_the_label_s_camera_looks_at_one_place_of_a_head_however_it_turns(
    yaw: float, pitch: float, roll: float, scale: float
) -> None:
    rotation = np.eye(3)
    for axis, angle in ((2, roll), (0, pitch), (1, yaw)):
        rotation = rotation @ rotation_from_axis_angle(np.eye(3)[axis] * angle)
    frontal, turned = (crop.picture_from_portrait(seen(each, scale), SIDE) for each in (np.eye(3), rotation))
    middle = np.linalg.solve(frontal, (SIDE / 2, SIDE / 2, 1))[:2] - (200, 190)
    behind = np.array([*(middle / scale * (1, -1)), 0.0])  # level with the sides of the face
    pixels = scale * MIRRORED @ rotation @ behind + (200, 190, 0)
    assert (turned @ (*pixels[:2], 1))[:2] == pytest.approx((SIDE / 2, SIDE / 2), abs=0.05)
    assert np.linalg.norm(turned[:2, 0]) == pytest.approx(np.linalg.norm(frontal[:2, 0]), rel=1e-3)


def test_a_frontal_face_has_the_published_crop() -> None:
    portrait = seen(np.eye(3))
    frame = crop.aligned_frame(portrait.landmarks[list(IBUG_68), :2].astype(float))
    wanted = crop.published_picture(*frame, SIDE)
    assert crop.picture_from_portrait(portrait, SIDE) == pytest.approx(wanted, abs=1e-4)


def test_beyond_the_portrait_it_is_white() -> None:
    matrix = np.diag([0.5, 0.5, 1.0])
    matrix[:2, 2] = 10
    found = crop.cut_out(np.full((40, 40, 3), 0.25, np.float32), matrix, 40)
    assert (found[:9] == 1).all() and (found[:, 31:] == 1).all()
    assert found[12:28, 12:28] == pytest.approx(0.25, abs=1e-6)


@pytest.mark.slow
@given(st.floats(0.4, 2.5), st.floats(-3.0, 3.0), st.floats(-50, 50), st.floats(-50, 50))
def test_the_portraits_camera_sees_what_the_pictures_camera_sees(
    scale: float, turn: float, right: float, down: float
) -> None:
    matrix = np.array(
        [
            [scale * np.cos(turn), -scale * np.sin(turn), right],
            [scale * np.sin(turn), scale * np.cos(turn), down],
            [0, 0, 1],
        ]
    )
    pose = world_from_orbit(0.4, -0.2)
    camera = crop.portrait_camera(matrix, pose, SIDE, 300)
    points = np.random.default_rng(0).uniform(-0.3, 0.3, (20, 3))
    picture = crop.portrait_camera(np.eye(3), pose, SIDE, SIDE)
    assert picture.fx == pytest.approx(FOCAL * SIDE) and picture.cx == pytest.approx(SIDE / 2)
    wanted, far = project(picture, points)
    found, z = project(camera, points)
    assert found @ matrix[:2, :2].T + matrix[:2, 2] == pytest.approx(wanted, abs=1e-3)
    assert z == pytest.approx(far, abs=1e-5)
    assert unproject(camera, found, z) == pytest.approx(points, abs=1e-5)


def test_a_frontal_head_is_seen_from_the_front() -> None:
    camera = orbit_camera(0.0, 0.0, RADIUS, SIDE)
    assert crop.seen_from(camera.camera_from_world[:3, :3]) == pytest.approx(np.linalg.inv(camera.camera_from_world))


def test_a_roll_of_the_crop_turns_the_camera_back() -> None:
    rotation = MIRRORED @ rotation_from_axis_angle(np.array([0.1, 0.3, 0.0]))
    turn = rotation_from_axis_angle(np.array([0.0, 0.0, 0.4]))
    matrix = np.eye(3)
    matrix[:2, :2] = 1.7 * turn[:2, :2]
    assert crop.turned(matrix, rotation) == pytest.approx(turn @ rotation)
