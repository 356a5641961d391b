"""A ball that stands for a head, photographed under a known light."""

from dataclasses import replace

import numpy as np
import scipy.spatial
from jaxtyping import Float

from facecraft4d.toolkit.core.datatypes import Portrait, Rig
from facecraft4d.toolkit.core.geometry import normalized, orbit_camera
from facecraft4d.toolkit.core.pixels import srgb_from_linear
from facecraft4d.toolkit.fitting.observation import Segments
from facecraft4d.toolkit.meshes.raster import interpolate, rasterize
from facecraft4d.toolkit.shape_prior.parametric.assembly import Assembly
from facecraft4d.toolkit.shape_prior.parametric.paint.light import Light
from facecraft4d.toolkit.shape_prior.parametric.paint.texels import ReferenceView, posed_normals, reference_view
from facecraft4d.toolkit.shape_prior.parametric.shells.grid import capsule_grid, sheet_triangles

SIZE = 160


def ball() -> Assembly:
    grid = capsule_grid(np.zeros(3), -0.05, 48, 0.007)
    directions = grid.points(np.full(grid.origins.shape[:2], 0.1)).reshape(-1, 3)
    vertices = np.concatenate([directions, [[0, 0.1, 0], [0, -0.05, 0]]])
    triangles = sheet_triangles(*grid.origins.shape[:2])
    count = len(vertices)
    rig = Rig(
        vertices=vertices.astype(np.float32),
        triangles=triangles,
        expression_names=(),
        expression_deltas=np.zeros((0, count, 3), np.float32),
        joint_names=("root",),
        joint_parents=(-1,),
        joint_positions=np.zeros((1, 3), np.float32),
        skin_weights=np.ones((count, 1), np.float32),
        region_names=("skin",),
        triangle_regions=np.zeros(len(triangles), np.uint8),
    )
    parts = np.zeros(max(count, len(triangles)), np.uint8)
    uvs = np.zeros((len(triangles), 3, 2), np.float32)
    mirror = scipy.spatial.cKDTree(vertices).query(vertices * [-1, 1, 1])[1]
    return Assembly(
        rig,
        rig.vertices,
        uvs,
        parts[: len(triangles)],
        parts[:count],
        mirror.astype(np.int64),
        np.zeros(count, np.float32),
    )


def lit(light: Light, albedo: Float[np.ndarray, "*v 3"]) -> tuple[Assembly, ReferenceView]:
    """The ball with one albedo, or one for each vertex (linear), photographed under a light."""
    solid, camera = ball(), replace(orbit_camera(0.0, 0.0, 1.0, SIZE, np.zeros(3)), fx=600.0, fy=600.0)
    fragments = rasterize(camera, solid.posed, solid.rig.triangles)
    normals = normalized(interpolate(fragments, posed_normals(solid)[solid.rig.triangles])).reshape(-1, 3)
    own = np.broadcast_to(albedo, (len(solid.posed), 3)).astype(np.float32)
    shown = interpolate(fragments, own[solid.rig.triangles]).reshape(-1, 3)
    colors = srgb_from_linear(shown * light.shading(normals)[:, None]).reshape(SIZE, SIZE, 3)
    covered = fragments.covered
    portrait = Portrait(
        image=np.where(covered[..., None], colors, 1).astype(np.float32),
        alpha=covered.astype(np.float32),
        landmarks=np.tile(np.array([[SIZE / 2, SIZE / 2, 0]], np.float32), (478, 1)),
        expression=np.zeros(52, np.float32),
        head_rotation=np.eye(3, dtype=np.float32),
        crop_from_photo=np.eye(3, dtype=np.float32),
    )
    segments = Segments(covered, covered & False, covered & False)
    return solid, reference_view(portrait, segments, camera, solid)
