"""Pivotal tuning of the shape: the latent stays, free offsets per vertex meet landmarks and outlines under a Laplacian."""

from collections.abc import Iterator

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
from jaxtyping import Float32, Float64, Int64

from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.core.geometry import transform_points
from facecraft4d.toolkit.core.rigging import HasRegions, in_regions, pose_vertices, vertices_in_regions
from facecraft4d.toolkit.face_model.model import FaceModel, SurfacePoints, neutral_vertices, personalized_rig
from facecraft4d.toolkit.fitting.landmarks import depth_trust
from facecraft4d.toolkit.fitting.latent import Latent
from facecraft4d.toolkit.fitting.observation import Observation, Observations, placed
from facecraft4d.toolkit.fitting.outlines import OutlinePull, pair_outlines
from facecraft4d.toolkit.fitting.rows import Block, by_vertices, landmark_rows, outline_rows, surface_rows
from facecraft4d.toolkit.fitting.surface import Pairing
from facecraft4d.toolkit.meshes.graph import laplacian, parts

ROUGHNESS_METRES = 2e-4
"""Expected size of the Laplacian of the offsets."""
OFFSET_METRES = 0.02
"""Expected size of the offsets themselves."""
PIVOT_SIGMA = 0.001
"""Expected error of landmarks and outlines after tuning, as a fraction of the picture."""
SURFACE_PIVOT_METRES, SURFACE_REACH = 0.001, 0.015
"""Expected error of a depth map, which is wrong over many vertices together, and metres from a vertex within which a surface is its own."""
_ROUNDS = 3
"""How often outlines and surfaces are paired anew."""
_RIGID_REGIONS = ("eyes", "teeth", "tongue")
_AROUND_RIGID, _CARRIERS = ("lips", "eyelids"), 40
"""What moves as a whole follows this many vertices of these regions, those that are nearest."""


def fit_offsets(
    model: FaceModel,
    latent: Latent,
    observations: Observations,
    pairing: Pairing | None = None,
    on_surface: Int64[np.ndarray, " n"] | None = None,
) -> Float32[np.ndarray, "v 3"]:
    """Offsets of the neutral vertices in metres, after a few rounds of pairing outlines and solving sparse normal equations.

    `pairing`: the surface that depth maps show, on which the vertices `on_surface` (None: none of them) are to lie.
    """
    offsets = np.zeros(model.vertices.shape)
    identity = latent.identity.astype(np.float32)
    smooth = smoothness(model)
    outer = model.triangles[~in_regions(model, *_RIGID_REGIONS, optional=True)]
    for _ in range(_ROUNDS):
        rig = personalized_rig(model, identity, offsets.astype(np.float32))
        posed = pose_vertices(rig, latent.pose(model))
        pulls = pair_outlines(observations, latent, posed, outer)
        rows = [
            block
            for camera, each, pull in zip(placed(observations, latent.camera), observations, pulls, strict=True)
            for block in _rows(model, camera, posed, each, pull)
        ]
        if pairing is not None and on_surface is not None:
            near = pairing.pull(latent.camera, posed, model.triangles, on_surface, SURFACE_REACH)
            rows.append(surface_rows(latent.camera, posed, near, SURFACE_PIVOT_METRES))
        offsets = offsets + _solve(rows, smooth, offsets)
    return move_rigid(model, neutral_vertices(model, identity), offsets).astype(np.float32)


def smoothness(model: HasRegions) -> scipy.sparse.csr_array:
    """Normal matrix of the priors on the offsets of one coordinate."""
    count = len(model.vertices)
    rough = laplacian(model.triangles, count) / ROUGHNESS_METRES
    return (rough.T @ rough + scipy.sparse.eye_array(count) / OFFSET_METRES**2).tocsr()


