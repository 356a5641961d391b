"""Faces in pictures: MediaPipe's 478 landmarks by name, their detection, 52 ARKit scores, the head's rotation."""

from facecraft4d.toolkit.landmarks.canonical import CanonicalFace, head_rotation
from facecraft4d.toolkit.landmarks.detector import FaceBox, FaceLandmarker, FaceLandmarks, LiteNetwork
from facecraft4d.toolkit.landmarks.following import FaceFollower

__all__ = [
    "CanonicalFace",
    "FaceBox",
    "FaceFollower",
    "FaceLandmarker",
    "FaceLandmarks",
    "LiteNetwork",
    "head_rotation",
]
