"""What depth maps say of a head: points on its surface, and which of them the skin of a model must lie on, or must not lie outside of.

Vertices are paired with the nearest points that face the same way and pulled along these points' normals alone (Chen and Medioni 1992).
Skin lies on what is skin, from either side; below hair and clothes it may lie as deep as it likes.
"""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
import scipy.spatial
from jaxtyping import Bool, Float, Float64, Int64

from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.core.geometry import (
    camera_center,
    normalized,
    pixel_centers,
    transform_points,
    unproject,
    vertex_normals,
)
from facecraft4d.toolkit.fitting.observation import Observation, Observations

SPACING_METRES = 0.002
"""Between the points of a cloud: finer than the vertices of any face model that is fitted to it."""
SQUARE = 0.35
"""Least cosine between a surface and the line of sight to it from which a depth map tells where it lies."""
RIM_PIXELS = 2
"""Pixels within the matte's border in which depths of head and background are mixed."""
STEEP_METRES = 0.01
"""Step between the depths of neighbours from which they belong to two surfaces."""
SAME_WAY = 0.5
"""Least cosine between the normals of a vertex and of a point that may be the same place."""
CANDIDATES = 6
"""Nearest points of which the first that faces the same way is taken."""


@dataclass(frozen=True, slots=True, eq=False)
class Cloud:
    """Points on the surface that depth maps show, in the frame of the first observation's camera, metres."""

    points: Float64[np.ndarray, "n 3"]
    normals: Float64[np.ndarray, "n 3"]
    """Unit, outward."""
    skin: Bool[np.ndarray, " n"]
    """Whether it is skin; else hair or clothes, which skin lies below."""


@dataclass(frozen=True, slots=True, eq=False)
class SurfacePull:
    """Vertices that should lie on planes, given in the frame of the first observation's camera."""

    vertices: Int64[np.ndarray, " n"]
    points: Float64[np.ndarray, "n 3"]
    normals: Float64[np.ndarray, "n 3"]


NO_SURFACE = SurfacePull(np.zeros(0, np.int64), np.zeros((0, 3)), np.zeros((0, 3)))


def cloud_of(observations: Observations) -> Cloud:
    """The points of all depth maps, thinned to one, the most squarely seen, in each cube of `SPACING_METRES`.

    ValueError if no observation has depths.
    """
    parts = [_points_of(each) for each in observations if each.depth is not None]
    if not parts:
        raise ValueError("observations must have depths to go by, got none")
    points, normals, cosines, skin = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(-cosines, kind="stable")
    cells = np.floor(points[order] / SPACING_METRES).astype(np.int64)
    kept = order[np.sort(np.unique(cells, axis=0, return_index=True)[1])]
    matrix = observations[0].camera.camera_from_world
    return Cloud(transform_points(matrix, points[kept]), normals[kept] @ matrix[:3, :3].T, skin[kept])


def _points_of(observation: Observation) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """World points, normals, cosines to the line of sight, and whether they are skin, of one depth map."""
    if observation.depth is None:
        raise ValueError("observation must have depth, got depth=None")
    depth, camera = observation.depth.astype(np.float64), observation.camera
    inner = scipy.ndimage.binary_erosion(observation.segments.matte & (depth > 0), iterations=RIM_PIXELS)
    high, low = (extreme(depth, 3) for extreme in (scipy.ndimage.maximum_filter, scipy.ndimage.minimum_filter))
    inner &= high - low < STEEP_METRES
    world = unproject(camera, pixel_centers(camera.width, camera.height), depth)
    down, across = np.gradient(world, axis=(0, 1))
    normals = normalized(np.cross(down, across))
    cosine = (normals * normalized(camera_center(camera) - world)).sum(-1)
    shown = inner & (cosine > SQUARE)
    return world[shown], normals[shown], cosine[shown], observation.segments.skin[shown]


class Pairing:
    """A cloud made ready to be asked for what lies near."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self._tree = scipy.spatial.cKDTree(cloud.points)

    def pull(
        self,
        camera: Camera,
        vertices: Float[np.ndarray, "v 3"],
        triangles: np.ndarray,
        wanted: Int64[np.ndarray, " n"],
        reach: float,
    ) -> SurfacePull:
        """What the cloud asks of the `wanted` of posed vertices that `camera`, the first observation's, sees where it stands now.

        Points farther than `reach` metres away, or facing elsewhere, ask nothing; nor do hair and clothes of skin that lies below them.
        """
        if not len(self.cloud.points):
            return NO_SURFACE
        matrix = camera.camera_from_world
        here = transform_points(matrix, vertices[wanted].astype(np.float64))
        facing = vertex_normals(vertices, triangles)[wanted].astype(np.float64) @ matrix[:3, :3].T
        distance, index = self._tree.query(here, CANDIDATES, distance_upper_bound=reach)
        near = np.isfinite(distance)
        index = np.where(near, index, 0)
        same = near & (np.einsum("nkx,nx->nk", self.cloud.normals[index], facing) > SAME_WAY)
        chosen = index[np.arange(len(index)), same.argmax(1)]
        outside = ((here - self.cloud.points[chosen]) * self.cloud.normals[chosen]).sum(-1) > 0
        asked = same.any(1) & (self.cloud.skin[chosen] | outside)
        chosen = chosen[asked]
        return SurfacePull(wanted[asked], self.cloud.points[chosen], self.cloud.normals[chosen])
