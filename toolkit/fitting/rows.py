"""What a picture asks of the vertices that it shows, as rows of a Jacobian by the posed vertices, and residuals in expected errors.

Whoever fits a pose, a shape or free offsets multiplies these rows by how the posed vertices follow what is sought.
"""

import numpy as np
import scipy.sparse
from jaxtyping import Float, Float32, Float64, Int64

from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.core.geometry import project, transform_points
from facecraft4d.toolkit.face_model.model import SurfacePoints
from facecraft4d.toolkit.fitting.outlines import OUTLINE_WEIGHT, OutlinePull
from facecraft4d.toolkit.fitting.surface import SurfacePull

SURFACE_HUBER = 4.0
"""Distances from a surface, in units of the expected one, beyond which they count linearly: glasses stand before the skin."""
LANDMARK_HUBER = 4.0
"""Landmark errors, in units of the expected one, beyond which they count linearly."""

Block = tuple[scipy.sparse.csr_array, np.ndarray]
"""Rows of the Jacobian by the vertices [3 v], and their residuals."""


def landmark_rows(
    camera: Camera,
    points: SurfacePoints,
    triangles: np.ndarray,
    posed: np.ndarray,
    landmarks: Float64[np.ndarray, "n 2"],
    sigma: float,
) -> Block:
    """Distances of surface points in the picture from where they were detected, by their validity."""
    corners = triangles[points.triangles]
    world = np.einsum("nc,ncx->nx", points.barycentrics, posed[corners]).astype(np.float64)
    pixels, _ = project(camera, world)
    error = (pixels - landmarks) / sigma
    length = np.linalg.norm(error, axis=1)
    trust = np.sqrt(points.validity * np.minimum(1, LANDMARK_HUBER / np.maximum(length, 1e-9)))
    slopes = projection_slopes(camera, world) / sigma * trust[:, None, None]
    return by_vertices(slopes, points.barycentrics, corners, len(posed)), (error * trust[:, None]).ravel()


def outline_rows(camera: Camera, posed: np.ndarray, pull: OutlinePull, sigma: float) -> Block:
    """Distances of vertices from the lines that they should lie on."""
    world = posed[pull.vertices].astype(np.float64)
    pixels, _ = project(camera, world)
    residual = ((pixels - pull.targets) * pull.normals).sum(-1) / sigma * OUTLINE_WEIGHT
    values = np.einsum("nix,ni->nx", projection_slopes(camera, world), pull.normals) / sigma * OUTLINE_WEIGHT
    return _of_vertices(values, pull.vertices, len(posed)), residual


def surface_rows(camera: Camera, posed: np.ndarray, pull: SurfacePull, sigma: float) -> Block:
    """Distances of vertices from the planes that they should lie on, which `camera` sees; `sigma` in metres."""
    rotation = camera.camera_from_world[:3, :3]
    here = transform_points(camera.camera_from_world, posed[pull.vertices].astype(np.float64))
    residual = ((here - pull.points) * pull.normals).sum(-1) / sigma
    trust = np.sqrt(np.minimum(1, SURFACE_HUBER / np.maximum(np.abs(residual), 1e-9)))
    return _of_vertices(pull.normals @ rotation * (trust / sigma)[:, None], pull.vertices, len(posed)), residual * trust


def _of_vertices(
    slopes: Float64[np.ndarray, "n 3"], vertices: Int64[np.ndarray, " n"], count: int
) -> scipy.sparse.csr_array:
    """Derivatives by one vertex each as rows of the Jacobian by all `count`."""
    rows = np.repeat(np.arange(len(vertices)), 3)
    columns = (vertices[:, None] * 3 + np.arange(3)).ravel()
    return scipy.sparse.coo_array((slopes.ravel(), (rows, columns)), (len(vertices), 3 * count)).tocsr()


def by_vertices(
    slopes: Float[np.ndarray, "n i 3"], barycentrics: Float32[np.ndarray, "n 3"], corners: np.ndarray, count: int
) -> scipy.sparse.csr_array:
    """Derivatives by points on triangles as derivatives by the `count` vertices."""
    values = np.einsum("nix,nc->nicx", slopes, barycentrics)
    each, size = slopes.shape[:2]
    columns = np.broadcast_to((corners[:, None, :, None] * 3 + np.arange(3)), values.shape).reshape(-1)
    starts = np.arange(0, 9 * each * size + 1, 9)
    return scipy.sparse.csr_array((values.ravel(), columns, starts), (each * size, 3 * count))


def projection_slopes(camera: Camera, world: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 2 3"]:
    """Derivative of pixels by world points."""
    x, y, z = transform_points(camera.camera_from_world, world).T
    zero = np.zeros_like(x)
    by_seen = np.stack(
        [
            np.stack([camera.fx / z, zero, -camera.fx * x / z**2], -1),
            np.stack([zero, camera.fy / z, -camera.fy * y / z**2], -1),
        ],
        1,
    )
    return np.asarray(by_seen @ camera.camera_from_world[:3, :3])
