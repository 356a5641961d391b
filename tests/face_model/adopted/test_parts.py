"""The pieces that adopting a head is made of: places on a surface, rays, loops of edges, charts, rows of teeth."""

from dataclasses import replace

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from facecraft4d.toolkit.core.geometry import vertex_normals
from facecraft4d.toolkit.core.rigging import in_regions
from facecraft4d.toolkit.face_model import FaceModel
from facecraft4d.toolkit.face_model.adopted import _with_given
from facecraft4d.toolkit.face_model.adopted.carrying import _facing, _split_at
from facecraft4d.toolkit.face_model.adopted.charts import lying_flat
from facecraft4d.toolkit.face_model.adopted.expressions import _transferred
from facecraft4d.toolkit.face_model.adopted.loops import loop_along
from facecraft4d.toolkit.face_model.adopted.registration import SHELLS, Registered, Similarity
from facecraft4d.toolkit.face_model.adopted.surface import Places, first_hits, places_on
from facecraft4d.toolkit.face_model.adopted.teeth import _strips
from facecraft4d.toolkit.face_model.model import SurfacePoints
from facecraft4d.toolkit.meshes.graph import directed_edges, open_loops, unique_edges


@pytest.fixture(scope="module")
def ball() -> tuple[np.ndarray, np.ndarray]:
    """A ball of a decimetre."""
    mesh = trimesh.creation.icosphere(3, 0.1)
    return np.asarray(mesh.vertices, np.float64), np.asarray(mesh.faces, np.int64)


def test_points_of_a_surface_lie_where_they_are(ball: tuple[np.ndarray, np.ndarray], rng: np.random.Generator) -> None:
    vertices, triangles = ball
    chosen, shares = rng.integers(len(triangles), size=50), rng.dirichlet([1, 1, 1], 50)
    points = np.einsum("nc,ncx->nx", shares, vertices[triangles[chosen]])
    found = places_on(points, points / 0.1, vertices, triangles)
    np.testing.assert_allclose(found.of(vertices, triangles), points, atol=1e-9)
    np.testing.assert_allclose(found.distances, 0, atol=1e-9)


def test_a_surface_that_faces_the_other_way_is_farther(ball: tuple[np.ndarray, np.ndarray]) -> None:
    """Two shells, a millimetre apart, the inner one turned inside out."""
    vertices, triangles = ball
    both = np.concatenate([vertices, 0.99 * vertices])
    sheets = np.concatenate([triangles, triangles[:, ::-1] + len(vertices)])
    outward = vertex_normals(vertices, triangles).astype(np.float64)
    inner = places_on(0.9901 * vertices, outward, both, sheets)
    assert (inner.triangles < len(triangles)).all()
    assert (places_on(0.9999 * vertices, -outward, both, sheets).triangles >= len(triangles)).all()


