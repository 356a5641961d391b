"""MediaPipe's average face, and how a head is turned whose landmarks are known."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int64

from facecraft4d.toolkit.core.geometry import rotation_from_axis_angle

_CANONICAL_METRES, _CANONICAL_TILT, _CANONICAL_EARS = 0.0092, np.radians(6.0), np.array([0.0, -0.57, -6.77])
"""Size of the file's unit, its tilt about +X and its midpoint between the ears, found by landmarks on renders of the default head
from nine sides, so that a head rotation of identity and the origin mean the same for a photograph and for the default head."""


@dataclass(frozen=True, slots=True, eq=False)
class CanonicalFace:
    """MediaPipe's average face, placed in the world frame: metres, +Y up, looks along +Z, subject's left +X, origin between the ears."""

    points: Float32[np.ndarray, "468 3"]
    basis: Int64[np.ndarray, " b"]
    """Landmarks that hardly move with the expression."""
    basis_weights: Float32[np.ndarray, " b"]


def head_rotation(landmarks: Float32[np.ndarray, "478 3"], face: CanonicalFace) -> Float[np.ndarray, "3 3"]:
    """camera_from_head rotation (OpenCV camera, world-frame head): weighted orthogonal Procrustes on the rigid landmarks (Schönemann 1966)."""
    weight = (face.basis_weights / face.basis_weights.sum())[:, None].astype(np.float64)
    seen, model = (p[face.basis].astype(np.float64) for p in (landmarks, face.points))
    covariance = (weight * (seen - (weight * seen).sum(0))).T @ (model - (weight * model).sum(0))
    left, _, right = np.linalg.svd(covariance)
    flip = np.diag([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    return np.asarray(left @ flip @ right)


def read_canonical(message: bytes) -> CanonicalFace:
    """Points and rigid basis from the bundle's geometry metadata (MediaPipe's face_geometry protocol buffers)."""
    fields = list(_protobuf_fields(message))
    mesh = next(value for number, value in fields if number == 1 and isinstance(value, bytes))
    floats = b"".join(v for number, v in _protobuf_fields(mesh) if number == 3 and isinstance(v, bytes))
    points = np.frombuffer(floats, "<f4").reshape(468, 5)[:, :3] - _CANONICAL_EARS
    points = _CANONICAL_METRES * points @ rotation_from_axis_angle(np.array([_CANONICAL_TILT, 0, 0])).T
    basis = [dict(_protobuf_fields(value)) for number, value in fields if number == 2 and isinstance(value, bytes)]
    indices = np.array([entry[1] for entry in basis], np.int64)
    if not indices.size or indices.min() < 0 or indices.max() >= len(points):
        raise ValueError("canonical face must name its rigid landmarks")
    basis_weights = np.frombuffer(b"".join(bytes(entry[2]) for entry in basis), "<f4")
    return CanonicalFace(points.astype(np.float32), indices, basis_weights)


def _protobuf_fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field numbers and raw values of a protocol-buffers message (varint, 32-bit and length-delimited fields)."""
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            if at >= len(message) or shift > 63:
                raise ValueError("protocol buffer ends early")
            value |= (message[at] & 127) << shift
            at, shift = at + 1, shift + 7
            if message[at - 1] < 128:
                return value

    while at < len(message):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
            continue
        if key & 7 not in (2, 5):
            raise ValueError(f"protocol buffer holds wire type {key & 7}")
        size = varint() if key & 7 == 2 else 4
        yield key >> 3, message[at : at + size]
        at += size