def _rows(
    model: FaceModel, camera: Camera, posed: Float32[np.ndarray, "v 3"], observation: Observation, pull: OutlinePull
) -> Iterator[Block]:
    """What one observation asks for."""
    sigma = PIVOT_SIGMA * camera.width
    if observation.landmarks is not None:
        yield landmark_rows(camera, _points(model), model.triangles, posed, observation.landmarks, sigma)
    if observation.landmarks is not None and observation.depths is not None:
        yield _depth_rows(model, camera, posed, observation, observation.depths)
    yield outline_rows(camera, posed, pull, sigma)


def _solve(
    rows: list[Block], smooth: scipy.sparse.csr_array, offsets: Float64[np.ndarray, "v 3"]
) -> Float64[np.ndarray, "v 3"]:
    """One Gauss-Newton step."""
    jacobian = scipy.sparse.vstack([jacobian for jacobian, _ in rows]).tocsr()
    residual = np.concatenate([residual for _, residual in rows])
    return solve_offsets(jacobian.T @ jacobian, -(jacobian.T @ residual), smooth, offsets)


def solve_offsets(
    matrix: scipy.sparse.sparray,
    right: Float64[np.ndarray, " n"],
    smooth: scipy.sparse.csr_array,
    offsets: Float64[np.ndarray, "v 3"],
) -> Float64[np.ndarray, "v 3"]:
    """The step of the offsets [3 v] that normal equations ask for under the priors, metres."""
    prior = scipy.sparse.kron(smooth, scipy.sparse.eye_array(3), format="csr")
    normal = (matrix + prior).tocsc()
    right = right - prior @ offsets.ravel()
    factors = scipy.sparse.linalg.splu(
        normal, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
    )
    return np.asarray(factors.solve(right)).reshape(-1, 3)


def _depth_rows(
    model: FaceModel, camera: Camera, posed: np.ndarray, observation: Observation, depths: Float64[np.ndarray, " n"]
) -> Block:
    """What is left of the depths' errors when they are shifted and tilted to fit best."""
    points, corners, world = _landmarks(model, posed)
    seen = transform_points(camera.camera_from_world, world)[:, 2]
    trust, basis = depth_trust(observation, points.validity.astype(np.float64))
    scale = camera.fx / seen.mean()
    error = (scale * seen - depths) * trust
    slopes = (scale * trust)[:, None, None] * camera.camera_from_world[2, :3]
    return by_vertices(slopes, points.barycentrics, corners, len(posed)), error - basis @ (basis.T @ error)


def _landmarks(model: FaceModel, posed: np.ndarray) -> tuple[SurfacePoints, np.ndarray, Float64[np.ndarray, "n 3"]]:
    """The 478, the vertices around each [n, 3], and where they are."""
    points = _points(model)
    corners = model.triangles[points.triangles]
    return points, corners, np.einsum("nc,ncx->nx", points.barycentrics, posed[corners]).astype(np.float64)


def _points(model: FaceModel) -> SurfacePoints:
    if model.landmarks_478 is None:
        raise ValueError("model must know where the 478 landmarks lie, got landmarks_478=None")
    return model.landmarks_478


def move_rigid(model: HasRegions, neutral: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Eyes, teeth and tongue move as a whole: by the mean offset of the skin around them."""
    carried = offsets.copy()
    around = vertices_in_regions(model, *_AROUND_RIGID, optional=True)
    skin = np.flatnonzero(around if around.any() else ~vertices_in_regions(model, *_RIGID_REGIONS, optional=True))
    for part in _parts(model):
        centre = neutral[part].mean(0)
        nearest = skin[np.argsort(((neutral[skin] - centre) ** 2).sum(1))[:_CARRIERS]]
        carried[part] = offsets[nearest].mean(0)
    return carried


def _parts(model: HasRegions) -> list[np.ndarray]:
    """The vertices of each connected rigid part."""
    triangles = model.triangles[in_regions(model, *_RIGID_REGIONS, optional=True)]
    labels = parts(triangles, len(model.vertices))
    used = np.unique(triangles)
    return [used[labels[used] == label] for label in np.unique(labels[used])]
