"""The portrait as what a fit is given."""

import numpy as np
from jaxtyping import Float64

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
        scores=_scores(model, portrait),
    )


def _scores(model: FaceModel, portrait: Portrait) -> Float64[np.ndarray, " k"] | None:
    """The network's scores for ARKit's expressions, 0 for what the model has behind them; None for a model that begins with others."""
    if model.expression_names[: len(ARKIT_NAMES)] != ARKIT_NAMES:
        return None
    return np.pad(portrait.expression.astype(np.float64), (0, len(model.expression_names) - len(ARKIT_NAMES)))
