"""The fit to landmarks, on portraits rendered from the face model itself."""

import numpy as np
import pytest
from fitted_subject import SIZE, landmarks_of, posed_by, subject

from facecraft4d.toolkit.face_model import FaceModel
from facecraft4d.toolkit.fitting.landmarks import fit_landmarks, starting_camera
from facecraft4d.toolkit.fitting.latent import mean_face
from facecraft4d.toolkit.fitting.observation import Observation, Segments


@pytest.mark.slow
@pytest.mark.parametrize("yaw", [0.0, 25.0])
def test_the_fit_recovers_the_camera_and_the_shape_that_made_the_landmarks(model: FaceModel, yaw: float) -> None:
    camera, posed, latent = subject(model, yaw)
    landmarks = landmarks_of(model, camera, posed)[:, :2]
    started = starting_camera(model, landmarks, np.diag([1.0, -1, -1]), SIZE)
    nothing = np.zeros((SIZE, SIZE), bool)
    image, segments = np.ones((SIZE, SIZE, 3), np.float32), Segments(nothing, nothing, nothing)
    seen = Observation(started, image, segments, 0.5, landmarks, latent.expression)
    found = fit_landmarks(model, mean_face(model, started), (seen,))
    error = np.linalg.norm(landmarks_of(model, found.camera, posed_by(model, found))[:, :2] - landmarks, axis=1)
    width = np.linalg.norm(landmarks[234] - landmarks[454])
    assert np.median(error) < 0.005 * width
    turn = found.camera.camera_from_world[:3, :3] @ camera.camera_from_world[:3, :3].T
    assert np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1))) < 3
    distance = np.linalg.norm(found.camera.camera_from_world[:3, 3]) / np.linalg.norm(camera.camera_from_world[:3, 3])
    assert distance == pytest.approx(1, abs=0.06)
