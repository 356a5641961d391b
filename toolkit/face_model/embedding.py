"""Finds where the 478 landmarks lie on a head: draws it from many sides, detects, looks up the surface under each point.

Hits of many views and several people meet on the mean head (a hit is a triangle and barycentrics, the same for everyone); their
robust mean is the landmark. Points that the detector lets slide along the outline scatter, and get little validity.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import scipy.spatial
from jaxtyping import Float, Float32, Float64, Int, UInt8

from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.core.geometry import area_vectors, camera_center, normalized, orbit_camera, vertex_normals
from facecraft4d.toolkit.core.rigging import in_regions
from facecraft4d.toolkit.core.stages import Progress
from facecraft4d.toolkit.face_model.depth_bias import Sight, depth_bias
from facecraft4d.toolkit.face_model.model import FaceModel, SurfacePoints, neutral_vertices
from facecraft4d.toolkit.landmarks import FaceLandmarks
from facecraft4d.toolkit.landmarks.points import IBUG_68, IRISES
from facecraft4d.toolkit.meshes.raster import Fragments, interpolate, rasterize

Detector = Callable[[UInt8[np.ndarray, "h w 3"]], FaceLandmarks | None]

YAWS, PITCHES = (-36.0, -24.0, -12.0, 0.0, 12.0, 24.0, 36.0), (-12.0, 0.0, 12.0)
PEOPLE = 4
"""The mean face and this many minus one random ones."""
RADIUS, SIZE = 1.6, 512
"""Distance of the camera in metres; picture in pixels."""
SCATTER = 0.004
"""Scatter of the hits (metres) at which a point's validity falls to exp(-1/2)."""
COLORS = {
    "lips": (0.66, 0.36, 0.34), "eyes": (0.93, 0.92, 0.9), "scalp": (0.24, 0.17, 0.13), "teeth": (0.9, 0.88, 0.82),
    "tongue": (0.6, 0.3, 0.3), "mouth_interior": (0.25, 0.1, 0.1), "eye_sockets": (0.3, 0.15, 0.13),
}  # fmt: skip
INSIDE = ("teeth", "tongue", "mouth_interior", "eye_sockets")
"""Regions that no landmark lies on."""
SKIN = (0.80, 0.63, 0.54)
IRIS_DEGREES, PUPIL_DEGREES = 25.0, 9.0


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """What one view says: the point of the mean head under each landmark, and how much to believe it (0: nothing there)."""

    points: Float64[np.ndarray, "478 3"]
    weights: Float64[np.ndarray, " 478"]
    sight: Sight


def embed_landmarks(
    model: FaceModel, detect: Detector, report: Callable[[Progress], None], people: int = PEOPLE
) -> tuple[SurfacePoints, Float32[np.ndarray, " 478"]]:
    """The 478 landmarks on `model` and the bias of their depths, by drawings of so many `people`. ValueError if the detector does not see the head as a face."""
    directions = _directions(model, detect)
    rng = np.random.default_rng(0)
    spread = model.identity_ranges[:, 1] - model.identity_ranges[:, 0]
    views = list(itertools.product(range(people), YAWS, PITCHES))
    hits = []
    for step, (person, yaw, pitch) in enumerate(views):
        if yaw == YAWS[0] and pitch == PITCHES[0]:
            identity = 0.1 * (person > 0) * spread * rng.standard_normal(len(spread))
            vertices = neutral_vertices(model, identity.astype(np.float32))
        report(Progress("face_model", step, len(views), "landmarks"))
        camera = orbit_camera(yaw, pitch, RADIUS, SIZE)
        found = _hits(model, vertices, camera, detect)
        if found is not None:
            turned_to = np.clip(directions @ normalized(camera_center(camera)), 0, None)
            hits.append(replace(found, weights=found.weights * turned_to**2))
    if len(hits) < len(views) // 2:
        raise ValueError(f"the head must look like a face from most of {len(views)} sides, was found in {len(hits)}")
    points, scatter = _robust_mean(np.stack([h.points for h in hits]), np.stack([h.weights for h in hits]))
    embedded = _onto_surface(model, points, np.exp(-0.5 * (scatter / SCATTER) ** 2))
    return embedded, depth_bias(model, embedded, [each.sight for each in hits])


