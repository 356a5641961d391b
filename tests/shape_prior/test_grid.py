"""The grid of rays that shells are measured on."""

import numpy as np

from facecraft4d.toolkit.core.geometry import vertex_normals
from facecraft4d.toolkit.shape_prior.parametric.shells.grid import capsule_grid, outer_radii, sheet_triangles


def test_rays_of_a_grid_are_found_again_and_measure_a_sphere() -> None:
    grid = capsule_grid(np.array([0.0, 0.02, 0.01]), -0.1, 48, 0.01)
    radii = np.random.default_rng(0).uniform(0.05, 0.2, grid.origins.shape[:2])
    rows, columns, found = grid.locate(grid.points(radii).reshape(-1, 3))
    wanted = np.indices(radii.shape).reshape(2, -1)
    np.testing.assert_allclose(rows, wanted[0], atol=1e-6)
    np.testing.assert_allclose((columns - wanted[1] + 1) % 48, 1, atol=1e-6)
    np.testing.assert_allclose(found, radii.ravel(), atol=1e-9)
    dome = capsule_grid(np.zeros(3), -0.001, 48, 0.01)
    triangles = sheet_triangles(*dome.origins.shape[:2])
    points = dome.points(np.full(dome.origins.shape[:2], 0.1))
    ball = np.concatenate([points.reshape(-1, 3), [[0, 0.1, 0]], [[0, -0.1, 0]]])
    upper = outer_radii(dome, ball, triangles)[: len(dome.elevations)]
    np.testing.assert_allclose(upper, 0.1, atol=1e-3)


def test_a_sheet_is_closed_and_faces_outward() -> None:
    grid = capsule_grid(np.zeros(3), -0.08, 32, 0.01)
    points = grid.points(np.full(grid.origins.shape[:2], 0.1))
    vertices = np.concatenate([points.reshape(-1, 3), points[0].mean(0)[None], points[-1].mean(0)[None]])
    triangles = sheet_triangles(*points.shape[:2])
    directed = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    assert {tuple(edge) for edge in directed} == {tuple(edge[::-1]) for edge in directed}
    normals = vertex_normals(vertices, triangles)
    assert ((vertices - [0, -0.03, 0]) * normals).sum(-1).min() > 0
