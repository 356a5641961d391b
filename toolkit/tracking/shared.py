"""What all time steps share: identity by normal equations of which each step's pose is eliminated, albedo by what pictures show."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import scipy.linalg
from jaxtyping import Float64

from facecraft4d.toolkit.core.datatypes import Pose
from facecraft4d.toolkit.core.geometry import project, vertex_normals
from facecraft4d.toolkit.fitting.bounded import bounded_step
from facecraft4d.toolkit.fitting.colour import Albedo, Samples, texture_coordinates, visible_samples
from facecraft4d.toolkit.fitting.figure import Figure, posed_with_slopes
from facecraft4d.toolkit.fitting.moving import Moment, Trust, add_priors, begin, evidence, redraw
from facecraft4d.toolkit.fitting.observation import Observation, Observations
from facecraft4d.toolkit.fitting.skin import LEAST_ALBEDO, Skin
from facecraft4d.toolkit.meshes.raster import rasterize, sample_texture

PAINT_POWER = 2
"""Of the cosine between surface and line of sight, by which a picture paints."""


class Shared:
    """Sums over the time steps of one epoch."""

    def __init__(self, figure: Figure, offsets: Float64[np.ndarray, "v 3"]) -> None:
        count = len(figure.shape)
        self.matrix, self.right, self.visits = np.zeros((count, count)), np.zeros(count), 0

    def visit(
        self, figure: Figure, skin: Skin, moment: Moment, pose: Pose, trust: Trust, pool: ThreadPoolExecutor
    ) -> None:
        """Take in a time step: what it says of the identity whatever its pose may be (Schur complement)."""
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

    def reshaped(self, figure: Figure, rate: float) -> Figure:
        """The figure after a step of its identity, `rate` of the way."""
        whitening = figure.shape_whitening
        prior = whitening.T @ whitening
        right = self.right - prior @ (figure.shape - figure.shape_mean)
        low, high = (figure.shape_ranges - figure.shape[:, None]).T
        return figure.reshaped(rate * bounded_step(self.matrix + prior, right, low, high))


def paint(
    figure: Figure, skin: Skin, albedo: Albedo, observations: Observations, pose: Pose, pool: ThreadPoolExecutor
) -> None:
    """Let a time step's pictures colour what they see of the figure, under the skin's light."""
    posed = posed_with_slopes(figure, pose).vertices
    normals = vertex_normals(posed, figure.rig.triangles)
    everything = np.ones(len(figure.rig.triangles), bool)

    def look(each: Observation) -> Samples:
        fragments = rasterize(each.camera, posed, figure.rig.triangles, cull_backfaces=True)
        return visible_samples(fragments, each.camera, posed, figure.rig.triangles, everything)

    for each, samples in zip(observations, pool.map(look, observations), strict=True):
        corners = posed[figure.rig.triangles[samples.triangle]]
        pixels, _ = project(each.camera, np.einsum("nc,ncx->nx", samples.barycentrics, corners))
        pictured = np.dstack([each.image, each.segments.matte.astype(np.float32)])
        found = sample_texture(pictured, pixels / (each.camera.width, each.camera.height))
        colours = found[:, :3] / np.maximum(skin.shade(samples, figure, normals), LEAST_ALBEDO)
        weights = samples.cosine**PAINT_POWER * (found[:, 3] > 0.95)
        albedo.add(texture_coordinates(figure.corner_uvs, samples), colours.astype(np.float32), weights)
