"""Brings cameras from whatever world they were measured in to that of the head: metres, origin between the ears, face along +Z."""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float32, Float64

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.core.geometry import camera_center, transform_points
from facecraft4d.toolkit.core.similarity import similarity
from facecraft4d.toolkit.face_model.model import FaceModel, neutral_vertices, surface_positions
from facecraft4d.toolkit.landmarks import CanonicalFace, head_rotation
from facecraft4d.toolkit.landmarks.points import EYE_CORNERS, NOSE

RIGID = (*NOSE, *EYE_CORNERS)
"""Landmarks that hardly move with the expression: by them the head's place and size are told."""


def in_head_world(
    model: FaceModel,
    cameras: tuple[Camera, ...],
    landmarks: Float32[np.ndarray, "v 478 3"],
    seen: Bool[np.ndarray, " v"],
    canonical: CanonicalFace,
) -> tuple[Camera, ...]:
    """The cameras about a mean head that their first pictures show. Two that see the face tell the size of their world, one takes it for metres.

    UserError where none sees the face.
    """
    if model.landmarks_478 is None:
        raise ValueError("model must know where the 478 landmarks lie, got landmarks_478=None")
    if not seen.any():
        raise UserError(
            "expected a face in the first frame of one video at least, found none; cut the videos to begin with one"
        )
    mean = surface_positions(model.landmarks_478, model.triangles, neutral_vertices(model, model.identity_mean))
    sees = np.flatnonzero(seen)
    points = mean[list(RIGID)].astype(np.float64)
    if len(sees) > 1:
        rays = [landmarks[view][list(RIGID), :2].astype(np.float64) for view in sees]
        met = triangulated([cameras[view] for view in sees], rays)
        head_from_here = similarity(met, points, np.ones(len(met)))
        return tuple(head_from_here.camera(camera) for camera in cameras)
    own = int(sees[0])
    facing = _before(cameras[own], landmarks[own], points, canonical)
    world_from_new = np.linalg.inv(cameras[own].camera_from_world) @ facing
    return tuple(replace(each, camera_from_world=each.camera_from_world @ world_from_new) for each in cameras)


def triangulated(cameras: list[Camera], pixels: list[Float64[np.ndarray, "n 2"]]) -> Float64[np.ndarray, "n 3"]:
    """The points that are nearest to all rays through their pixels."""
    matrix, right = np.zeros((len(pixels[0]), 3, 3)), np.zeros((len(pixels[0]), 3))
    for camera, each in zip(cameras, pixels, strict=True):
        rays = np.column_stack(
            [(each[:, 0] - camera.cx) / camera.fx, (each[:, 1] - camera.cy) / camera.fy, np.ones(len(each))]
        )
        rays = rays @ camera.camera_from_world[:3, :3]
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        across = np.eye(3) - rays[:, :, None] * rays[:, None]
        matrix += across
        right += across @ camera_center(camera)
    return np.asarray(np.linalg.solve(matrix, right[..., None])[..., 0])


def _before(
    camera: Camera,
    landmarks: Float32[np.ndarray, "478 3"],
    points: Float64[np.ndarray, "n 3"],
    canonical: CanonicalFace,
) -> Float64[np.ndarray, "4 4"]:
    """camera_from_world of a camera that sees the mean face like this, at the distance that its size tells."""
    rotation = head_rotation(landmarks, canonical)
    turned = points @ rotation.T
    seen = landmarks[list(RIGID), :2].astype(np.float64)
    spread = ((turned[:, :2] - turned[:, :2].mean(0)) ** 2).sum() / ((seen - seen.mean(0)) ** 2).sum()
    distance = camera.fx * np.sqrt(spread)
    matrix = np.eye(4)
    matrix[:3, :3] = rotation
    middle = (seen.mean(0) - (camera.cx, camera.cy)) / (camera.fx, camera.fy) * distance
    matrix[:3, 3] = np.array([*middle, distance]) - transform_points(matrix, turned @ rotation).mean(0)
    return matrix
