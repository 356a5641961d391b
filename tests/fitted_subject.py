"""A camera, a person and landmarks made from the face model itself, for the tests of what fits it to pictures."""

import numpy as np

from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.core.geometry import orbit_camera, project
from facecraft4d.toolkit.core.rigging import pose_vertices
from facecraft4d.toolkit.face_model import FaceModel, personalized_rig, surface_positions
from facecraft4d.toolkit.fitting.latent import Latent

SIZE = 192


def subject(model: FaceModel, yaw: float) -> tuple[Camera, np.ndarray, Latent]:
    """A camera, posed vertices and the weights that made them."""
    rng = np.random.default_rng(3)
    identity = rng.uniform(-0.15, 0.15, len(model.identity_names)).clip(*model.identity_ranges.T)
    expression = np.zeros(52)
    expression[[model.expression_names.index(n) for n in ("jawOpen", "mouthSmileLeft", "mouthSmileRight")]] = 0.3
    camera = orbit_camera(yaw, 5.0, 1.6, SIZE, np.array([0.0, -0.02, 0.0]))
    latent = Latent(camera, identity, expression, np.zeros((2, 2)))
    return camera, pose_vertices(personalized_rig(model, identity.astype(np.float32)), latent.pose(model)), latent


def landmarks_of(model: FaceModel, camera: Camera, posed: np.ndarray) -> np.ndarray:
    assert model.landmarks_478 is not None
    points = surface_positions(model.landmarks_478, model.triangles, posed).astype(np.float64)
    pixels, depth = project(camera, points)
    return np.concatenate([pixels, depth[:, None]], 1)


def posed_by(model: FaceModel, latent: Latent) -> np.ndarray:
    return pose_vertices(personalized_rig(model, latent.identity.astype(np.float32)), latent.pose(model))
