"""What all time steps share: identity by normal equations of which each step's pose is eliminated, albedo by what pictures show."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import scipy.linalg
import scipy.sparse
from jaxtyping import Float64

from facecraft4d.toolkit.core.datatypes import Pose
from facecraft4d.toolkit.core.geometry import project, vertex_normals
from facecraft4d.toolkit.fitting.bounded import bounded_step
from facecraft4d.toolkit.fitting.colour import Albedo, Samples, texture_coordinates, visible_samples
from facecraft4d.toolkit.fitting.expected import Moment, add_priors
from facecraft4d.toolkit.fitting.figure import Figure, Posed, posed_with_slopes
from facecraft4d.toolkit.fitting.moving import Looked, Trust, all_rows, begin, evidence, redraw
from facecraft4d.toolkit.fitting.observation import Observation, Observations
from facecraft4d.toolkit.fitting.offsets import move_rigid, smoothness, solve_offsets
from facecraft4d.toolkit.fitting.skin import LEAST_ALBEDO, LIGHT_RIDGE, Skin, basis, plain_light
from facecraft4d.toolkit.meshes.raster import rasterize, sample_texture

PAINT_POWER = 2
"""Of the cosine between surface and line of sight, by which a picture paints."""


ALL_OF_IT = 0.95
"""Matte from which a pixel paints."""
OUTLIER = 0.2
"""Colours that are off by more say nothing of the light."""


class Shared:
    """Sums over the time steps of one epoch: identity and, where `free`, offsets of the vertices."""

    def __init__(self, figure: Figure, free: bool) -> None:
        count, size = len(figure.shape), figure.rig.vertices.size
        self.matrix, self.right, self.visits = np.zeros((count, count)), np.zeros(count), 0
        self.free = free
        self.by_offsets, self.off = scipy.sparse.csr_array((size, size)), np.zeros(size)

    def visit(
        self, figure: Figure, skin: Skin, moment: Moment, pose: Pose, trust: Trust, pool: ThreadPoolExecutor
    ) -> None:
        """Take in a time step: what its colours and outlines say of the identity whatever its pose may be (Schur complement), and of the offsets.

        Landmarks are not sure enough for either: the network sees them where they are on most people.
        """
        trust = replace(trust, landmarks=0.0).among(len(moment.observations))
        views = begin(moment, 0.0)
        posed = posed_with_slopes(figure, pose)
        redraw(figure, skin, views, posed, trust, pool)
        slopes = np.concatenate([posed.by_pose, np.matmul(posed.turned, figure.shape_deltas)], -1)
        normal = evidence(figure, skin, views, posed, slopes, trust, pool)
        add_priors(figure, moment, pose, normal)
        size = posed.by_pose.shape[-1]
        across = normal.matrix[size:, :size]
        known = scipy.linalg.solve(
            normal.matrix[:size, :size], np.column_stack([across.T, normal.right[:size]]), assume_a="pos"
        )
        self.matrix += normal.matrix[size:, size:] - across @ known[:, :-1]
        self.right += normal.right[size:] - across @ known[:, -1]
        self.visits += 1
        if self.free:
            self._offsets(figure, skin, views, posed, trust)

    def _offsets(self, figure: Figure, skin: Skin, views: list[Looked], posed: Posed, trust: Trust) -> None:
        """What colours and outlines ask of each vertex."""
        turned = scipy.sparse.block_diag(list(posed.turned.astype(np.float64)), format="csr")
        for weight, (rows, residual) in all_rows(figure, skin, views, posed, trust):
            jacobian = rows @ turned
            self.by_offsets = self.by_offsets + weight * (jacobian.T @ jacobian)
            self.off -= weight * (jacobian.T @ residual)

    def _of_another_identity(self, figure: Figure, rate: float) -> Figure:
        whitening = figure.shape_whitening
        prior = whitening.T @ whitening
        right = self.right / self.visits - prior @ (figure.shape - figure.shape_mean)
        low, high = (figure.shape_ranges - figure.shape[:, None]).T
        return figure.reshaped(rate * bounded_step(self.matrix / self.visits + prior, right, low, high))

    def reshaped(self, figure: Figure, rate: float) -> Figure:
        """The figure after a step of its identity, and of its offsets, `rate` of the way.

        All time steps count as one: what a picture shows otherwise than the figure can, it shows in all of them.
        """
        if len(figure.shape):
            figure = self._of_another_identity(figure, rate)
        if not self.free:
            return figure
        rig = figure.rig
        still = np.zeros(rig.vertices.shape)
        step = move_rigid(
            rig,
            rig.vertices,
            solve_offsets(self.by_offsets / self.visits, self.off / self.visits, smoothness(rig), still),
        )
        return replace(figure, rig=replace(rig, vertices=(rig.vertices + rate * step).astype(np.float32)))


class LightSums:
    """Sums over pictures of what they say of the light."""

    def __init__(self) -> None:
        self.matrix, self.right = np.zeros((3, 9, 9)), np.zeros((3, 9))

    def add(self, basis: Float64[np.ndarray, "n 9"], albedo: np.ndarray, found: np.ndarray, trust: np.ndarray) -> None:
        """Colours found at points of a surface whose albedo and normals are known."""
        for channel in range(3):
            lit = basis * albedo[:, channel, None]
            self.matrix[channel] += (lit * trust[:, None]).T @ lit
            self.right[channel] += (lit * trust[:, None]).T @ found[:, channel]

    def light(self, before: Float64[np.ndarray, "9 3"], rate: float) -> Float64[np.ndarray, "9 3"]:
        """`rate` of the way from the light `before` to what explains the colours best, near plain white."""
        after = before.copy()
        for channel in range(3):
            ridge = LIGHT_RIDGE * max(float(self.matrix[channel, 0, 0]), 1e-9) * np.eye(9)
            target = self.right[channel] + ridge @ plain_light()[:, channel]
            after[:, channel] = np.linalg.solve(self.matrix[channel] + ridge, target)
        return np.asarray(before + rate * (after - before))


def paint(
    figure: Figure,
    skin: Skin,
    albedo: Albedo,
    observations: Observations,
    pose: Pose,
    pool: ThreadPoolExecutor,
    light: LightSums | None = None,
) -> None:
    """Let a time step's pictures colour what they see of the figure, under the skin's light, and tell of that light."""
    posed = posed_with_slopes(figure, pose).vertices
    normals = vertex_normals(posed, figure.rig.triangles)
    everything = np.ones(len(figure.rig.triangles), bool)

    def look(each: Observation) -> Samples:
        fragments = rasterize(each.camera, posed, figure.rig.triangles, cull_backfaces=True)
        return visible_samples(fragments, each.camera, posed, figure.rig.triangles, everything, skin.pieces)

    for each, samples in zip(observations, pool.map(look, observations), strict=True):
        corners = posed[figure.rig.triangles[samples.triangle]]
        pixels, _ = project(each.camera, np.einsum("nc,ncx->nx", samples.barycentrics, corners))
        pictured = np.dstack([each.image, each.segments.matte.astype(np.float32)])
        found = sample_texture(pictured, pixels / (each.camera.width, each.camera.height))
        colours = found[:, :3] / np.maximum(skin.shade(samples, figure, normals), LEAST_ALBEDO)
        weights = samples.cosine**PAINT_POWER * (found[:, 3] > ALL_OF_IT)
        uv = texture_coordinates(figure.corner_uvs, samples)
        albedo.add(uv, colours.astype(np.float32), weights)
        if light is not None:
            shown = sample_texture(skin.shown, uv)
            off = np.abs(found[:, :3] - shown * skin.shade(samples, figure, normals)).max(1)
            light.add(basis(samples, figure, normals), shown, found[:, :3], weights * (off < OUTLIER))