def landmarks_68(points: SurfacePoints) -> SurfacePoints:
    """iBUG's 68 points from the 478."""
    chosen = list(IBUG_68)
    return SurfacePoints(points.triangles[chosen], points.barycentrics[chosen], points.validity[chosen])


def draw_head(
    model: FaceModel, vertices: Float32[np.ndarray, "v 3"], camera: Camera
) -> tuple[UInt8[np.ndarray, "h w 3"], Fragments]:
    """A plain picture of the head for the detector (matte, painted by region, with irises, lit from above the camera) and what it shows."""
    fragments = rasterize(camera, vertices, model.triangles)
    normals = normalized(interpolate(fragments, vertex_normals(vertices, model.triangles)[model.triangles]))
    light = normalized(camera_center(camera) + np.array([0.0, 0.6, 0.0]))
    shade = 0.35 + 0.65 * np.clip(normals @ light, 0, 1)
    palette = np.array([COLORS.get(name, SKIN) for name in model.region_names])
    image = palette[model.triangle_regions[fragments.triangle]]
    cosine = _gaze_cosine(model, fragments)
    image[cosine > np.cos(np.radians(IRIS_DEGREES))] = 0.3, 0.22, 0.16
    image[cosine > np.cos(np.radians(PUPIL_DEGREES))] = 0.05
    image = np.where(fragments.covered[..., None], image * shade[..., None], 1.0)
    return (image * 255).astype(np.uint8), fragments


def _gaze_cosine(model: FaceModel, fragments: Fragments) -> Float[np.ndarray, "h w"]:
    """At each pixel of an eyeball: cosine of the angle between gaze and the direction from the eye's centre; elsewhere 0."""
    eyes = in_regions(model, "eyes")
    values = np.zeros((len(model.triangles), 3, 3), np.float32)
    corners = model.vertices[model.triangles[eyes]]
    left, right = (model.joint_regressor @ model.vertices)[-2:]
    values[eyes] = corners - np.where(corners[..., :1] > 0, left, right)
    directions = interpolate(fragments, values)
    return np.asarray(normalized(directions)[..., 2])


def _directions(model: FaceModel, detect: Detector) -> Float64[np.ndarray, "478 3"]:
    """Roughly where each landmark faces, as if the face were an upright cylinder. A view from behind it says nothing of it:
    the detector lets hidden points slide along the outline.
    """
    found = detect(draw_head(model, model.vertices, orbit_camera(0.0, 0.0, RADIUS, SIZE))[0])
    if found is None:
        raise ValueError("the head must look like a face from the front, was not found")
    x = found.landmarks[:, 0].astype(np.float64)
    across = 2 * (x - x.min()) / np.ptp(x) - 1
    return np.stack([across, np.zeros(len(x)), np.sqrt(np.clip(1 - across**2, 0, 1))], -1)


def _hits(model: FaceModel, vertices: Float32[np.ndarray, "v 3"], camera: Camera, detect: Detector) -> Hits | None:
    """Detect on a picture of the head and look up what lies under the landmarks; None if no face is found."""
    image, fragments = draw_head(model, vertices, camera)
    found = detect(image)
    if found is None:
        return None
    column, row = np.clip(found.landmarks[:, :2].astype(np.int64), 0, SIZE - 1).T
    triangle, barycentrics = fragments.triangle[row, column], fragments.barycentrics[row, column]
    points = np.einsum("nc,ncx->nx", barycentrics, model.vertices[model.triangles[triangle]].astype(np.float64))
    corners = vertices[model.triangles[triangle]]
    normals = normalized(area_vectors(corners))
    facing = (normals * normalized(camera_center(camera) - corners.mean(1))).sum(1)
    weights = np.where(triangle >= 0, np.clip(facing, 0.05, 1), 0.0)
    return Hits(points, weights, Sight(camera, vertices, found.landmarks))


