"""What a fit is given of pictures."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float32, Float64

from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.face_model.model import FaceModel


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """What a picture's pixels show; the three exclude each other and fill the matte."""

    skin: Bool[np.ndarray, "h w"]
    """Face, ears, neck; eyes, brows, glasses and mouth count as skin. The mesh is drawn to its border."""
    hair: Bool[np.ndarray, "h w"]
    """Hair and headwear, and whatever is not told apart. The mesh stays within its border and need not reach it."""
    torso: Bool[np.ndarray, "h w"]
    """Clothes and all skin below the neck. The mesh may end anywhere in it."""
    beard: Bool[np.ndarray, "h w"] | None = None
    """The part of the skin that hair grows on and hides: the mesh stays within its border and need not reach it."""
    headwear: Bool[np.ndarray, "h w"] | None = None
    """The part of the hair that is none but a hat, a cap or a scarf."""

    @property
    def matte(self) -> Bool[np.ndarray, "h w"]:
        """All of the person."""
        return np.asarray(self.skin | self.hair | self.torso)


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """One picture of a head, and what is known of it.

    Several observations of one moment show the same identity, expression and gaze. Their cameras are rigid to one another: a fit moves
    all of them as it moves the first one.
    """

    camera: Camera
    """Of the first observation: a start. Of the others: beside the first one's camera, exact."""
    image: Float32[np.ndarray, "h w 3"]
    """sRGB in [0, 1]."""
    segments: Segments
    sigma: float
    """Expected error of landmarks and outlines in pixels, in the latent phase: a part of the face's true width, not of how wide it seems."""
    landmarks: Float64[np.ndarray, "478 2"] | None = None
    """Pixels; None where no face was detected."""
    scores: Float64[np.ndarray, " k"] | None = None
    """What a network says of the expression: a weight for each of the model's."""
    depths: Float64[np.ndarray, " 478"] | None = None
    """How far behind one another the landmarks lie, in pixels, smaller is nearer; which plane is 0 and how it is tilted says nothing."""
    depth: Float32[np.ndarray, "h w"] | None = None
    """Camera z in metres of what each pixel shows, 0 where there is nothing; None where nobody knows."""


Observations = tuple[Observation, ...]


def placed(observations: Observations, camera: Camera) -> tuple[Camera, ...]:
    """The cameras of all observations if the first one's stands where `camera` stands."""
    first = replace(observations[0].camera, camera_from_world=camera.camera_from_world)
    others = (
        replace(each.camera, camera_from_world=from_first(observations, each) @ camera.camera_from_world)
        for each in observations[1:]
    )
    return (first, *others)


def from_first(observations: Observations, other: Observation) -> Float64[np.ndarray, "4 4"]:
    """Rigid transform from the first observation's camera to that of `other`."""
    world_from_first = np.eye(4)
    rotation, translation = np.split(observations[0].camera.camera_from_world[:3], (3,), 1)
    world_from_first[:3, :3], world_from_first[:3, 3:] = rotation.T, -rotation.T @ translation
    return np.asarray(other.camera.camera_from_world @ world_from_first, np.float64)


def mean_scores(model: FaceModel, observations: Observations) -> Float64[np.ndarray, " k"]:
    """The expression that the networks saw on average; 0 where none was asked. ValueError if one's scores are not the model's."""
    given = [each.scores for each in observations if each.scores is not None]
    wanted = len(model.expression_names)
    for scores in given:
        if len(scores) != wanted:
            raise ValueError(f"scores must be one for each of the model's {wanted} expressions, got {len(scores)}")
    return np.mean(given, 0) if given else np.zeros(wanted)