def test_rays_meet_the_ball_at_its_radius(ball: tuple[np.ndarray, np.ndarray], rng: np.random.Generator) -> None:
    vertices, triangles = ball
    directions = rng.standard_normal((40, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    hits = first_hits(np.zeros(3), directions, vertices, triangles)
    assert (np.abs(hits.distances - 0.1) < 1e-3).all()
    np.testing.assert_allclose(hits.of(vertices, triangles), directions * hits.distances[:, None], atol=1e-9)
    half = triangles[vertices[triangles][..., 2].mean(1) > 0.01]
    assert np.isinf(first_hits(np.zeros(3), np.array([[0, 0, -1.0]]), vertices, half).distances).all()


def test_a_loop_runs_along_its_line_and_cuts_the_mesh_in_two(ball: tuple[np.ndarray, np.ndarray]) -> None:
    vertices, triangles = ball
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    line = 0.1 * np.stack([np.cos(turn) * 0.9, np.full_like(turn, 0.436), np.sin(turn) * 0.9], -1)
    loop = loop_along(vertices, triangles, line, 0.003)
    edges = {tuple(edge) for edge in unique_edges(triangles).tolist()}
    assert all(tuple(sorted(pair)) in edges for pair in zip(loop.tolist(), np.roll(loop, -1).tolist(), strict=True))
    assert np.abs(vertices[loop, 1] - 0.0436).max() < 0.009
    sides = _split_at(triangles, loop)
    assert set(sides) == {0, 1}
    heights = vertices[triangles].mean(1)[:, 1]
    assert (
        abs(heights[sides == 0].min() - heights[sides == 1].max()) < 0.02
        or abs(heights[sides == 1].min() - heights[sides == 0].max()) < 0.02
    )


def test_triangles_face_their_neighbours(ball: tuple[np.ndarray, np.ndarray]) -> None:
    _, triangles = ball
    across = _facing(triangles)
    for side in range(3):
        shared = np.sort(triangles[:, [side, (side + 1) % 3]], 1)
        other = np.sort(triangles[across[:, side]], 1)
        assert (shared[:, :, None] == other[:, None]).any(2).all()
        assert (across[:, side] != np.arange(len(triangles))).all()
    assert (_facing(triangles[:1]) == 0).all()


def test_open_edges_are_all_found(ball: tuple[np.ndarray, np.ndarray]) -> None:
    vertices, triangles = ball
    band = triangles[np.abs(vertices[triangles].mean(1)[:, 1]) < 0.05]
    loops = open_loops(band)
    assert len(loops) == 2 and sorted(np.sign(vertices[loop, 1].mean()) for loop in loops) == [-1, 1]
    assert open_loops(triangles) == []


def test_a_chart_knows_what_is_turned_over_and_what_is_covered(rng: np.random.Generator) -> None:
    row = np.array([[(0, 0), (1, 0), (0, 1)], [(1, 0), (1, 1), (0, 1)]], np.float64)
    row = np.concatenate([row + np.array([2 * i, 0]) for i in range(4)])
    corners = np.concatenate([row, np.zeros((8, 3, 1))], -1)
    assert lying_flat(row, corners).all()
    over, covered = row.copy(), row.copy()
    over[3] = over[3, ::-1]
    assert lying_flat(over, corners).tolist() == [True] * 3 + [False] + [True] * 4
    covered[5] = covered[2] + 0.01
    assert not lying_flat(covered, corners)[[2, 5]].all() and lying_flat(covered, corners)[[0, 1, 3, 4, 6, 7]].all()


def test_a_row_of_teeth_is_a_sheet_of_84_triangles() -> None:
    strips = _strips(100)
    assert strips.shape == (84, 3) and strips.min() == 100 and strips.max() == 159
    edges = directed_edges(strips)
    assert len(np.unique(edges, axis=0)) == len(edges)  # all triangles run the same way around


def test_expressions_of_the_same_head_elsewhere_are_its_own(model: FaceModel) -> None:
    """Turned, scaled and moved with it: to the last digits, for every triangle turns and stretches as it did."""
    turn = Rotation.from_rotvec([0.2, -0.5, 0.1]).as_matrix()
    elsewhere = Similarity(1.3, turn, np.array([0.1, -0.2, 0.3]))
    few = replace(model, expression_names=model.expression_names[:9], expression_deltas=model.expression_deltas[:9])
    placed, skin = elsewhere.points(few.vertices.astype(np.float64)), model.triangles[~in_regions(model, *SHELLS)]
    nowhere = Places(np.zeros(0, np.int64), np.zeros((0, 3)), np.zeros(0))
    on = Registered(
        few, elsewhere, model.identity_mean.astype(np.float64), placed, placed, skin.astype(np.int64), nowhere
    )
    used = np.unique(skin)
    own = elsewhere.deltas(few.expression_deltas[:, used].astype(np.float64))
    np.testing.assert_allclose(_transferred(on)[:, used], own, atol=1e-9)


def test_given_landmarks_stay_as_given(rng: np.random.Generator) -> None:
    def points(validity: np.ndarray) -> SurfacePoints:
        shares = rng.dirichlet([1, 1, 1], 478).astype(np.float32)
        return SurfacePoints(rng.integers(100, size=478).astype(np.int32), shares, validity.astype(np.float32))

    known = np.arange(478) % 4 == 0
    found, given = points(np.full(478, 0.5)), points(known)
    mixed = _with_given(found, given)
    np.testing.assert_array_equal(mixed.triangles[known], given.triangles[known])
    np.testing.assert_array_equal(mixed.barycentrics[~known], found.barycentrics[~known])
    assert (mixed.validity[known] == 1).all() and (mixed.validity[~known] == 0.5).all()
    assert _with_given(found, None) is found
