"""The one home of conventions: rigid transforms, wxyz quaternions, cameras and projection, triangle frames, spherical harmonics.

Numpy throughout; arrays broadcast over leading axes. Names read destination first: ``camera_from_world @ world_point``.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facecraft4d.toolkit.core.datatypes import Camera

Array = NDArray[np.floating[Any]]

PORTRAIT_FOV_Y_DEGREES = 13.4
"""Field of view of the fixed portrait camera (the paper's; normalised focal length 4.256, PanoHead's own is 4.2647)."""

SH_C0 = 0.28209479177387814
"""Value of the constant real spherical harmonic; colour = SH_C0 * coefficient + 0.5 (Kerbl et al. 2023)."""

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Rec. 709 luma weights."""


def normalized(vectors: Array) -> Array:
    """Unit vectors along the last axis; zero stays zero."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-20))


def smoothstep(values: Array) -> Array:
    """From 0 at 0 to 1 at 1 with level ends; 0 below, 1 above."""
    t = np.clip(values, 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def transform_points(target_from_source: Array, points: Array) -> Array:
    """Apply a rigid or similarity transform [4, 4] to points [..., 3]."""
    return points @ target_from_source[:3, :3].T + target_from_source[:3, 3]


def rotation_from_axis_angle(axis_angle: Array) -> Array:
    """Rotation matrices [..., 3, 3] from axis-angle vectors [..., 3] in radians (Rodrigues' formula, exact at zero)."""
    angle: Array = np.linalg.norm(axis_angle, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(axis_angle, -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*axis_angle.shape[:-1], 3, 3)
    return np.asarray(
        np.eye(3, dtype=cross.dtype)
        + np.sinc(angle / np.pi) * cross
        + 0.5 * np.sinc(angle / (2 * np.pi)) ** 2 * (cross @ cross)
    )


def axis_angle_from_wxyz(wxyz: Array) -> Array:
    """Axis-angle vectors [..., 3], at most pi long, from unit quaternions [..., 4]; exact at no turn."""
    wxyz = np.where(wxyz[..., :1] < 0, -wxyz, wxyz)
    sine: Array = np.linalg.norm(wxyz[..., 1:], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(sine, wxyz[..., :1])
    return np.asarray(wxyz[..., 1:] * np.where(sine > 0, angle / np.maximum(sine, 1e-300), 2))


def rotation_from_wxyz(wxyz: Array) -> Array:
    """Rotation matrices [..., 3, 3] from quaternions [..., 4] (normalised here)."""
    w, x, y, z = np.moveaxis(normalized(wxyz), -1, 0)
    rows = [
        1 - 2 * (y * y + z * z),
        2 * (x * y - w * z),
        2 * (x * z + w * y),
        2 * (x * y + w * z),
        1 - 2 * (x * x + z * z),
    ]
    rows += [2 * (y * z - w * x), 2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)]
    return np.stack(rows, -1).reshape(*wxyz.shape[:-1], 3, 3)


def wxyz_from_rotation(rotation: Array) -> Array:
    """Unit quaternions [..., 4] with w >= 0 from rotation matrices [..., 3, 3], stable for every angle."""
    m = rotation
    diagonal = np.stack([m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]], -1)
    squares = np.stack([1 + diagonal.sum(-1), *(1 + 2 * diagonal[..., i] - diagonal.sum(-1) for i in range(3))], -1)
    a, b, c = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    d, e, f = m[..., 1, 0] + m[..., 0, 1], m[..., 0, 2] + m[..., 2, 0], m[..., 2, 1] + m[..., 1, 2]
    candidates = np.stack(
        [
            np.stack([squares[..., 0], a, b, c], -1),
            np.stack([a, squares[..., 1], d, e], -1),
            np.stack([b, d, squares[..., 2], f], -1),
            np.stack([c, e, f, squares[..., 3]], -1),
        ],
        -2,
    )
    best = squares.argmax(-1)[..., None, None]
    wxyz = normalized(np.take_along_axis(candidates, best, -2)[..., 0, :])
    return np.where(wxyz[..., :1] < 0, -wxyz, wxyz)


def multiply_wxyz(left: Array, right: Array) -> Array:
    """Hamilton product of quaternions [..., 4]: rotates by `right` first."""
    aw, ax, ay, az = np.moveaxis(left, -1, 0)
    bw, bx, by, bz = np.moveaxis(right, -1, 0)
    return np.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        -1,
    )


def area_vectors(corners: Array) -> Array:
    """The normal of each triangle, as long as its area: `corners` [..., 3, 3] (corner, xyz) to [..., 3]."""
    return 0.5 * np.cross(corners[..., 1, :] - corners[..., 0, :], corners[..., 2, :] - corners[..., 0, :])


def triangle_areas(corners: Array) -> Array:
    """Areas [...] of triangles `corners` [..., 3, 3] (corner, xyz)."""
    return np.asarray(np.linalg.norm(area_vectors(corners), axis=-1))


