"""Fits the face model to the views: its weights to landmarks, outlines and depths at once, then free offsets (pivotal tuning of the shape)."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Float64

from facecraft4d.toolkit.core.datatypes import Portrait, ViewSet
from facecraft4d.toolkit.core.rigging import pose_vertices, vertices_in_regions
from facecraft4d.toolkit.face_model.model import FaceModel, personalized_rig
from facecraft4d.toolkit.fitting.landmarks import fit_landmarks, starting_camera
from facecraft4d.toolkit.fitting.latent import Latent, mean_face
from facecraft4d.toolkit.fitting.moment import fit_surface
from facecraft4d.toolkit.fitting.observation import Observations, Segments
from facecraft4d.toolkit.fitting.offsets import fit_offsets
from facecraft4d.toolkit.fitting.surface import Pairing, cloud_of
from facecraft4d.toolkit.shape_prior.from_views.closed import Closed
from facecraft4d.toolkit.shape_prior.from_views.labels import Place, drawn_segments, surface_shares
from facecraft4d.toolkit.shape_prior.from_views.sighted import (
    Sightings,
    frontal_segments,
    observations_of,
)

OUTER = ("skin", "ears", "neck", "scalp", "lips", "eyelids")
"""Regions that depth maps show."""
ROUNDS = 2
"""How often what is skin is told anew by the fitted head: of the mean face's the hairline is a centimetre off."""


@dataclass(frozen=True, slots=True, eq=False)
class FittedViews:
    """The face model as the views show it, and what they show of skin, hair and clothes."""

    latent: Latent
    offsets: Float32[np.ndarray, "v 3"]
    """Of the neutral vertices, metres."""
    segments: tuple[Segments, ...]
    """Of each view."""
    shares: Float32[np.ndarray, "s 3"]
    """Of skin, hair and clothes, at the closed surface's vertices."""

    def world_from_given(self, views: ViewSet) -> Float64[np.ndarray, "4 4"]:
        """The rigid motion from the world that the views were given in to the head's."""
        given = views.views[0].camera.camera_from_world
        return np.asarray(np.linalg.inv(self.latent.camera.camera_from_world) @ given, np.float64)


def fit_views(
    model: FaceModel, portrait: Portrait, views: ViewSet, sightings: Sightings, surface: Closed
) -> FittedViews:
    """Fit, with the labels of the surface told anew as the head becomes known."""
    parsed = frontal_segments(portrait, views, sightings)
    nothing = np.zeros(views.views[0].mask.shape, bool)
    blank = tuple(parsed.get(index, Segments(nothing, nothing, nothing)) for index in range(len(views.views)))
    observations = observations_of(model, portrait, views, sightings, blank)
    latent = fit_landmarks(model, _start(model, portrait, views), observations)
    on_surface = np.flatnonzero(vertices_in_regions(model, *OUTER, optional=True))
    offsets = np.zeros(model.vertices.shape, np.float32)
    for _ in range(ROUNDS):
        shares = _shares(model, views, surface, parsed, latent, offsets)
        segments = tuple(
            parsed[0] if index == 0 else drawn_segments(surface, shares, view) for index, view in enumerate(views.views)
        )
        observations = observations_of(model, portrait, views, sightings, segments)
        pairing = Pairing(cloud_of(observations))
        latent = fit_surface(model, latent, observations, pairing, on_surface)
        offsets = fit_offsets(model, latent, _photographed(observations), pairing, on_surface)
    return FittedViews(latent, offsets, segments, shares)


def _photographed(observations: Observations) -> Observations:
    """Without the landmarks of the other views: a face is found some pixels off where it is turned, and depths tell the rest better."""
    return (observations[0], *(replace(each, landmarks=None) for each in observations[1:]))


def _start(model: FaceModel, portrait: Portrait, views: ViewSet) -> Latent:
    """The mean face as the photograph's landmarks place it before the photograph's own camera."""
    given = views.views[0].camera
    guess = starting_camera(
        model,
        portrait.landmarks[:, :2].astype(np.float64),
        portrait.head_rotation.astype(np.float64),
        given.width,
    )
    return mean_face(model, replace(given, camera_from_world=guess.camera_from_world))


def _shares(
    model: FaceModel,
    views: ViewSet,
    surface: Closed,
    parsed: dict[int, Segments],
    latent: Latent,
    offsets: Float32[np.ndarray, "v 3"],
) -> Float32[np.ndarray, "s 3"]:
    """The surface's labels, given where the head is by now."""
    posed = pose_vertices(personalized_rig(model, latent.identity.astype(np.float32), offsets), latent.pose(model))
    given = views.views[0].camera.camera_from_world
    inverse = np.linalg.inv(given) @ latent.camera.camera_from_world
    moved = posed.astype(np.float64) @ inverse[:3, :3].T + inverse[:3, 3]
    return surface_shares(surface, views, parsed, Place(model, moved.astype(np.float32)))


def moved_views(views: ViewSet, matrix: Float64[np.ndarray, "4 4"]) -> ViewSet:
    """The views in a world that a rigid motion `matrix` leads to."""
    back = np.linalg.inv(matrix)
    moved = tuple(
        replace(view, camera=replace(view.camera, camera_from_world=view.camera.camera_from_world @ back))
        for view in views.views
    )
    return replace(views, views=moved)
