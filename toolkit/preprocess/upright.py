"""Find the face whichever way up the photograph is held: the detector knows upright faces, and takes some that stand on their head for others."""

from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.landmarks import FaceLandmarks, head_rotation
from facecraft4d.toolkit.preprocess.detect import Face, find_face, landmarker, placed
from facecraft4d.toolkit.preprocess.judge import BLACK, Looks, brightness, darkness, measured, negative
from facecraft4d.toolkit.preprocess.load import Photo

Image = UInt8[np.ndarray, "h w 3"]
_LEAST_CONTRAST = 0.1
"""Of a face in a photograph the right way up (`Looks.contrast`): below, the eyes may have been looked for in the cheeks."""
_HALF_AND_QUARTERS = (2, 1, 3)
"""Turns by 90 degrees against the clock, the likeliest first."""
_LOOKED_OVER = 2048
"""Longer side in pixels of the copy in which other ways up are looked over first: a large picture without a face costs seconds each time."""
_VIEW_SIZES = 2
"""Side of the view in which both ways up are compared, in sides of the face's box."""


def find_upright(photo: Photo, index: int | None) -> tuple[Face, Looks]:
    """The face in pixels of the photograph as it is, and its looks; that the photograph was turned is noted.

    Other ways up are tried only where the first gives no face or a doubtful one. UserError as from `find_face`, and for a negative in which
    no face is found.
    """
    try:
        face = find_face(photo, index)
    except UserError:
        turned = _turned(photo, index)
        if turned is not None:
            return turned
        _refuse_negative(photo, index)
        if (light := brightness(_looked_over(photo.rgb))) < BLACK:
            raise darkness(photo.name, light) from None
        raise
    looks = measured(photo.rgb, face)
    if _is_doubtful(photo, face, looks):
        return _turned(photo, index) or (face, looks)
    return face, looks


def _turned(photo: Photo, index: int | None) -> tuple[Face, Looks] | None:
    """The face that the photograph shows some other way up, in pixels of the photograph as it is; None without a sure one."""
    faces = (_found_turned(photo, turns, index) for turns in _HALF_AND_QUARTERS)
    face = next((face for face in faces if face is not None), None)
    return None if face is None else (face, measured(photo.rgb, face))


def _refuse_negative(photo: Photo, index: int | None) -> None:
    """UserError where the picture shows a face with its tones inverted."""
    if not _shows_a_face(255 - _looked_over(photo.rgb)):
        return
    positive = replace(photo, rgb=255 - photo.rgb)
    try:
        face = find_face(positive, index)
    except UserError:
        return
    if not _is_doubtful(positive, face, measured(positive.rgb, face)):
        raise negative(photo.name)


def _is_doubtful(photo: Photo, face: Face, looks: Looks) -> bool:
    """True for a face without eyes and brows where they should be, and for one that the detector likes better upside down."""
    if looks.contrast < _LEAST_CONTRAST:
        return True
    box = face.found.box
    reach = box.size * _VIEW_SIZES / 2
    low = np.maximum(np.floor(box.center - reach).astype(int), 0)
    high = np.maximum(np.ceil(box.center + reach).astype(int), low + 1)
    view = photo.rgb[low[1] : high[1], low[0] : high[0]]
    held, turned = (np.ascontiguousarray(np.rot90(view, _quarters(face) + half)) for half in (0, 2))
    return landmarker().surest(turned) > landmarker().surest(held)


def _quarters(face: Face) -> int:
    """Turns by 90 degrees against the clock that bring the face nearest to upright."""
    return round(face.found.box.roll / (np.pi / 2))


def _found_turned(photo: Photo, turns: int, index: int | None) -> Face | None:
    """The face of the photograph turned by `turns` times 90 degrees against the clock, in pixels of the unturned.

    None without a sure and upright one.
    """
    if not _shows_a_face(np.rot90(_looked_over(photo.rgb), turns)):
        return None
    turned = replace(photo, rgb=np.ascontiguousarray(np.rot90(photo.rgb, turns)))
    try:
        face = find_face(turned, index)
    except UserError:
        return None
    if _quarters(face) % 4 or _is_doubtful(turned, face, measured(turned.rgb, face)):
        return None
    found = _turned_back(face.found, turns, photo.rgb.shape[1::-1])
    rotation = head_rotation(found.landmarks, landmarker().canonical)
    note = f"the face was not upright: the photo was turned by {180 if turns == 2 else 90} degrees"
    return Face(found, rotation, *placed(found, rotation), (*face.notes, note))


def _looked_over(rgb: Image) -> Image:
    """The picture, smaller if it is large."""
    longer = max(rgb.shape[:2])
    if longer <= _LOOKED_OVER:
        return rgb
    size = tuple(max(1, round(side * _LOOKED_OVER / longer)) for side in rgb.shape[1::-1])
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def _shows_a_face(rgb: Image) -> bool:
    return bool(landmarker().detect(np.ascontiguousarray(rgb)))


def _turned_back(found: FaceLandmarks, turns: int, size: tuple[int, int]) -> FaceLandmarks:
    """Landmarks and box of a picture turned by `turns` times 90 degrees against the clock, in the unturned of that size (width, height)."""
    xy, center = found.landmarks[:, :2], found.box.center[None]
    for turn in reversed(range(turns)):
        xy, center = (_quarter_back(points, size[turn % 2]) for points in (xy, center))
    landmarks = np.column_stack([xy, found.landmarks[:, 2]]).astype(np.float32)
    box = replace(found.box, center=center[0], roll=found.box.roll + turns * np.pi / 2)
    return replace(found, landmarks=landmarks, box=box)


def _quarter_back(points: Float[np.ndarray, "n 2"], width: int) -> Float[np.ndarray, "n 2"]:
    """From a picture turned by 90 degrees against the clock to the unturned, of that width."""
    return np.column_stack([width - points[:, 1], points[:, 0]])
