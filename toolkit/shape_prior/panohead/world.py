"""From PanoHead's box to metres and the world frame, once: nothing behind this module knows the box.

The photograph's landmarks, lifted by the generator's depth, are laid on those of the face model that is fitted to them.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float64

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Portrait, View, ViewSet
from facecraft4d.toolkit.core.geometry import unproject
from facecraft4d.toolkit.core.rigging import pose_vertices
from facecraft4d.toolkit.core.similarity import Similarity, similarity
from facecraft4d.toolkit.face_model import FaceModel, personalized_rig, surface_positions
from facecraft4d.toolkit.fitting.landmarks import fit_landmarks
from facecraft4d.toolkit.fitting.latent import mean_face
from facecraft4d.toolkit.fitting.observation import Segments
from facecraft4d.toolkit.landmarks.points import FACE_OVAL, IRISES
from facecraft4d.toolkit.shape_prior.panohead.views import ADVICE, FAILED, Figure, look
from facecraft4d.toolkit.shape_prior.parametric.observed import observed
from facecraft4d.toolkit.shape_prior.parametric.views import orbit

ROUNDS, FAR = 5, 2.0
"""Of reweighting, and how many median errors off a landmark counts linearly from."""
LEAST_LANDMARKS = 50
"""Of 478 that must lie on the generator's head: fewer are no face."""
ASIDE = (*FACE_OVAL, *(point for iris in IRISES for point in iris))
"""Landmarks that are not laid on: where the surface turns away, and where it is deep and moist."""


def world_from_box(model: FaceModel, portrait: Portrait, view: View) -> Similarity:
    """Metres and world frame from the box that `view`, the photograph's, is given in. UserError where hardly a landmark lies on its surface."""
    wanted, trust = fitted_landmarks(model, portrait)
    pixels = portrait.landmarks[:, :2].astype(np.float64)
    column, row = np.clip(pixels.astype(np.int64), 0, view.camera.width - 1).T
    depth = view.depth[row, column].astype(np.float64)
    trust = trust * (depth > 0)
    trust[list(ASIDE)] = 0
    if (trust > 0).sum() < LEAST_LANDMARKS:
        raise UserError(f"{FAILED}: it is there at {(trust > 0).sum()} of the face's landmarks alone; {ADVICE}")
    lifted, weights = unproject(view.camera, pixels, depth), trust
    for _ in range(ROUNDS):
        found = similarity(lifted, wanted, weights)
        error = np.linalg.norm(found.points(lifted) - wanted, axis=1)
        weights = trust / np.maximum(error / (FAR * np.median(error[trust > 0])), 1)
    return found


def fitted_landmarks(
    model: FaceModel, portrait: Portrait
) -> tuple[Float64[np.ndarray, "478 3"], Float64[np.ndarray, " 478"]]:
    """Where the landmarks lie in the world on the face model that they were fitted to, metres, and how well the model knows each of them."""
    if model.landmarks_478 is None:
        raise ValueError("model must know where the 478 landmarks lie, got landmarks_478=None")
    matte = portrait.alpha > 0.5
    nothing = np.zeros_like(matte)
    seen = observed(model, portrait, Segments(nothing, matte, nothing))
    latent = fit_landmarks(model, mean_face(model, seen.camera), (seen,))
    posed = pose_vertices(personalized_rig(model, latent.identity.astype(np.float32)), latent.pose(model))
    places = surface_positions(model.landmarks_478, model.triangles, posed)
    return places.astype(np.float64), model.landmarks_478.validity.astype(np.float64)


def in_metres(view: View, world_from_box: Similarity) -> View:
    """The view in the world."""
    depth = (world_from_box.scale * view.depth).astype(np.float32)
    return replace(view, camera=world_from_box.camera(view.camera), depth=depth)


def views_around(
    head: Figure, first: View, middle: Float64[np.ndarray, "3"], place: Similarity, count: int, rays: int
) -> ViewSet:
    """`count` views on the horizon orbit about `middle` (in the box), in the world; the first is the photograph's, given in the box."""
    cameras = orbit(place.camera(first.camera), place.points(middle), count)
    from_world = place.inverse
    others = [in_metres(look(head, from_world.camera(camera), rays), place) for camera in cameras[1:]]
    step = 360.0 / count
    return ViewSet((in_metres(first, place), *others), tuple(step * i for i in range(count)))
