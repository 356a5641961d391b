"""The latent phase's first half: camera, identity, expression and gaze from landmarks and outlines, by damped Gauss-Newton.

With the head at rest every landmark is linear in identity and expression, so the Jacobian is exact and twenty steps settle it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg
from jaxtyping import Float64, Int64

from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.core.geometry import portrait_intrinsics, rotation_from_axis_angle
from facecraft4d.toolkit.face_model.depth_bias import planes
from facecraft4d.toolkit.face_model.model import FaceModel, SurfacePoints
from facecraft4d.toolkit.fitting.latent import Latent
from facecraft4d.toolkit.fitting.observation import Observation, Observations, from_first, mean_scores
from facecraft4d.toolkit.fitting.outlines import NO_PULL, OUTLINE_WEIGHT, OutlinePull
from facecraft4d.toolkit.fitting.surface import NO_SURFACE, SurfacePull
from facecraft4d.toolkit.landmarks.points import IRISES

LANDMARK_SIGMA = 0.008
"""Expected error of a landmark as a fraction of the face's width."""
DEPTH_SIGMA = 0.04
"""Expected error of a landmark's depth as a fraction of the face's width: 0.013 was measured on drawn heads without
bias and plane, but the errors of neighbours go together."""
EXPRESSION_SIGMA = 0.25
"""How far an expression weight may stray from the network's score."""
GAZE_SIGMA = 0.12
"""Radians that an eye may turn beyond what its expression weights say."""
_GAZE_LIMIT = 0.5
"""The most radians that an eye turns: beyond, the lids would hide the iris."""
_STEPS, _POSE_STEPS = 25, 4
"""Steps at most, and how many of them move the mean face's camera only: far from its place, weights would make up for it."""
_DAMPING = 1.001
"""Factor on the diagonal of the normal matrix."""
_HUBER, _OUTLINE_HUBER = 2.0, 8.0
"""Errors of landmarks and of outlines, in units of the expected one, beyond which they count linearly."""
SURFACE_METRES, _SURFACE_HUBER = 0.004, 2.0
"""Expected distance of a vertex from the surface that depth maps show, while weights alone move it, and in units of it from where it counts
linearly."""
_LEAST_TRUST = 1e-9
"""Added so that landmarks of no validity leave the planes defined."""
_SETTLED = 1e-3
"""A step that changes no weight, angle or metre by more than this is the last."""


def starting_camera(
    model: FaceModel, landmarks: Float64[np.ndarray, "n 2"], rotation: Float64[np.ndarray, "3 3"], size: int
) -> Camera:
    """The portrait camera of `size` pixels whose `rotation` (camera_from_world) is given and whose place shows the mean face like this."""
    fx, fy, cx, cy = portrait_intrinsics(size)
    points = _points(model, True, NO_PULL.vertices).rest @ rotation.T
    seen = landmarks - landmarks.mean(0)
    flat = points[:, :2] - points[:, :2].mean(0)
    distance = fx * np.sqrt((flat**2).sum() / (seen**2).sum())
    shift = (landmarks.mean(0) - (cx, cy)) / fx * distance - points[:, :2].mean(0)
    camera_from_world = np.eye(4)
    camera_from_world[:3, :3], camera_from_world[:3, 3] = rotation, (*shift, distance - points[:, 2].mean())
    return Camera(camera_from_world, fx, fy, cx, cy, size, size)


def fit_landmarks(
    model: FaceModel,
    latent: Latent,
    observations: Observations,
    pulls: tuple[OutlinePull, ...] = (),
    steps: int = _STEPS,
    surface: SurfacePull = NO_SURFACE,
) -> Latent:
    """Minimise robust landmark errors, distances to outlines and to a surface, and priors; weights stay inside the model's ranges.

    `pulls`: none, or one for each observation. ValueError if there is neither a landmark nor an outline to go by.
    """
    views = [_view(model, observations, each, pull) for each, pull in _each(observations, pulls)]
    if not any(len(view.points.rest) for view in views):
        raise ValueError("observations must have landmarks or outlines to go by, got neither")
    scores, on_surface = (
        mean_scores(model, observations),
        _OnSurface(_surface_view(model, observations, surface), surface),
    )
    for step in range(steps):
        pose_only = step < _POSE_STEPS and not pulls and np.array_equal(latent.identity, model.identity_mean)
        residual, jacobian = _system(model, views, latent, scores, on_surface)
        if pose_only:
            jacobian = jacobian[:, :6]
        normal = jacobian.T @ jacobian
        normal[np.diag_indices_from(normal)] *= _DAMPING
        change = np.zeros(6 + len(latent.identity) + len(latent.expression) + 4)
        change[: len(normal)] = scipy.linalg.solve(normal, -jacobian.T @ residual, assume_a="pos")
        latent = _moved(model, latent, change)
        if not pose_only and np.abs(change).max() < _SETTLED:
            break
    return latent


