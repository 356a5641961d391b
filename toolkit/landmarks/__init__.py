"""Faces in pictures: MediaPipe's 478 landmarks by name, their detection, 52 ARKit scores, the head's rotation."""

from facecraft4d.toolkit.landmarks.canonical import CanonicalFace, head_rotation
from facecraft4d.toolkit.landmarks.detector import FaceBox, FaceLandmarker, FaceLandmarks, LiteNetwork

__all__ = ["CanonicalFace", "FaceBox", "FaceLandmarker", "FaceLandmarks", "LiteNetwork", "head_rotation"]
