"""Whether the avatar is the same person: cosine of face embeddings.

Policy where no face is found: in the photograph, identity is not measured and a note says so; in a render, the score is 0.
"""

import functools
from collections.abc import Collection
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32, Float64, UInt8

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Head, Portrait, View, ViewSet
from facecraft4d.toolkit.core.geometry import resized_camera, yaw_distances
from facecraft4d.toolkit.core.pixels import to_bytes
from facecraft4d.toolkit.evaluation.drawing import draw
from facecraft4d.toolkit.evaluation.metrics import SIZE
from facecraft4d.toolkit.images import resized

YAWS = {"identity_front": 0.0, "identity_left": 30.0, "identity_right": -30.0}

DETECTION_SCORE, NMS, CANDIDATES = 0.6, 0.3, 50
"""YuNet's thresholds as OpenCV's sample has them."""
POINTS = slice(4, 14)
"""Where YuNet's rows have the five points."""


def measure(
    avatar: Avatar, portrait: Portrait, head: Head, coarse: ViewSet, wanted: Collection[str] = tuple(YAWS)
) -> tuple[dict[str, float], tuple[str, ...]]:
    """Identity at yaw 0 and plus and minus 30 degrees, in the photograph's expression; notes on what was not found.

    Nothing, and no network is loaded, unless all of them are `wanted`.
    """
    if not set(YAWS) <= set(wanted):
        return {}, ()
    photo = embedding(resized(portrait.image, SIZE))
    if photo is None:
        return {}, ("YuNet finds no face in the aligned photograph: identity was not measured",)
    scores, notes = {}, []
    for name, yaw in YAWS.items():
        camera = resized_camera(_view_at(coarse, yaw).camera, SIZE, SIZE)
        found = embedding(draw(avatar, head.pose, camera).image)
        scores[name] = 0.0 if found is None else float(photo @ found)
        if found is None:
            notes.append(f"YuNet finds no face in the avatar at yaw {yaw:+.0f}: its identity counts as 0")
    return scores, tuple(notes)


def embedding(image: Float32[np.ndarray, "h w 3"]) -> Float32[np.ndarray, "128"] | None:
    """SFace's unit embedding of the largest face that YuNet finds, or None."""
    points = five_points(image)
    return None if points is None else embedding_at(image, points)


def five_points(image: Float32[np.ndarray, "h w 3"]) -> Float64[np.ndarray, "5 2"] | None:
    """Right eye, left eye, tip of the nose, right and left corner of the mouth of the largest face that YuNet finds, or None; the subject's
    right, pixels with the middle of the first at one half."""
    detector = _detector(str(weights.path("yunet")))
    detector.setInputSize((image.shape[1], image.shape[0]))
    faces = detector.detect(_bgr(image))[1]
    if faces is None:
        return None
    largest = faces[np.argmax(faces[:, 2] * faces[:, 3])]
    return np.asarray(largest[POINTS].reshape(5, 2) + 0.5, np.float64)


def embedding_at(image: Float32[np.ndarray, "h w 3"], points: Float64[np.ndarray, "5 2"]) -> Float32[np.ndarray, "128"]:
    """SFace's unit embedding of the face whose five points lie there."""
    recognizer, face = _recognizer(str(weights.path("sface"))), np.zeros(15, np.float32)
    face[POINTS] = points.ravel() - 0.5
    feature = recognizer.feature(recognizer.alignCrop(_bgr(image), face)).ravel()
    return np.asarray(feature / np.linalg.norm(feature), np.float32)


def _bgr(image: Float32[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
    return np.ascontiguousarray(to_bytes(image)[..., ::-1])


@functools.cache
def _detector(path: str) -> Any:
    """YuNet, read once; OpenCV 5 warns of a target that nobody asked for."""
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    return cv2.FaceDetectorYN.create(path, "", (SIZE, SIZE), DETECTION_SCORE, NMS, CANDIDATES)


@functools.cache
def _recognizer(path: str) -> Any:
    """SFace, read once."""
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    return cv2.FaceRecognizerSF.create(path, "")


def _view_at(coarse: ViewSet, yaw_degrees: float) -> View:
    """The orbit's view nearest to a yaw."""
    return coarse.views[int(yaw_distances(coarse.yaws_degrees, yaw_degrees).argmin())]