def vertex_normals(vertices: Array, triangles: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
    """Unit outward normals [v, 3] float32, weighted by area; 0 at vertices without triangles."""
    areas = area_vectors(vertices.astype(np.float64)[triangles])
    total = np.stack([np.bincount(triangles.ravel(), np.repeat(axis, 3), len(vertices)) for axis in areas.T], -1)
    return np.asarray(normalized(total.astype(np.float64)).astype(np.float32))


def triangle_frames(corners: Array) -> tuple[Array, Array, Array]:
    """The frame that carries the splats of a triangle (GaussianAvatars, Qian et al. 2024, section 3.1).

    `corners` [..., 3, 3] (corner, xyz). Returns world_from_triangle rotation [..., 3, 3] with columns (unit first edge a0, unit
    normal a1, a0 x a1), scale [...] = mean of the first edge's length and the height over it, centroid [..., 3].
    A triangle without area gives a finite frame with scale from its first edge.
    """
    first, second = corners[..., 1, :] - corners[..., 0, :], corners[..., 2, :] - corners[..., 0, :]
    a0 = normalized(first)
    a1 = normalized(np.cross(a0, second))
    a2 = np.cross(a0, a1)
    height = np.abs((a2 * second).sum(-1))
    scale = np.asarray(0.5 * (np.linalg.norm(first, axis=-1) + height))
    return np.stack([a0, a1, a2], -1), scale, corners.mean(-2)


def portrait_intrinsics(size: int) -> tuple[float, float, float, float]:
    """fx, fy, cx, cy in pixels of the fixed portrait camera for a square image."""
    return intrinsics(PORTRAIT_FOV_Y_DEGREES, size, size)


def intrinsics(fov_y_degrees: float, width: int, height: int) -> tuple[float, float, float, float]:
    """fx, fy, cx, cy in pixels of a camera with square pixels that looks through the middle of its image."""
    focal = 0.5 * height / np.tan(np.radians(fov_y_degrees) / 2)
    return float(focal), float(focal), width / 2, height / 2


def camera_from_world_looking_at(eye: Array, target: Array, up: Array | None = None) -> Array:
    """camera_from_world [4, 4] (OpenCV axes) of a camera at `eye` that looks at `target`; `up` defaults to +Y."""
    forward = normalized(np.asarray(target, np.float64) - eye)
    right = normalized(np.cross(forward, np.array([0.0, 1.0, 0.0]) if up is None else up))
    rotation = np.stack([right, np.cross(forward, right), forward])
    camera_from_world = np.eye(4)
    camera_from_world[:3, :3], camera_from_world[:3, 3] = rotation, -rotation @ eye
    return camera_from_world


def yaw_distances(yaws_degrees: Sequence[float], yaw_degrees: float) -> Array:
    """How far each yaw is from `yaw_degrees` around the circle, 0 to 180."""
    return np.abs((np.asarray(yaws_degrees) - yaw_degrees + 180) % 360 - 180)


def orbit_camera(
    yaw_degrees: float, pitch_degrees: float, radius: float, size: int, target: Array | None = None
) -> Camera:
    """The portrait camera on a sphere about `target` (default: the origin). Yaw 0 sees the face; +90 degrees sits at +X."""
    camera_from_world = camera_from_world_on_orbit(yaw_degrees, pitch_degrees, radius, target)
    return Camera(camera_from_world, *portrait_intrinsics(size), size, size)


def camera_from_world_on_orbit(
    yaw_degrees: float, pitch_degrees: float, radius: float, target: Array | None = None
) -> Array:
    """camera_from_world [4, 4] of a camera on a sphere about `target` (default: the origin) that looks at it, in the angles of `orbit_camera`."""
    yaw, pitch = np.radians(yaw_degrees), np.radians(pitch_degrees)
    centre = np.zeros(3) if target is None else np.asarray(target, np.float64)
    offset = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
    return camera_from_world_looking_at(centre + radius * offset, centre)


def camera_center(camera: Camera) -> Array:
    """Position of the camera in the world [3]."""
    rotation, translation = camera.camera_from_world[:3, :3], camera.camera_from_world[:3, 3]
    return np.asarray(-rotation.T @ translation)


def resized_camera(camera: Camera, width: int, height: int) -> Camera:
    """The same camera with another number of pixels."""
    sx, sy = width / camera.width, height / camera.height
    return Camera(
        camera.camera_from_world, camera.fx * sx, camera.fy * sy, camera.cx * sx, camera.cy * sy, width, height
    )


def project(camera: Camera, points: Array) -> tuple[Array, Array]:
    """World points [..., 3] to pixels [..., 2] and camera z [...] in metres."""
    x, y, z = np.moveaxis(transform_points(camera.camera_from_world, points), -1, 0)
    return np.stack([camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy], -1), np.asarray(z)


def unproject(camera: Camera, pixels: Array, depth: Array) -> Array:
    """Pixels [..., 2] with camera z [...] in metres to world points [..., 3]."""
    x = (pixels[..., 0] - camera.cx) / camera.fx * depth
    y = (pixels[..., 1] - camera.cy) / camera.fy * depth
    rotation, translation = camera.camera_from_world[:3, :3], camera.camera_from_world[:3, 3]
    return np.asarray((np.stack([x, y, depth], -1) - translation) @ rotation)


def pixel_centers(width: int, height: int) -> Array:
    """Pixel centres [height, width, 2] as (x, y), float32."""
    x, y = np.meshgrid(np.arange(width, dtype=np.float32) + 0.5, np.arange(height, dtype=np.float32) + 0.5)
    return np.stack([x, y], -1)
