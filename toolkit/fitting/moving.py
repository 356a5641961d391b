"""The pose of a figure at one time step, from any number of pictures by known cameras: damped Gauss-Newton on all terms at once.

Terms: landmarks by visibility (nose and irises heavier), colours of what is visible, outlines, priors, nearness to the neighbours in time.
Visibility and pairs of outlines are found anew every few iterations; views are shared between threads.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float32, Float64

from facecraft4d.toolkit.core.datatypes import Camera, Pose
from facecraft4d.toolkit.core.geometry import camera_center, normalized, vertex_normals
from facecraft4d.toolkit.face_model.model import SurfacePoints
from facecraft4d.toolkit.fitting.bounded import bounded_step
from facecraft4d.toolkit.fitting.colour import (
    Picture,
    Samples,
    colour_rows,
    picture_of,
    visible_samples,
)
from facecraft4d.toolkit.fitting.expected import Moment, Normal, add_priors
from facecraft4d.toolkit.fitting.figure import (
    MOST_RADIANS,
    TURNS,
    Figure,
    Posed,
    free_axes,
    moved,
    posed_with_slopes,
)
from facecraft4d.toolkit.fitting.observation import Observation
from facecraft4d.toolkit.fitting.outlines import NO_PULL, OutlinePull, pair_outline
from facecraft4d.toolkit.fitting.rows import Block, landmark_rows, outline_rows
from facecraft4d.toolkit.fitting.skin import Skin
from facecraft4d.toolkit.landmarks.points import IRISES, NOSE
from facecraft4d.toolkit.meshes.raster import rasterize

SETTLED = 0.002
"""A fit has converged where a step that helps leaves the error, priors included, less by no more than this part."""
REDRAWN = 3
"""Visibility and outlines are found anew after so many iterations."""
HEAVIER = 3.0
"""How much more a landmark of nose or irises counts."""
LEAST_FRONTAL = 0.3
"""Seen from beside, landmarks are worth the square of the cosine between the camera and the face, but at least of this."""
LONGEST_STEP = 0.4
"""The most that an unknown moves in an iteration."""
DAMPING, DAMPED_MORE, DAMPED_LESS, MOST_DAMPING = 1e-3, 10.0, 0.3, 10.0
"""What the diagonal of the normal matrix grows by (Levenberg and Marquardt), factors after a step that hurts and one that helps, and where it ends."""
WORSE = 1.001
"""Factor on the error up to which a step does not hurt: redrawing alone changes that much."""
AS_MANY = 4
"""Pictures of one moment count together as this many at most: what is wrong of the figure is wrong in all of them (docs/tracking.md)."""


@dataclass(frozen=True, slots=True)
class Trust:
    """How much the terms count beside the priors; all pixels of a face go wrong together, so each counts little."""

    landmarks: float = 0.05
    colours: float = 0.2
    outlines: float = 0.02
    stride: int = 3
    """Every so-manieth visible pixel is looked at."""

    def among(self, pictures: int) -> "Trust":
        """What each of so many pictures of one moment counts."""
        share = min(1.0, AS_MANY / pictures)
        return Trust(share * self.landmarks, share * self.colours, share * self.outlines, self.stride)


@dataclass(slots=True)
class Looked:
    """One picture in the course of a fit."""

    view: int
    """Of which camera."""
    observation: Observation
    picture: Picture
    samples: Samples | None = None
    pull: OutlinePull = field(default=NO_PULL)


def fit_moment_pose(
    figure: Figure,
    skin: Skin,
    moment: Moment,
    pose: Pose,
    trust: Trust,
    iterations: int,
    blur: float,
    pool: ThreadPoolExecutor,
) -> tuple[Pose, float, int]:
    """At most so many iterations from `pose`, fewer where it has settled. Also the mean robust error of colour, and the iterations taken."""
    views, trust = begin(moment, blur), trust.among(len(moment.observations))
    best, found, damping, taken = pose, None, DAMPING, 0
    for taken in range(1, iterations + 1):
        posed = posed_with_slopes(figure, pose)
        if taken % REDRAWN == 1:
            redraw(figure, skin, views, posed, trust, pool)
        normal = evidence(figure, skin, views, posed, posed.by_pose, trust, pool)
        add_priors(figure, moment, pose, normal)
        if found is None or normal.error < WORSE * found.error:
            settled = found is not None and normal.error > (1 - SETTLED) * found.error
            best, found, damping = pose, normal, damping * DAMPED_LESS
            if settled:
                break
        else:
            damping *= DAMPED_MORE
            if damping > MOST_DAMPING:
                break
        pose = moved(figure.rig, best, solved(figure, best, found, damping))
    return best, 0.0 if found is None else found.mean_colour, taken


def begin(moment: Moment, blur: float) -> list[Looked]:
    """The pictures of a moment, smoothed by `blur` pixels."""
    return [
        Looked(view, each, picture_of(each.camera, each.image, each.segments.matte, blur))
        for view, each in enumerate(moment.observations)
    ]


def redraw(
    figure: Figure, skin: Skin, views: list[Looked], posed: Posed, trust: Trust, pool: ThreadPoolExecutor
) -> None:
    """Find anew what each picture shows of the figure."""
    rig = figure.rig

    def look(view: Looked) -> None:
        camera = view.observation.camera
        fragments = rasterize(camera, posed.vertices, rig.triangles, cull_backfaces=True)
        seen = fragments, camera, posed.vertices, rig.triangles
        view.samples = visible_samples(*seen, skin.wanted, skin.pieces, trust.stride)
        if trust.outlines:
            view.pull = pair_outline(fragments, camera, posed.vertices, rig.triangles, view.observation)

    list(pool.map(look, views))


def evidence(
    figure: Figure,
    skin: Skin,
    views: list[Looked],
    posed: Posed,
    slopes: Float32[np.ndarray, "v 3 n"],
    trust: Trust,
    pool: ThreadPoolExecutor,
) -> Normal:
    """Normal equations of what the pictures say; `slopes` are how the posed vertices follow what is sought."""
    count = slopes.shape[-1]
    columns = slopes.reshape(-1, count)
    normals = vertex_normals(posed.vertices, figure.rig.triangles)
    sides = figure.rig.triangles[figure.landmarks.triangles]

    def look(view: Looked) -> Normal:
        total = Normal(np.zeros((count, count)), np.zeros(count))
        for weight, (rows, residual), counted in _rows(figure, skin, view, posed, normals, sides, trust):
            jacobian = rows.astype(np.float32) @ columns
            total.matrix += weight * (jacobian.T @ jacobian)
            total.right -= weight * (jacobian.T @ residual.astype(np.float32))
            square = weight * float(residual.astype(np.float64) @ residual)
            if counted:
                total.colour, total.counted = total.colour + square, total.counted + counted
            else:
                total.other += square
        return total

    parts = list(pool.map(look, views))
    for part in parts[1:]:
        parts[0].add(part)
    return parts[0]


def all_rows(
    figure: Figure, skin: Skin, views: list[Looked], posed: Posed, trust: Trust
) -> Iterator[tuple[float, Block]]:
    """What all pictures ask of the posed vertices, each block with what it counts."""
    normals = vertex_normals(posed.vertices, figure.rig.triangles)
    sides = figure.rig.triangles[figure.landmarks.triangles]
    for view in views:
        for weight, block, _ in _rows(figure, skin, view, posed, normals, sides, trust):
            yield weight, block


def _rows(
    figure: Figure, skin: Skin, view: Looked, posed: Posed, normals: np.ndarray, sides: np.ndarray, trust: Trust
) -> Iterator[tuple[float, Block, float]]:
    """Weight, rows and, of colours, the weight of all samples."""
    seen, triangles = view.observation, figure.rig.triangles
    if seen.landmarks is not None and trust.landmarks:
        points = visible_points(figure.landmarks, sides, posed.vertices, normals, seen.camera)
        sigma = seen.sigma / frontal(seen.camera) ** 2
        yield trust.landmarks, landmark_rows(seen.camera, points, triangles, posed.vertices, seen.landmarks, sigma), 0.0
    if view.samples is not None and trust.colours and len(view.samples.triangle):
        expected = skin.expected(view.samples, figure, normals, view.view)
        block = colour_rows(view.picture, posed.vertices, triangles, view.samples, expected, float(trust.stride))
        yield trust.colours, block, trust.colours * trust.stride * float(view.samples.cosine.sum())
    if len(view.pull.vertices):
        yield trust.outlines, outline_rows(seen.camera, posed.vertices, view.pull, seen.sigma), 0.0


def visible_points(
    points: SurfacePoints, corners: np.ndarray, posed: Float64[np.ndarray, "v 3"], normals: np.ndarray, camera: Camera
) -> SurfacePoints:
    """The landmarks, each as valid as it faces the camera, nose and irises heavier."""
    world = np.einsum("nc,ncx->nx", points.barycentrics, posed[corners])
    facing = (normals[corners].mean(1) * normalized(camera_center(camera) - world)).sum(-1)
    heavier = np.ones(len(facing))
    heavier[[*NOSE, *IRISES[0], *IRISES[1]]] = HEAVIER
    return replace(points, validity=(points.validity * np.clip(facing, 0, 1) * heavier).astype(np.float32))


def frontal(camera: Camera) -> float:
    """Cosine between the camera's direction and the way the world's faces look, at least `LEAST_FRONTAL`."""
    return max(LEAST_FRONTAL, float(normalized(camera_center(camera))[2]))


def solved(figure: Figure, pose: Pose, normal: Normal, damping: float) -> Float64[np.ndarray, " n"]:
    """The step of a pose's unknowns, within their bounds."""
    count = len(pose.expression)
    size = count + TURNS + 3
    matrix, right = normal.matrix[:size, :size].copy(), normal.right[:size]
    matrix[np.diag_indices(size)] *= 1 + damping
    low, high = np.full(size, -LONGEST_STEP), np.full(size, LONGEST_STEP)
    weights = pose.expression.astype(np.float64)
    low[:count], high[:count] = np.maximum(low[:count], -weights), np.minimum(high[:count], 1 - weights)
    names = figure.rig.joint_names
    for index, (joint, axis) in enumerate(free_axes(figure.rig), count):
        most, angle = MOST_RADIANS[names[joint]], float(pose.joint_rotations[joint, axis])
        low[index], high[index] = max(low[index], -most - angle), min(high[index], most - angle)
    return bounded_step(matrix, right, low, high)