def _each(observations: Observations, pulls: tuple[OutlinePull, ...]) -> Iterator[tuple[Observation, OutlinePull]]:
    return zip(observations, pulls or (NO_PULL,) * len(observations), strict=True)


@dataclass(frozen=True, slots=True, eq=False)
class _Points:
    """Landmarks, then vertices (at the outline, or on a surface), as linear functions of the weights."""

    rest: Float64[np.ndarray, "n 3"]
    directions: Float64[np.ndarray, "w n 3"]
    """Identity, then expression."""
    eyes: Float64[np.ndarray, "2 3"]
    validity: Float64[np.ndarray, " l"]
    """Of the landmarks only; there are none where no face was detected."""


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """An observation and what the solver needs to know of it."""

    observation: Observation
    pull: OutlinePull
    points: _Points
    from_first: Float64[np.ndarray, "4 4"] | None
    """From the first observation's camera to this one's; None for the first itself."""


def _view(model: FaceModel, observations: Observations, observation: Observation, pull: OutlinePull) -> _View:
    beside = None if observation is observations[0] else from_first(observations, observation)
    return _View(observation, pull, _points(model, observation.landmarks is not None, pull.vertices), beside)


def _points(model: FaceModel, detected: bool, vertices: Int64[np.ndarray, " p"]) -> _Points:
    if model.landmarks_478 is None:
        raise ValueError("model must know where the 478 landmarks lie, got landmarks_478=None")
    known: SurfacePoints = model.landmarks_478
    count = len(known.triangles) if detected else 0
    corners = model.triangles[known.triangles[:count]]

    def at(values: np.ndarray) -> np.ndarray:
        landmarks = np.einsum(
            "nc,...ncx->...nx", known.barycentrics[:count].astype(np.float64), values[..., corners, :]
        )
        return np.concatenate([landmarks, values[..., vertices, :]], -2).astype(np.float64)

    joints = [model.joint_regressor[model.joint_names.index(name)] for name in ("eye_left", "eye_right")]
    return _Points(
        rest=at(model.vertices),
        directions=np.concatenate([at(model.identity_deltas), at(model.expression_deltas)]),
        eyes=np.stack([joint @ model.vertices for joint in joints]).astype(np.float64),
        validity=known.validity[:count].astype(np.float64),
    )


_Block = tuple[np.ndarray, np.ndarray]
"""Residuals, and their Jacobian."""


@dataclass(frozen=True, slots=True, eq=False)
class _OnSurface:
    """Vertices that are to lie on a surface, as the first observation's camera sees them, and the planes there."""

    view: _View
    pull: SurfacePull


def _surface_view(model: FaceModel, observations: Observations, surface: SurfacePull) -> _View:
    points = _points(model, False, surface.vertices)
    return _View(observations[0], NO_PULL, points, None)


def _surface_block(on_surface: _OnSurface, latent: Latent) -> _Block:
    """Of the distances from the planes, metres in units of what is expected."""
    seen, motion = _seen(on_surface.view, latent)
    pull = on_surface.pull
    residual = ((seen - pull.points) * pull.normals).sum(-1) / SURFACE_METRES
    trust = np.sqrt(np.minimum(1, _SURFACE_HUBER / np.maximum(np.abs(residual), 1e-9)))
    by_plane = np.einsum("pnx,nx->np", motion, pull.normals) / SURFACE_METRES
    return residual * trust, by_plane * trust[:, None]


def _system(
    model: FaceModel, views: list[_View], latent: Latent, scores: Float64[np.ndarray, " k"], on_surface: _OnSurface
) -> tuple[np.ndarray, np.ndarray]:
    """Residuals and Jacobian by (camera rotation, camera translation, identity, expression, gaze)."""
    blocks = [block for view in views for block in _blocks(view, latent)]
    blocks.append(_surface_block(on_surface, latent))
    residuals, jacobians = zip(*blocks, _priors(model, latent, scores), strict=True)
    return np.concatenate(residuals), np.concatenate(jacobians)


