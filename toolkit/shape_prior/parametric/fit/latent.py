"""The latent phase: camera, identity, expression, gaze, light and albedo of the face model for one portrait."""

from dataclasses import dataclass, replace

import numpy as np

from facecraft4d.toolkit.config import ParametricConfig
from facecraft4d.toolkit.core.datatypes import Portrait
from facecraft4d.toolkit.core.rigging import pose_vertices
from facecraft4d.toolkit.face_model import FaceModel, personalized_rig
from facecraft4d.toolkit.fitting.landmarks import LANDMARK_SIGMA, Latent, Targets, fit_landmarks, start
from facecraft4d.toolkit.fitting.observation import Segments
from facecraft4d.toolkit.fitting.outlines import pair_outlines
from facecraft4d.toolkit.fitting.shading import Shading, fit_picture

_CONTOUR_ROUNDS = 3
_TEMPLES = (234, 454)
_OUTLINED = ("skin", "ears", "neck", "scalp")


@dataclass(frozen=True, slots=True, eq=False)
class Inversion:
    """What the latent phase found."""

    latent: Latent
    targets: Targets
    shading: Shading
    losses: dict[str, float]
    """The last ones of the picture's fit."""


def invert_latent(model: FaceModel, portrait: Portrait, segments: Segments, config: ParametricConfig) -> Inversion:
    """Landmarks and contours first, then the picture itself."""
    landmarks = portrait.landmarks[:, :2].astype(np.float64)
    width = float(np.linalg.norm(landmarks[_TEMPLES[0]] - landmarks[_TEMPLES[1]]))
    targets = Targets(landmarks, portrait.expression.astype(np.float64), LANDMARK_SIGMA * width)
    latent = start(model, landmarks, portrait.head_rotation.astype(np.float64), portrait.image.shape[0])
    latent = fit_landmarks(model, latent, targets)
    outlined = model.triangles[np.isin(model.triangle_regions, [model.region_names.index(r) for r in _OUTLINED])]
    for _ in range(_CONTOUR_ROUNDS):
        posed = pose_vertices(personalized_rig(model, latent.identity.astype(np.float32)), latent.pose(model))
        pull = pair_outlines(latent.camera, posed, outlined, segments)
        latent = fit_landmarks(model, latent, replace(targets, pull=pull), 4)
    latent, shading, losses = fit_picture(model, portrait, segments, latent, targets, config.latent_iterations)
    return Inversion(latent, targets, shading, losses)
