"""A photograph under even light."""

from dataclasses import replace

import numpy as np

from facecraft4d.toolkit.core.datatypes import Portrait, Rig
from facecraft4d.toolkit.core.geometry import LUMA, orbit_camera
from facecraft4d.toolkit.core.pixels import srgb_from_linear
from facecraft4d.toolkit.fitting.observation import Segments
from facecraft4d.toolkit.meshes.raster import interpolate, rasterize
from facecraft4d.toolkit.shape_prior.parametric.assembly import Assembly
from facecraft4d.toolkit.shape_prior.parametric.paint.even import evenly_lit
from facecraft4d.toolkit.shape_prior.parametric.paint.light import Light
from facecraft4d.toolkit.shape_prior.parametric.paint.spread import light_of
from facecraft4d.toolkit.shape_prior.parametric.paint.texels import ReferenceView, posed_normals, reference_view
from facecraft4d.toolkit.shape_prior.parametric.shells.grid import capsule_grid, sheet_triangles

SIZE = 160


def _ball() -> Assembly:
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
    return Assembly(rig, rig.vertices, uvs, parts[: len(triangles)], parts[:count], np.arange(count))


def _lit(light: Light, albedo: np.ndarray) -> tuple[Assembly, ReferenceView]:
    """A ball of one albedo, photographed under a light."""
    ball, camera = _ball(), replace(orbit_camera(0.0, 0.0, 1.0, SIZE, np.zeros(3)), fx=600.0, fy=600.0)
    fragments = rasterize(camera, ball.posed, ball.rig.triangles)
    normals = interpolate(fragments, posed_normals(ball)[ball.rig.triangles]).reshape(-1, 3)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    colors = srgb_from_linear(albedo * light.shading(normals)[:, None]).reshape(SIZE, SIZE, 3)
    image = np.where(fragments.covered[..., None], colors, 1).astype(np.float32)
    points = np.tile(np.array([[SIZE / 2, SIZE / 2, 0]], np.float32), (478, 1))
    portrait = Portrait(
        image=image,
        alpha=fragments.covered.astype(np.float32),
        landmarks=points,
        expression=np.zeros(52, np.float32),
        head_rotation=np.eye(3, dtype=np.float32),
        crop_from_photo=np.eye(3, dtype=np.float32),
    )
    nothing = np.zeros((SIZE, SIZE), bool)
    return ball, reference_view(portrait, Segments(fragments.covered, nothing, nothing), camera, ball)


def _evened(ball: Assembly, photo: ReferenceView) -> ReferenceView:
    portrait = evenly_lit(photo.portrait, photo.camera, ball, light_of(ball, photo))
    return reference_view(portrait, photo.segments, photo.camera, ball)


def test_a_known_light_on_a_known_head_is_found_and_taken_off() -> None:
    """What is left is as bright all over; the background stays white."""
    albedo = np.array([0.4, 0.25, 0.2])
    ball, photo = _lit(Light(0.6, np.array([0.3, 0.2, 0.4])), albedo)
    even = _evened(ball, photo)
    inside = photo.rim > 4
    before, after = (view.image[inside] @ LUMA for view in (photo, even))
    assert np.ptp(np.quantile(after, [0.02, 0.98])) < 0.25 * np.ptp(np.quantile(before, [0.02, 0.98]))
    assert (even.portrait.image[photo.portrait.alpha == 0] == 1).all()
    again = light_of(ball, even)
    assert np.linalg.norm(again.lamp) < 0.25 * np.linalg.norm(light_of(ball, photo).lamp)


def test_a_picture_under_even_light_stays_as_it_is() -> None:
    ball, photo = _lit(Light(1.0, np.zeros(3)), np.array([0.4, 0.25, 0.2]))
    even = _evened(ball, photo)
    np.testing.assert_allclose(even.image, photo.image, atol=0.01)
