"""The latent phase: camera, identity, expression and gaze of one moment, from any number of pictures of it."""

import numpy as np
from jaxtyping import Int64

from facecraft4d.toolkit.core.rigging import in_regions, pose_vertices
from facecraft4d.toolkit.face_model.model import FaceModel, personalized_rig
from facecraft4d.toolkit.fitting.landmarks import fit_landmarks
from facecraft4d.toolkit.fitting.latent import Latent, mean_face
from facecraft4d.toolkit.fitting.observation import Observations
from facecraft4d.toolkit.fitting.outlines import pair_outlines
from facecraft4d.toolkit.fitting.shading import fit_picture
from facecraft4d.toolkit.fitting.surface import Pairing

_OUTLINE_ROUNDS, _OUTLINE_STEPS = 3, 4
"""How often the outlines are paired anew, and steps of the fit to each pairing."""
_REACHES_METRES = (0.03, 0.02, 0.015, 0.01, 0.01)
"""From how far a surface draws a vertex, round by round: at first the mean face is a centimetre off, at last what is farther is something else."""
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


def fit_surface(
    model: FaceModel, latent: Latent, observations: Observations, pairing: Pairing, on_surface: Int64[np.ndarray, " n"]
) -> Latent:
    """As `fit_outlines`, and the vertices `on_surface` drawn to the surface that depth maps show, from ever nearer."""
    outlined = model.triangles[in_regions(model, *_OUTLINED, optional=True)]
    for reach in _REACHES_METRES:
        posed = pose_vertices(personalized_rig(model, latent.identity.astype(np.float32)), latent.pose(model))
        pulls = pair_outlines(observations, latent, posed, outlined)
        near = pairing.pull(latent.camera, posed, model.triangles, on_surface, reach)
        latent = fit_landmarks(model, latent, observations, pulls, _OUTLINE_STEPS, near)
    return latent
