"""Choose the face and refuse what no avatar can come from."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.landmarks import FaceLandmarker, FaceLandmarks, head_rotation
from facecraft4d.toolkit.landmarks.points import FACE_OVAL, TEMPLES
from facecraft4d.toolkit.preprocess.load import Photo

MIN_TEMPLE_PIXELS = 64
"""Least distance of the temples in the photograph: below, landmarks would be found in a picture enlarged more than twice."""
MAX_YAW_DEGREES, MAX_PITCH_DEGREES = 50, 45
"""Turned farther, half of the face is hidden and the landmarks on it are guesses."""
TURNED_DEGREES = 30
"""Turned farther, the ear and half of the cheek on the other side are not seen, and that is said."""
MAX_OUTSIDE = 0.25
"""Share of the face's outline that may lie beyond the photograph's border."""


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """The chosen face and the scale of its head in the photograph (weak perspective)."""

    found: FaceLandmarks
    rotation: Float[np.ndarray, "3 3"]
    """camera_from_head."""
    pixels_per_metre: float
    ears_midpoint: Float[np.ndarray, "2"]
    """Photograph pixels."""
    notes: tuple[str, ...]


@lru_cache(maxsize=1)
def landmarker() -> FaceLandmarker:
    """One network for all photographs of a process, from the user's or the fetched file."""
    return FaceLandmarker(weights.path("face_landmarker"))


def find_face(photo: Photo, index: int | None) -> Face:
    """The face to build from: the `index`-th by size, or the largest. UserError if there is none that can be used."""
    boxes = landmarker().detect(photo.rgb)
    if not boxes:
        raise UserError(f"{photo.name}: expected a face, found none; take a photo from the front in even light")
    if index is not None and not 0 <= index < len(boxes):
        raise UserError(
            f"{photo.name}: expected --face between 0 and {len(boxes) - 1} (found {len(boxes)}), found {index}; choose another"
        )
    notes: tuple[str, ...] = (
        (f"{len(boxes)} faces: the largest was taken (choose with --face)",) if index is None and len(boxes) > 1 else ()
    )
    found = landmarker().landmarks(photo.rgb, boxes[index or 0])
    rotation = head_rotation(found.landmarks, landmarker().canonical)
    _check_size(photo, found)
    notes += _check_turn(photo, rotation) + _check_inside(photo, found)
    scale, ears = placed(found, rotation)
    return Face(found, rotation, scale, ears, notes)


def yaw_and_pitch_degrees(rotation: Float[np.ndarray, "3 3"]) -> tuple[float, float]:
    """How far a head (camera_from_head) is turned to its own left and upwards, seen by the camera."""
    x, y, z = rotation[:, 2]
    return float(np.degrees(np.arctan2(x, -z))), float(np.degrees(np.arcsin(np.clip(-y, -1, 1))))


def _check_size(photo: Photo, found: FaceLandmarks) -> None:
    width = float(np.linalg.norm(np.subtract(*found.landmarks[list(TEMPLES)])))
    if width < MIN_TEMPLE_PIXELS:
        raise UserError(
            f"{photo.name}: expected a face at least {MIN_TEMPLE_PIXELS} pixels wide between the temples, found {width:.0f}; use a larger photo"
        )


def _check_turn(photo: Photo, rotation: Float[np.ndarray, "3 3"]) -> tuple[str, ...]:
    yaw, pitch = yaw_and_pitch_degrees(rotation)
    for angle, limit, sides in ((yaw, MAX_YAW_DEGREES, ("right", "left")), (pitch, MAX_PITCH_DEGREES, ("down", "up"))):
        if abs(angle) > limit:
            raise UserError(
                f"{photo.name}: expected a face within {limit} degrees of the camera, found it turned {abs(angle):.0f} degrees "
                f"{'to its ' if limit == MAX_YAW_DEGREES else ''}{sides[angle > 0]}; use a photo from nearer the front"
            )
    if abs(yaw) > TURNED_DEGREES:
        return (
            f"the face is turned {abs(yaw):.0f} degrees to its {('right', 'left')[yaw > 0]}: its other side is guessed",
        )
    return ()


def _check_inside(photo: Photo, found: FaceLandmarks) -> tuple[str, ...]:
    oval = found.landmarks[list(FACE_OVAL), :2]
    outside = float(((oval < 0) | (oval > photo.rgb.shape[1::-1])).any(1).mean())
    if outside > MAX_OUTSIDE:
        raise UserError(
            f"{photo.name}: expected the whole face, found it cut off by the photo's border; use a photo with some space around the head"
        )
    return ("the photo's border cuts into the face",) if outside else ()


def placed(found: FaceLandmarks, rotation: Float[np.ndarray, "3 3"]) -> tuple[float, Float[np.ndarray, "2"]]:
    """Pixels per metre and image of the world frame's origin between the ears, by least squares on the rigid landmarks."""
    canonical = landmarker().canonical
    weight = (canonical.basis_weights / canonical.basis_weights.sum())[:, None].astype(np.float64)
    model = canonical.points[canonical.basis] @ rotation.T
    seen = found.landmarks[canonical.basis].astype(np.float64)
    model_center, seen_center = (weight * model).sum(0), (weight * seen).sum(0)
    model_offset = model - model_center
    scale = float((weight * (seen - seen_center) * model_offset).sum() / (weight * model_offset**2).sum())
    return scale, (seen_center - scale * model_center)[:2]
