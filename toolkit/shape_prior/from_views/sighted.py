"""The views as what a fit is given: faces found in those from the front, labels of skin, hair and clothes in all of them."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, UInt8

from facecraft4d.toolkit.core.datatypes import Camera, Portrait, View, ViewSet
from facecraft4d.toolkit.core.geometry import camera_center
from facecraft4d.toolkit.core.pixels import to_bytes
from facecraft4d.toolkit.face_model.model import FaceModel
from facecraft4d.toolkit.fitting.landmarks import LANDMARK_SIGMA
from facecraft4d.toolkit.fitting.observation import Observation, Observations, Segments
from facecraft4d.toolkit.landmarks import FaceLandmarker
from facecraft4d.toolkit.landmarks.points import FACE_SIDES
from facecraft4d.toolkit.shape_prior.parametric.observed import observed
from facecraft4d.toolkit.shape_prior.parametric.segment import segment

FRONTAL_DEGREES = 45.0
"""Between the way the face looks and a camera up to which faces are looked for: beyond, landmarks slide along the outline."""
PRESENCE = 0.5
"""How sure the network must be that what it found is a face."""
SOLID = 0.5
"""Alpha from which a pixel is the person's."""


@dataclass(frozen=True, slots=True, eq=False)
class Sightings:
    """Faces in views; the photograph's own is not among them."""

    views: tuple[int, ...]
    """The views that show one."""
    landmarks: Float32[np.ndarray, "n 478 3"]
    """Pixels; z in the same unit."""


def azimuth_degrees(camera: Camera) -> float:
    """About +Y from the way the face looks, positive to the subject's left."""
    x, _, z = camera_center(camera)
    return float(np.degrees(np.arctan2(x, z)))


def look(views: ViewSet) -> Sightings:
    """Find the face in every view from the front, but for the photograph, whose landmarks are known."""
    landmarker = FaceLandmarker()
    found, where = [], []
    for index, view in enumerate(views.views):
        if index and abs(azimuth_degrees(view.camera)) <= FRONTAL_DEGREES:
            face = landmarker(_bytes(view))
            if face is not None and face.presence >= PRESENCE:
                found.append(face.landmarks)
                where.append(index)
    landmarks = np.stack(found) if found else np.zeros((0, 478, 3), np.float32)
    return Sightings(tuple(where), landmarks)


def _bytes(view: View) -> UInt8[np.ndarray, "h w 3"]:
    return np.ascontiguousarray(to_bytes(view.image))


def frontal_segments(portrait: Portrait, views: ViewSet, sightings: Sightings) -> dict[int, Segments]:
    """Labels of the photograph (view 0) and of the views that show a face, by view."""
    found = {0: segment(portrait)}
    for index, landmarks in zip(sightings.views, sightings.landmarks, strict=True):
        view = views.views[index]
        found[index] = segment(replace(portrait, image=view.image, alpha=view.mask, landmarks=landmarks))
    return found


def observations_of(
    model: FaceModel, portrait: Portrait, views: ViewSet, sightings: Sightings, segments: tuple[Segments, ...]
) -> Observations:
    """One observation for each view; the first is the photograph, with its own landmarks, their depths and scores."""
    first = observed(model, portrait, segments[0])
    seen = dict(zip(sightings.views, sightings.landmarks.astype(np.float64), strict=True))
    photograph = replace(first, camera=views.views[0].camera, depth=views.views[0].depth)
    return (
        photograph,
        *(
            _observation(view, segments[index], seen.get(index), first.sigma)
            for index, view in enumerate(views.views)
            if index
        ),
    )


def _observation(view: View, segments: Segments, landmarks: np.ndarray | None, sigma: float) -> Observation:
    """A view; where no face was found in it, its outline is as sure as the photograph's."""
    if landmarks is not None:
        sigma = LANDMARK_SIGMA * float(np.linalg.norm(landmarks[FACE_SIDES[0]] - landmarks[FACE_SIDES[1]]))
    points = None if landmarks is None else landmarks[:, :2]
    return Observation(view.camera, view.image, segments, sigma, points, depth=view.depth)
