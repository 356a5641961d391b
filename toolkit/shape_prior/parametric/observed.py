"""The portrait as what a fit is given."""

import numpy as np

from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.datatypes import Portrait
from facecraft4d.toolkit.face_model.model import FaceModel
from facecraft4d.toolkit.fitting.landmarks import LANDMARK_SIGMA, starting_camera
from facecraft4d.toolkit.fitting.observation import Observation, Segments
from facecraft4d.toolkit.landmarks.points import FACE_SIDES


def observed(model: FaceModel, portrait: Portrait, segments: Segments) -> Observation:
    """The portrait's picture, landmarks and, if the model speaks ARKit's language, scores; the camera is a start."""
    landmarks = portrait.landmarks[:, :2].astype(np.float64)
    width = float(np.linalg.norm(portrait.landmarks[FACE_SIDES[0]] - portrait.landmarks[FACE_SIDES[1]]))
    bias = np.zeros(len(landmarks)) if model.landmark_depth_bias is None else model.landmark_depth_bias
    rotation, size = portrait.head_rotation.astype(np.float64), portrait.image.shape[0]
    return Observation(
        camera=starting_camera(model, landmarks, rotation, size),
        image=portrait.image,
        segments=segments,
        sigma=LANDMARK_SIGMA * width,
        landmarks=landmarks,
        depths=portrait.landmarks[:, 2] - bias.astype(np.float64) * width,
        scores=portrait.expression.astype(np.float64) if model.expression_names == ARKIT_NAMES else None,
    )