def _robust_mean(
    points: Float64[np.ndarray, "h n 3"], weights: Float64[np.ndarray, "h n"]
) -> tuple[Float64[np.ndarray, "n 3"], Float64[np.ndarray, " n"]]:
    """Weighted geometric median of each landmark's hits (Weiszfeld 1937), and their weighted median distance from it."""
    mean = np.einsum("hnx,hn->nx", points, weights) / np.maximum(weights.sum(0), 1e-12)[:, None]
    for _ in range(20):
        pull = weights / np.maximum(np.linalg.norm(points - mean, axis=-1), 2e-4)
        mean = np.einsum("hnx,hn->nx", points, pull) / np.maximum(pull.sum(0), 1e-12)[:, None]
    distance = np.linalg.norm(points - mean, axis=-1)
    order = np.argsort(distance, axis=0)
    share = np.take_along_axis(weights, order, 0).cumsum(0) / np.maximum(weights.sum(0), 1e-12)
    median = np.take_along_axis(order, (share >= 0.5).argmax(0)[None], 0)
    scatter = np.take_along_axis(distance, median, 0)[0]
    return mean, np.where(weights.sum(0) > 0, scatter, np.inf)


def _onto_surface(
    model: FaceModel, points: Float64[np.ndarray, "478 3"], validity: Float64[np.ndarray, " 478"]
) -> SurfacePoints:
    """The nearest points of the outer skin, or of the eyeballs for the irises."""
    eyes = in_regions(model, "eyes")
    skin = ~in_regions(model, "eyes", *INSIDE, optional=True)
    iris = np.isin(np.arange(len(points)), IRISES)
    triangles, barycentrics = np.zeros(len(points), np.int32), np.zeros((len(points), 3), np.float32)
    for chosen, allowed in ((iris, np.flatnonzero(eyes)), (~iris, np.flatnonzero(skin))):
        corners = model.vertices[model.triangles[allowed]].astype(np.float64)
        nearest, barycentrics[chosen] = nearest_triangles(points[chosen], corners)
        triangles[chosen] = allowed[nearest]
    return SurfacePoints(triangles, barycentrics, validity.astype(np.float32))


def nearest_triangles(
    points: Float64[np.ndarray, "n 3"], corners: Float64[np.ndarray, "f 3 3"]
) -> tuple[Int[np.ndarray, " n"], Float64[np.ndarray, "n 3"]]:
    """The nearest triangle to each point, and the barycentrics of its closest point.

    Only triangles are looked at whose centres lie near enough: some point of the one with the nearest centre is at that distance at most.
    """
    centres = corners.mean(1)
    reach = np.linalg.norm(corners - centres[:, None], axis=-1).max()
    tree = scipy.spatial.cKDTree(centres)
    near = tree.query_ball_point(points, tree.query(points)[0] + reach, return_sorted=True)
    counts = np.array([len(each) for each in near], np.int64)
    candidates = np.fromiter(itertools.chain.from_iterable(near), np.int64)
    owners = np.repeat(np.arange(len(points)), counts)
    weights, squared = closest_on_triangles(points[owners], corners[candidates])
    best = np.lexsort((squared, owners))[counts.cumsum() - counts]
    return candidates[best], weights[best]


def closest_on_triangles(
    point: Float64[np.ndarray, "3"] | Float64[np.ndarray, "f 3"], corners: Float64[np.ndarray, "f 3 3"]
) -> tuple[Float64[np.ndarray, "f 3"], Float64[np.ndarray, " f"]]:
    """Barycentrics of the closest point of each triangle to the point, or to its own one, and its squared distance."""
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    gram = np.stack([first, second], 1) @ np.stack([first, second], 2)
    seen = np.stack([((point - corners[:, 0]) * edge).sum(1) for edge in (first, second)], -1)
    inner = np.linalg.solve(gram + 1e-18 * np.eye(2), seen[..., None])[..., 0]
    candidates = [np.concatenate([1 - inner.sum(1, keepdims=True), inner], 1)]
    for i, j in ((0, 1), (1, 2), (2, 0)):
        edge = corners[:, j] - corners[:, i]
        along = np.clip(((point - corners[:, i]) * edge).sum(1) / np.maximum((edge * edge).sum(1), 1e-18), 0, 1)
        weights = np.zeros((len(corners), 3))
        weights[:, i], weights[:, j] = 1 - along, along
        candidates.append(weights)
    stacked = np.stack(candidates)
    squared = ((np.einsum("kfc,fcx->kfx", stacked, corners) - point) ** 2).sum(-1)
    squared[0] = np.where((candidates[0] >= 0).all(1), squared[0], np.inf)
    choice = squared.argmin(0)[None]
    return np.take_along_axis(stacked, choice[..., None], 0)[0], np.take_along_axis(squared, choice, 0)[0]
