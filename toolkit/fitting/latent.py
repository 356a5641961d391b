"""What pictures say in the terms of a face model."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from facecraft4d.toolkit.core.datatypes import Camera, Pose
from facecraft4d.toolkit.face_model.model import FaceModel


@dataclass(frozen=True, slots=True, eq=False)
class Latent:
    """The weights of a face model, and where the first camera stands."""

    camera: Camera
    identity: Float64[np.ndarray, " i"]
    expression: Float64[np.ndarray, " k"]
    gaze: Float64[np.ndarray, "2 2"]
    """Rotation of the left and the right eye about X (down) and Y (to the subject's left), radians."""

    def pose(self, model: FaceModel) -> Pose:
        """As the pose of the model's rig."""
        rotations = np.zeros((len(model.joint_names), 3), np.float32)
        for eye, joint in enumerate(("eye_left", "eye_right")):
            rotations[model.joint_names.index(joint), :2] = self.gaze[eye]
        return Pose(self.expression.astype(np.float32), rotations, np.zeros(3, np.float32))


def mean_face(model: FaceModel, camera: Camera) -> Latent:
    """Where a fit begins: the mean face at rest, seen by `camera`."""
    people = model.identity_mean.astype(np.float64)
    return Latent(camera, people, np.zeros(len(model.expression_names)), np.zeros((2, 2)))
