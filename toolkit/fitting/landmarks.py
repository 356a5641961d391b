"""The latent phase's first half: camera, identity, expression and gaze from landmarks and contours, by damped Gauss-Newton.

With the head at rest every landmark is linear in identity and expression, so the Jacobian is exact and twenty steps settle it.
"""

from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg
from jaxtyping import Float64, Int64

from facecraft4d.toolkit.core.datatypes import Camera, Pose
from facecraft4d.toolkit.core.geometry import portrait_intrinsics, rotation_from_axis_angle
from facecraft4d.toolkit.face_model.model import FaceModel, SurfacePoints
from facecraft4d.toolkit.landmarks.points import IRISES

LANDMARK_SIGMA = 0.008
"""Expected error of a landmark as a fraction of the face's width."""
EXPRESSION_SIGMA = 0.25
"""How far an expression weight may stray from the network's score."""
GAZE_SIGMA = 0.12
"""Radians that an eye may turn beyond what its expression weights say."""
_STEPS = 25
_HUBER = 2.0
_SETTLED = 1e-3
"""A step that changes no weight, angle or metre by more than this is the last."""


@dataclass(frozen=True, slots=True, eq=False)
class Latent:
    """What the photograph says in the terms of the face model."""

    camera: Camera
    identity: Float64[np.ndarray, " i"]
    expression: Float64[np.ndarray, " k"]
    gaze: Float64[np.ndarray, "2 2"]
    """Rotation of the left and the right eye about X (down) and Y (to the subject's left), radians."""

    def pose(self, model: FaceModel) -> Pose:
        """As the pose of the model's rig."""
        rotations = np.zeros((len(model.joint_names), 3), np.float32)
        for eye, joint in enumerate(("eye_left", "eye_right")):
            rotations[model.joint_names.index(joint), :2] = self.gaze[eye]
        return Pose(self.expression.astype(np.float32), rotations, np.zeros(3, np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class ContourPull:
    """Vertices that should lie on a line in the picture: the outline's point and its normal."""

    vertices: Int64[np.ndarray, " n"]
    targets: Float64[np.ndarray, "n 2"]
    normals: Float64[np.ndarray, "n 2"]
    weight: float = 0.5


NO_PULL = ContourPull(np.zeros(0, np.int64), np.zeros((0, 2)), np.zeros((0, 2)))


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """What the fit has to meet."""

    landmarks: Float64[np.ndarray, "n 2"]
    scores: Float64[np.ndarray, " k"]
    """The network's expression scores."""
    sigma: float
    """Expected landmark error in pixels."""
    pull: ContourPull = NO_PULL


def start(
    model: FaceModel, landmarks: Float64[np.ndarray, "n 2"], rotation: Float64[np.ndarray, "3 3"], size: int
) -> Latent:
    """The mean face with a camera whose `rotation` (camera_from_world) is given and whose distance follows from the spread."""
    fx, fy, cx, cy = portrait_intrinsics(size)
    points = _basis(model).rest @ rotation.T
    seen = landmarks - landmarks.mean(0)
    flat = points[:, :2] - points[:, :2].mean(0)
    distance = fx * np.sqrt((flat**2).sum() / (seen**2).sum())
    shift = (landmarks.mean(0) - (cx, cy)) / fx * distance - points[:, :2].mean(0)
    camera_from_world = np.eye(4)
    camera_from_world[:3, :3], camera_from_world[:3, 3] = rotation, (*shift, distance - points[:, 2].mean())
    camera = Camera(camera_from_world, fx, fy, cx, cy, size, size)
    return Latent(camera, np.zeros(len(model.identity_names)), np.zeros(len(model.expression_names)), np.zeros((2, 2)))


def fit_landmarks(model: FaceModel, latent: Latent, targets: Targets, steps: int = _STEPS) -> Latent:
    """Minimise robust landmark errors, contour distances and priors; weights stay inside the model's ranges."""
    basis = _basis(model, targets.pull)
    for step in range(steps):
        pose_only = step < 4 and not latent.identity.any()
        residual, jacobian = _system(basis, model, latent, targets)
        if pose_only:
            jacobian = jacobian[:, :6]
        normal = jacobian.T @ jacobian
        normal[np.diag_indices_from(normal)] *= 1.001
        change = np.zeros(6 + len(latent.identity) + len(latent.expression) + 4)
        change[: len(normal)] = scipy.linalg.solve(normal, -jacobian.T @ residual, assume_a="pos")
        latent = _moved(model, latent, change)
        if not pose_only and np.abs(change).max() < _SETTLED:
            break
    return latent


@dataclass(frozen=True, slots=True, eq=False)
class _Basis:
    """Landmarks, then contour vertices, as linear functions of the weights."""

    rest: Float64[np.ndarray, "n 3"]
    directions: Float64[np.ndarray, "w n 3"]
    """Identity, then expression."""
    eyes: Float64[np.ndarray, "2 3"]
    validity: Float64[np.ndarray, " l"]
    """Of the landmarks only."""


def _basis(model: FaceModel, pull: ContourPull = NO_PULL) -> _Basis:
    if model.landmarks_478 is None:
        raise ValueError("model must know where the 478 landmarks lie, got landmarks_478=None")
    points: SurfacePoints = model.landmarks_478
    corners = model.triangles[points.triangles]

    def at(values: np.ndarray) -> np.ndarray:
        landmarks = np.einsum("nc,...ncx->...nx", points.barycentrics.astype(np.float64), values[..., corners, :])
        return np.concatenate([landmarks, values[..., pull.vertices, :]], -2).astype(np.float64)

    joints = [model.joint_regressor[model.joint_names.index(name)] for name in ("eye_left", "eye_right")]
    return _Basis(
        rest=at(model.vertices),
        directions=np.concatenate([at(model.identity_deltas), at(model.expression_deltas)]),
        eyes=np.stack([joint @ model.vertices for joint in joints]).astype(np.float64),
        validity=points.validity.astype(np.float64),
    )


def _system(basis: _Basis, model: FaceModel, latent: Latent, targets: Targets) -> tuple[np.ndarray, np.ndarray]:
    """Residuals and Jacobian by (camera rotation, camera translation, identity, expression, gaze)."""
    weights = np.concatenate([latent.identity, latent.expression])
    world = basis.rest + np.tensordot(weights, basis.directions, 1)
    turned, by_gaze = _turned_irises(basis, world, latent.gaze)
    rotation = latent.camera.camera_from_world[:3, :3]
    seen = turned @ rotation.T + latent.camera.camera_from_world[:3, 3]
    by_world = np.concatenate([basis.directions, by_gaze])
    motion = np.concatenate(
        [
            -np.cross((turned @ rotation.T)[None], np.eye(3)[:, None]),
            np.tile(np.eye(3)[:, None], (1, len(seen), 1)),
            by_world @ rotation.T,
        ]
    )
    x, y, z = seen.T
    fx, fy = latent.camera.fx, latent.camera.fy
    pixels = np.stack([fx * x / z + latent.camera.cx, fy * y / z + latent.camera.cy], -1)
    by_pixels = np.stack(
        [fx * (motion[..., 0] - x / z * motion[..., 2]) / z, fy * (motion[..., 1] - y / z * motion[..., 2]) / z], -1
    )
    count, pull = len(targets.landmarks), targets.pull
    error = (pixels[:count] - targets.landmarks) / targets.sigma
    length = np.linalg.norm(error, axis=1)
    trust = np.sqrt(basis.validity * np.minimum(1, _HUBER / np.maximum(length, 1e-9)))[:, None]
    off_line = ((pixels[count:] - pull.targets) * pull.normals).sum(-1) / targets.sigma
    calm = pull.weight * np.sqrt(np.minimum(1, 4 * _HUBER / np.maximum(np.abs(off_line), 1e-9)))
    by_line = (by_pixels[:, count:] * pull.normals).sum(-1) / targets.sigma * calm
    prior, by_prior = _priors(model, latent, targets)
    residual = np.concatenate([(error * trust).ravel(), off_line * calm, prior])
    jacobian = np.concatenate(
        [(by_pixels[:, :count] / targets.sigma * trust).reshape(len(motion), -1).T, by_line.T, by_prior]
    )
    return residual, jacobian


def _turned_irises(basis: _Basis, world: np.ndarray, gaze: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points with the irises turned about their eyes, and the derivative [4, n, 3] by the gaze angles."""
    turned, derivative = world.copy(), np.zeros((4, *world.shape))
    for eye, iris in enumerate(IRISES):
        rows = list(iris)
        arm = world[rows] - basis.eyes[eye]
        rotation = rotation_from_axis_angle(np.array([*gaze[eye], 0.0]))
        turned[rows] = arm @ rotation.T + basis.eyes[eye]
        for axis in range(2):
            derivative[2 * eye + axis, rows] = np.cross(np.eye(3)[axis], arm @ rotation.T)
    return turned, derivative


def _priors(model: FaceModel, latent: Latent, targets: Targets) -> tuple[np.ndarray, np.ndarray]:
    identity_sigma = 0.35 * np.abs(model.identity_ranges).max(1).astype(np.float64)
    scale = np.concatenate(
        [1 / identity_sigma, np.full(len(latent.expression), 1 / EXPRESSION_SIGMA), np.full(4, 1 / GAZE_SIGMA)]
    )
    apart = np.concatenate([latent.identity, latent.expression - targets.scores, latent.gaze.ravel()])
    return apart * scale, np.concatenate([np.zeros((len(scale), 6)), np.diag(scale)], 1)


def _moved(model: FaceModel, latent: Latent, change: np.ndarray) -> Latent:
    """Apply a step; the camera turns about the world's origin."""
    identities = len(latent.identity)
    turn = np.eye(4)
    turn[:3, :3] = rotation_from_axis_angle(change[:3])
    moved = latent.camera.camera_from_world.copy()
    moved[:3, :3] = turn[:3, :3] @ moved[:3, :3]
    moved[:3, 3] += change[3:6]
    low, high = model.identity_ranges.T.astype(np.float64)
    return Latent(
        camera=replace(latent.camera, camera_from_world=moved),
        identity=np.clip(latent.identity + change[6 : 6 + identities], low, high),
        expression=np.clip(latent.expression + change[6 + identities : -4], 0.0, 1.0),
        gaze=np.clip(latent.gaze + change[-4:].reshape(2, 2), -0.5, 0.5),
    )
