"""The readable numpy twin of deform.py, in float64: the oracle of its tests, and for callers without torch."""

import numpy as np
from jaxtyping import Float, Float64

from facecraft4d.toolkit.core.geometry import rotation_from_axis_angle
from facecraft4d.toolkit.face_model.model import FaceModel


def deform_numpy(
    model: FaceModel,
    identity: Float[np.ndarray, " i"],
    expression: Float[np.ndarray, " k"],
    joint_rotations: Float[np.ndarray, "j 3"],
    translation: Float[np.ndarray, "3"],
    offsets: Float[np.ndarray, "v 3"] | None = None,
) -> Float64[np.ndarray, "v 3"]:
    """Posed vertices in metres of one face; arguments as in deform.deform."""
    shaped = model.vertices.astype(np.float64) + (0 if offsets is None else offsets)
    shaped += np.tensordot(identity, model.identity_deltas[: len(identity)], 1)
    expressed = shaped + np.tensordot(expression, model.expression_deltas[: len(expression)], 1)
    joints = model.joint_regressor.astype(np.float64) @ (expressed if model.joints_follow_expression else shaped)
    rotations = rotation_from_axis_angle(joint_rotations.astype(np.float64))
    if model.pose_deltas is not None:
        expressed += np.tensordot((rotations[1:] - np.eye(3)).ravel(), model.pose_deltas, 1)
    posed_from_bind = np.tile(np.eye(4), (len(joints), 1, 1))
    for joint, parent in enumerate(model.joint_parents):
        posed_from_bind[joint, :3, :3] = rotations[joint]
        posed_from_bind[joint, :3, 3] = joints[joint] - rotations[joint] @ joints[joint]
        if parent >= 0:
            posed_from_bind[joint] = posed_from_bind[parent] @ posed_from_bind[joint]
    blended = np.tensordot(model.skin_weights.astype(np.float64), posed_from_bind[:, :3], 1)
    posed: Float64[np.ndarray, "v 3"] = (
        np.einsum("vxy,vy->vx", blended[..., :3], expressed) + blended[..., 3] + translation
    )
    return posed
