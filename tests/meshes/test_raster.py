"""Laws of the mesh rasteriser."""

import numpy as np
import pytest

from facecraft4d.toolkit.core.datatypes import Camera, Mesh
from facecraft4d.toolkit.core.geometry import orbit_camera, pixel_centers, project, unproject, vertex_normals
from facecraft4d.toolkit.meshes.raster import draw_mesh, interpolate, rasterize, sample_texture

QUAD = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float32) * 0.05
QUAD_TRIANGLES = np.array([[0, 1, 2], [0, 2, 3]], np.int32)


def sphere(radius: float = 0.1, n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and outward triangles of a latitude-longitude sphere."""
    v, u = np.meshgrid(np.linspace(0, np.pi, n + 1), np.linspace(0, 2 * np.pi, 2 * n, endpoint=False), indexing="ij")
    vertices = radius * np.stack([np.sin(v) * np.sin(u), np.cos(v), np.sin(v) * np.cos(u)], -1)
    a = np.arange((n + 1) * 2 * n).reshape(n + 1, 2 * n)
    b, c, d = a[1:], np.roll(a, -1, 1), np.roll(a, -1, 1)[1:]
    triangles = np.concatenate([np.stack([a[:-1], b, c[:-1]], -1), np.stack([c[:-1], b, d], -1)]).reshape(-1, 3)
    return vertices.reshape(-1, 3).astype(np.float32), triangles.astype(np.int32)


def test_triangles_that_share_edges_neither_leave_holes_nor_overlap() -> None:
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(np.linspace(-1, 1, 9), np.linspace(-1, 1, 9)), -1)
    grid[1:-1, 1:-1] += rng.uniform(-0.08, 0.08, (7, 7, 2))
    vertices = np.concatenate([grid.reshape(-1, 2), np.zeros((81, 1))], -1).astype(np.float32) * 0.06
    i = np.arange(81).reshape(9, 9)[:-1, :-1].ravel()
    triangles = np.concatenate([np.stack([i, i + 1, i + 10], -1), np.stack([i, i + 10, i + 9], -1)]).astype(np.int32)
    camera = orbit_camera(0.0, 0.0, 1.0, 64)
    count = np.sum([rasterize(camera, vertices, triangle[None]).covered for triangle in triangles], axis=0)
    pixels, _ = project(camera, vertices)
    centers = pixel_centers(64, 64)
    inside = np.all((centers > pixels.min(0)) & (centers < pixels.max(0)), -1)
    np.testing.assert_array_equal(count, inside)


def test_an_edge_through_pixel_centres_belongs_to_one_triangle() -> None:
    camera = Camera(np.eye(4), 8.0, 8.0, 4.5, 4.5, 9, 9)
    corners = np.array([[-1, -1, 2], [1, -1, 2], [1, 1, 2], [-1, 1, 2]], np.float32)
    count = np.sum([rasterize(camera, corners, t[None]).covered for t in QUAD_TRIANGLES], axis=0)
    assert count.max() == 1
    assert count.sum() == 8 * 8


@pytest.mark.parametrize("yaw", [0.0, 35.0, -70.0])
def test_attributes_and_depth_are_perspective_correct(yaw: float) -> None:
    camera = orbit_camera(yaw, 20.0, 0.3, 96)
    fragments = rasterize(camera, QUAD * 0.4, QUAD_TRIANGLES)
    covered = fragments.covered
    assert covered.sum() > 200
    world = interpolate(fragments, (QUAD * 0.4)[QUAD_TRIANGLES])[covered]
    ray_points = unproject(camera, pixel_centers(96, 96)[covered], fragments.depth[covered])
    np.testing.assert_allclose(world, ray_points, atol=2e-6)
    np.testing.assert_allclose(ray_points[:, 2], 0, atol=1e-6)
    np.testing.assert_allclose(fragments.barycentrics[covered].sum(-1), 1, atol=1e-6)


def test_depth_of_a_sphere_is_analytic() -> None:
    vertices, triangles = sphere()
    camera = orbit_camera(30.0, -10.0, 1.2, 128)
    fragments = rasterize(camera, vertices, triangles)
    points = unproject(camera, pixel_centers(128, 128)[fragments.covered], fragments.depth[fragments.covered])
    np.testing.assert_allclose(np.linalg.norm(points, axis=-1), 0.1, atol=2e-4)
    assert np.array_equal(fragments.depth, rasterize(camera, vertices, triangles, cull_backfaces=True).depth)
    inside_out = rasterize(camera, vertices, triangles[:, ::-1], cull_backfaces=True)
    assert inside_out.depth[64, 64] > 1.2


def test_rolling_the_camera_by_a_quarter_turn_turns_the_picture() -> None:
    vertices, triangles = sphere(n=20)
    vertices[:, 0] *= 1.4
    camera = orbit_camera(25.0, 10.0, 1.5, 64)
    quarter = np.array([[0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    rolled = Camera(quarter @ camera.camera_from_world, camera.fx, camera.fy, camera.cx, camera.cy, 64, 64)
    depth, turned = (rasterize(c, vertices, triangles).depth for c in (camera, rolled))
    np.testing.assert_allclose(np.rot90(depth, -1), turned, atol=1e-6)


def test_a_plane_through_the_camera_is_clipped_at_near() -> None:
    floor = np.array([[-50, -1, -50], [50, -1, -50], [50, -1, 50], [-50, -1, 50]], np.float32)
    camera = orbit_camera(0.0, 0.0, 1e-3, 64)
    fragments = rasterize(camera, floor, QUAD_TRIANGLES, near=20.0)
    assert not fragments.covered[:32].any()
    assert fragments.depth[fragments.covered].min() >= 20.0
    assert fragments.depth[fragments.covered].max() <= 50.1
    assert not rasterize(camera, floor - np.array([0, 0, -100], np.float32), QUAD_TRIANGLES).covered.any()


def test_texture_samples_are_exact_at_texel_centres_and_linear_between() -> None:
    texture = np.random.default_rng(1).random((5, 7, 3)).astype(np.float32)
    uv = (pixel_centers(7, 5) / [7, 5]).astype(np.float32)
    np.testing.assert_allclose(sample_texture(texture, uv), texture, atol=1e-5)
    between = sample_texture(texture, (uv[:, 1:] + uv[:, :-1]) / 2)
    np.testing.assert_allclose(between, (texture[:, 1:] + texture[:, :-1]) / 2, atol=1e-5)


def test_drawing_antialiases_on_white_and_gives_depth_to_every_touched_pixel() -> None:
    vertices, triangles = sphere()
    mesh = Mesh(vertices, triangles, np.zeros((len(triangles), 3, 2), np.float32), np.zeros((2, 2, 3), np.float32))
    drawing = draw_mesh(mesh, orbit_camera(0.0, 0.0, 1.2, 64), supersample=4)
    np.testing.assert_allclose(drawing.image, 1 - drawing.alpha[..., None].repeat(3, -1), atol=1e-6)
    assert np.array_equal(drawing.depth > 0, drawing.alpha > 0)
    radius = drawing.alpha.sum() / np.pi
    camera = orbit_camera(0.0, 0.0, 1.2, 64)
    assert radius == pytest.approx((camera.fx * 0.1 / np.sqrt(1.2**2 - 0.01)) ** 2, rel=5e-3)


def test_normals_of_a_sphere_point_outward_and_bad_indices_are_refused() -> None:
    vertices, triangles = sphere()
    used = np.abs(vertices[:, 1]) < 0.099
    np.testing.assert_allclose(vertex_normals(vertices, triangles)[used], vertices[used] / 0.1, atol=0.02)
    with pytest.raises(ValueError, match="triangles must index"):
        rasterize(orbit_camera(0.0, 0.0, 1.0, 8), QUAD, np.array([[0, 1, 9]], np.int32))
