"""The latent phase: camera, identity, expression and gaze of one moment, from any number of pictures of it."""

import numpy as np

from facecraft4d.toolkit.core.rigging import in_regions, pose_vertices
from facecraft4d.toolkit.face_model.model import FaceModel, personalized_rig
from facecraft4d.toolkit.fitting.landmarks import fit_landmarks
from facecraft4d.toolkit.fitting.latent import Latent, mean_face
from facecraft4d.toolkit.fitting.observation import Observations
from facecraft4d.toolkit.fitting.outlines import pair_outlines
from facecraft4d.toolkit.fitting.shading import fit_picture

_OUTLINE_ROUNDS, _OUTLINE_STEPS = 3, 4
"""How often the outlines are paired anew, and steps of the fit to each pairing."""
_OUTLINED = ("skin", "ears", "neck", "scalp")
"""Regions whose outline a picture shows; of the eyes and the mouth it shows none."""


def fit_moment(model: FaceModel, observations: Observations, iterations: int) -> tuple[Latent, dict[str, float]]:
    """Landmarks and outlines first, then `iterations` steps on the pictures themselves. Also returns the last losses."""
    latent = fit_landmarks(model, mean_face(model, observations[0].camera), observations)
    latent = fit_outlines(model, latent, observations)
    return fit_picture(model, latent, observations, iterations)


def fit_outlines(model: FaceModel, latent: Latent, observations: Observations) -> Latent:
    """A few rounds of pairing the outlines of mesh and mattes, and of fitting to landmarks and these pairs."""
    outlined = model.triangles[in_regions(model, *_OUTLINED, optional=True)]
    for _ in range(_OUTLINE_ROUNDS):
        posed = pose_vertices(personalized_rig(model, latent.identity.astype(np.float32)), latent.pose(model))
        pulls = pair_outlines(observations, latent, posed, outlined)
        latent = fit_landmarks(model, latent, observations, pulls, _OUTLINE_STEPS)
    return latent