def _blocks(view: _View, latent: Latent) -> tuple[_Block, _Block, _Block]:
    """Of an observation's landmarks, of their depths, of its outline."""
    seen, motion = _seen(view, latent)
    camera, sigma, pull = view.observation.camera, view.observation.sigma, view.pull
    x, y, z = seen.T
    fx, fy = camera.fx, camera.fy
    pixels = np.stack([fx * x / z + camera.cx, fy * y / z + camera.cy], -1)
    by_pixels = np.stack(
        [fx * (motion[..., 0] - x / z * motion[..., 2]) / z, fy * (motion[..., 1] - y / z * motion[..., 2]) / z], -1
    )
    count = len(view.points.validity)
    landmarks = view.observation.landmarks if view.observation.landmarks is not None else np.zeros((0, 2))
    error = (pixels[:count] - landmarks) / sigma
    length = np.linalg.norm(error, axis=1)
    trust = np.sqrt(view.points.validity * np.minimum(1, _HUBER / np.maximum(length, 1e-9)))[:, None]
    off_line = ((pixels[count:] - pull.targets) * pull.normals).sum(-1) / sigma
    calm = OUTLINE_WEIGHT * np.sqrt(np.minimum(1, _OUTLINE_HUBER / np.maximum(np.abs(off_line), 1e-9)))
    by_line = (by_pixels[:, count:] * pull.normals).sum(-1) / sigma * calm
    by_landmarks = (by_pixels[:, :count] / sigma * trust).reshape(len(motion), 2 * count).T
    depths = _depth_block(view, seen[:count], motion[:, :count])
    return ((error * trust).ravel(), by_landmarks), depths, (off_line * calm, by_line.T)


def _depth_block(view: _View, seen: np.ndarray, motion: np.ndarray) -> _Block:
    """Of the landmarks' depths in pixels, without what a shift and a tilt of all depths explain: no network knows these."""
    observation = view.observation
    if observation.depths is None or observation.landmarks is None:
        return np.zeros(0), np.zeros((0, len(motion)))
    trust, basis = depth_trust(observation, view.points.validity)
    scale = observation.camera.fx / seen[:, 2].mean()
    residual, jacobian = (scale * seen[:, 2] - observation.depths) * trust, scale * motion[..., 2].T * trust[:, None]
    return residual - basis @ (basis.T @ residual), jacobian - basis @ (basis.T @ jacobian)


def depth_trust(
    observation: Observation, validity: Float64[np.ndarray, " 478"]
) -> tuple[Float64[np.ndarray, " 478"], Float64[np.ndarray, "478 3"]]:
    """How much an error of each landmark's depth counts, in expected errors per pixel, and the planes that count nothing."""
    if observation.landmarks is None:
        raise ValueError("observation must have landmarks where it has depths, got landmarks=None")
    trust = np.sqrt(validity) * LANDMARK_SIGMA / (DEPTH_SIGMA * observation.sigma)
    return trust, planes(observation.landmarks, trust + _LEAST_TRUST)


def _seen(view: _View, latent: Latent) -> tuple[np.ndarray, np.ndarray]:
    """The points [n, 3] in the observation's camera, and their derivative [p, n, 3] by all parameters."""
    weights = np.concatenate([latent.identity, latent.expression])
    world = view.points.rest + np.tensordot(weights, view.points.directions, 1)
    turned, by_gaze = _turned_irises(view.points, world, latent.gaze)
    rotation = latent.camera.camera_from_world[:3, :3]
    seen = turned @ rotation.T + latent.camera.camera_from_world[:3, 3]
    by_world = np.concatenate([view.points.directions, by_gaze])
    motion = np.concatenate(
        [
            -np.cross((turned @ rotation.T)[None], np.eye(3)[:, None]),
            np.tile(np.eye(3)[:, None], (1, len(seen), 1)),
            by_world @ rotation.T,
        ]
    )
    if view.from_first is None:
        return seen, motion
    beside, shift = view.from_first[:3, :3], view.from_first[:3, 3]
    return seen @ beside.T + shift, motion @ beside.T


def _turned_irises(points: _Points, world: np.ndarray, gaze: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points with the irises turned about their eyes, and the derivative [4, n, 3] by the gaze angles."""
    turned, derivative = world.copy(), np.zeros((4, *world.shape))
    for eye, iris in enumerate(IRISES if len(points.validity) else ()):
        rows = list(iris)
        arm = world[rows] - points.eyes[eye]
        rotation = rotation_from_axis_angle(np.array([*gaze[eye], 0.0]))
        turned[rows] = arm @ rotation.T + points.eyes[eye]
        for axis in range(2):
            derivative[2 * eye + axis, rows] = np.cross(np.eye(3)[axis], arm @ rotation.T)
    return turned, derivative


def _priors(model: FaceModel, latent: Latent, scores: Float64[np.ndarray, " k"]) -> tuple[np.ndarray, np.ndarray]:
    whitening = model.identity_whitening.astype(np.float64)
    rest = np.concatenate([np.full(len(latent.expression), 1 / EXPRESSION_SIGMA), np.full(4, 1 / GAZE_SIGMA)])
    scale = scipy.linalg.block_diag(whitening, np.diag(rest))
    apart = np.concatenate([latent.identity - model.identity_mean, latent.expression - scores, latent.gaze.ravel()])
    return scale @ apart, np.concatenate([np.zeros((len(scale), 6)), scale], 1)


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
        gaze=np.clip(latent.gaze + change[-4:].reshape(2, 2), -_GAZE_LIMIT, _GAZE_LIMIT),
    )
