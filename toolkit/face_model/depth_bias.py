"""By how much the landmark network errs about depth: it draws noses out and sees eyes set back, on drawn heads as on photographs.

Which plane its depths are counted from, and how that plane is tilted, is left out on both sides: of that it knows next to nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Float64

from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.core.geometry import transform_points
from facecraft4d.toolkit.face_model.model import FaceModel, SurfacePoints, surface_positions
from facecraft4d.toolkit.landmarks.points import FACE_SIDES


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """A drawn head in which a face was found."""

    camera: Camera
    vertices: Float32[np.ndarray, "v 3"]
    landmarks: Float32[np.ndarray, "478 3"]
    """As FaceLandmarks."""


def planes(places: Float[np.ndarray, "n 2"], trust: Float[np.ndarray, " n"]) -> Float64[np.ndarray, "n 3"]:
    """Orthonormal columns that span all planes over `places`, for values that are times their `trust` (square root of how much each counts)."""
    return np.asarray(
        np.linalg.qr(np.column_stack([np.ones(len(places)), places - places.mean(0)]) * trust[:, None])[0]
    )


def depth_bias(model: FaceModel, points: SurfacePoints, sights: Sequence[Sight]) -> Float32[np.ndarray, " 478"]:
    """How much farther than it is each landmark seems to the network, on average, in parts of the face's width."""
    errors = [_error(model, points, sight) for sight in sights]
    return np.asarray(np.mean(errors, 0), np.float32)


def _error(model: FaceModel, points: SurfacePoints, sight: Sight) -> Float64[np.ndarray, " 478"]:
    surface = surface_positions(points, model.triangles, sight.vertices).astype(np.float64)
    seen = transform_points(sight.camera.camera_from_world, surface)
    width = np.linalg.norm(seen[FACE_SIDES[0]] - seen[FACE_SIDES[1]])
    pixels = sight.camera.fx / seen[:, 2].mean()
    trust = np.sqrt(points.validity.astype(np.float64)) + 1e-6
    apart = (sight.landmarks[:, 2] / pixels - seen[:, 2]) / width
    basis = planes(seen[:, :2], trust)
    return np.asarray(apart - basis @ (basis.T @ (apart * trust)) / trust)
