"""PanoHead's cameras: a label of 25 numbers, rays through pixels, and what depth along a ray is as camera z.

A label is world_from_camera (4x4, row by row; OpenCV axes) and then K (3x3) for a picture of side 1. The head stands about the origin of a box
of side 1, +Y up, and looks along +Z.
"""

import math

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.core.geometry import normalized

FOCAL = 4.2647
"""Of the published labels, in sides of the picture: 13.4 degrees."""
RADIUS = 2.7
"""Of the cameras that the generator was trained with, from the origin."""
TRANSLATION = (3, 7, 11)
"""Where the camera's position stands in a label."""


def world_from_orbit(
    yaw: float, pitch: float = 0.0, radius: float = RADIUS, target: Float[np.ndarray, "3"] | None = None
) -> Float32[np.ndarray, "4 4"]:
    """The camera at `radius` from the origin, looking at `target` (the origin); radians, positive yaw moves it towards +X, positive pitch down.

    PanoHead's height is linear in the pitch, for an even cover of the sphere: phi = arccos(1 - 2 v / pi) from above, with v = pi / 2 + pitch.
    """
    height = -2 * pitch / math.pi
    level = math.sqrt(max(1 - height * height, 0.0))
    position = radius * np.array([level * math.sin(yaw), height, level * math.cos(yaw)])
    forward = normalized((np.zeros(3) if target is None else target) - position)
    right = normalized(np.cross(forward, [0.0, 1.0, 0.0]))
    result = np.eye(4)
    result[:3, :3] = np.stack([right, np.cross(forward, right), forward], 1)
    result[:3, 3] = position
    return result.astype(np.float32)


def intrinsics(focal: float = FOCAL) -> Float32[np.ndarray, "3 3"]:
    """K for a picture of side 1."""
    return np.array([[focal, 0, 0.5], [0, focal, 0.5], [0, 0, 1]], np.float32)


def label(world_from_camera: Float[np.ndarray, "4 4"], k: Float[np.ndarray, "3 3"]) -> Float32[Tensor, "1 25"]:
    """The 25 numbers that tell the generator of a camera."""
    return torch.from_numpy(np.concatenate([world_from_camera.ravel(), k.ravel()]).astype(np.float32))[None]


def label_of(camera: Camera) -> Float32[Tensor, "1 25"]:
    """The label of a camera that stands in the box."""
    k = np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]])
    k[:2] /= [[camera.width], [camera.height]]
    return label(np.linalg.inv(camera.camera_from_world), k)


def orbited(
    labels: Float32[Tensor, "b 25"], yaw: Float32[Tensor, ""], pitch: Float32[Tensor, ""]
) -> Float32[Tensor, "b 25"]:
    """The cameras turned about the origin, with gradients: by `yaw` about +Y, before that by `pitch` about their own x axis; radians, in the
    directions of `world_from_orbit` (positive pitch moves a camera down)."""
    pose = labels[:, :16].view(-1, 4, 4)
    zero, one = torch.zeros_like(yaw), torch.ones_like(yaw)
    about_y = torch.stack([yaw.cos(), zero, yaw.sin(), zero, one, zero, -yaw.sin(), zero, yaw.cos()]).view(3, 3)
    x, y, z = pose[:, :3, 0].unbind(1)
    none = torch.zeros_like(x)
    cross = torch.stack([none, -z, y, z, none, -x, -y, x, none], 1).view(-1, 3, 3)
    about_x = torch.eye(3, device=labels.device) + pitch.sin() * cross + (1 - pitch.cos()) * (cross @ cross)
    turned = torch.cat([about_y @ about_x @ pose[:, :3], pose[:, 3:]], 1)
    return torch.cat([turned.reshape(-1, 16), labels[:, 16:]], 1)


def moved(labels: Float32[Tensor, "b 25"], translation: Float32[Tensor, "b 3"]) -> Float32[Tensor, "b 25"]:
    """The cameras moved in the world."""
    return labels.index_add(1, torch.tensor(TRANSLATION, device=labels.device), translation)


def rays(labels: Float32[Tensor, "b 25"], side: int) -> tuple[Float32[Tensor, "b 3"], Float32[Tensor, "b n 3"]]:
    """Where the rays of a picture of side^2 pixels begin and their unit directions, row by row, through the centres of pixels."""
    pose, k = labels[:, :16].view(-1, 4, 4), labels[:, 16:].view(-1, 3, 3)
    seen = directions_in_camera(k, side)
    directions = seen @ pose[:, :3, :3].transpose(1, 2)
    return pose[:, :3, 3], directions / torch.linalg.vector_norm(directions, dim=2, keepdim=True)


def directions_in_camera(k: Float32[Tensor, "b 3 3"], side: int) -> Float32[Tensor, "b n 3"]:
    """Directions of z = 1 through the centres of pixels, row by row."""
    centres = (torch.arange(side, device=k.device, dtype=k.dtype) + 0.5) / side
    rows, columns = torch.meshgrid(centres, centres, indexing="ij")
    y = (rows.reshape(1, -1) - k[:, 1, 2, None]) / k[:, 1, 1, None]
    x = (columns.reshape(1, -1) - k[:, 0, 2, None] - k[:, 0, 1, None] * y) / k[:, 0, 0, None]
    return torch.stack([x, y, torch.ones_like(x)], 2)


def camera_z(distances: Float32[Tensor, "b r r"], labels: Float32[Tensor, "b 25"]) -> Float32[Tensor, "b r r"]:
    """Depth along the camera's axis of what lies at a distance along each pixel's ray."""
    seen = directions_in_camera(labels[:, 16:].view(-1, 3, 3), distances.shape[-1])
    stretch: Tensor = torch.linalg.vector_norm(seen, dim=2).view(distances.shape)
    return distances / stretch
