"""Cameras come to the same places about a head, however turned, shifted and scaled their own world is."""

from dataclasses import replace

import numpy as np
import pytest
from fitted_subject import SIZE, landmarks_of

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.geometry import camera_center, orbit_camera, rotation_from_axis_angle
from facecraft4d.toolkit.face_model import FaceModel
from facecraft4d.toolkit.face_model.model import neutral_vertices
from facecraft4d.toolkit.landmarks import FaceLandmarker
from facecraft4d.toolkit.tracking.alignment import in_head_world


@pytest.fixture(scope="module")
def canonical():
    return FaceLandmarker().canonical


def elsewhere(camera, scale: float, turn: np.ndarray, shift: np.ndarray):
    """The camera in a world whose points are scale turn x + shift."""
    matrix = np.eye(4)
    matrix[:3, :3] = camera.camera_from_world[:3, :3] @ turn.T
    matrix[:3, 3] = scale * camera.camera_from_world[:3, 3] - matrix[:3, :3] @ shift
    return replace(camera, camera_from_world=matrix)


def test_two_cameras_find_the_head_in_any_world(model: FaceModel, canonical) -> None:
    cameras = [orbit_camera(yaw, 5.0, 1.6, SIZE) for yaw in (-30.0, 25.0, 170.0)]
    mean = neutral_vertices(model, model.identity_mean)
    seen = np.stack([landmarks_of(model, camera, mean) for camera in cameras]).astype(np.float32)
    turn, shift = rotation_from_axis_angle(np.array([0.3, 2.0, -0.4])), np.array([4.0, -2.0, 1.0])
    strange = tuple(elsewhere(camera, 12.0, turn, shift) for camera in cameras)
    back = in_head_world(model, strange, seen, np.array([True, True, False]), canonical)
    for found, camera in zip(back, cameras, strict=True):
        assert camera_center(found) == pytest.approx(camera_center(camera), abs=0.004)
        assert found.camera_from_world[:3, :3] == pytest.approx(camera.camera_from_world[:3, :3], abs=0.003)


def test_one_camera_is_set_before_the_face(model: FaceModel, canonical) -> None:
    camera = orbit_camera(20.0, -5.0, 1.6, SIZE)
    pixels = landmarks_of(model, camera, neutral_vertices(model, model.identity_mean))
    pixels[:, 2] = (pixels[:, 2] - 1.6) * camera.fx / 1.6
    (found,) = in_head_world(
        model,
        (replace(camera, camera_from_world=np.eye(4)),),
        pixels[None].astype(np.float32),
        np.array([True]),
        canonical,
    )
    assert camera_center(found) == pytest.approx(camera_center(camera), abs=0.2)


def test_no_face_is_refused(model: FaceModel, canonical) -> None:
    with pytest.raises(UserError, match="expected a face in the first frame"):
        in_head_world(
            model, (orbit_camera(0.0, 0.0, 1.6, SIZE),), np.zeros((1, 478, 3), np.float32), np.array([False]), canonical
        )
