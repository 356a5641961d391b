"""The mesh as a graph: what is connected, where it is open, and values that spread evenly."""

import numpy as np
import pytest
from head_cases import ellipsoid_rig

from facecraft4d.toolkit.meshes.graph import (
    adjacency,
    border,
    boundary_loop,
    directed_edges,
    grown,
    harmonic_fill,
    laplacian,
    parts,
    unique_edges,
    weighted_fill,
)


def sheet(rows: int, columns: int) -> np.ndarray:
    """Triangles of a flat grid of vertices, row by row."""
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    return np.concatenate([np.stack([a, c, b], -1), np.stack([b, c, d], -1)]).reshape(-1, 3)


def test_edges_of_a_sheet_are_counted_by_euler() -> None:
    triangles = sheet(4, 5)
    edges = unique_edges(triangles)
    assert 4 * 5 - len(edges) + len(triangles) == 1
    assert (edges[:, 0] < edges[:, 1]).all()
    assert {tuple(sorted(edge)) for edge in directed_edges(triangles).tolist()} == set(map(tuple, edges.tolist()))


def test_adjacency_is_symmetric_and_knows_each_edge_once() -> None:
    triangles = sheet(4, 5)
    neighbours = adjacency(triangles, 21).toarray()
    np.testing.assert_array_equal(neighbours, neighbours.T)
    assert set(np.unique(neighbours)) == {0.0, 1.0} and neighbours.sum() == 2 * len(unique_edges(triangles))
    assert not neighbours[20].any()


def test_the_laplacian_ignores_constants_and_feels_bumps() -> None:
    operator = laplacian(sheet(5, 6), 31)
    np.testing.assert_allclose(operator @ np.ones(31), 0, atol=1e-12)
    bump = np.zeros(31)
    bump[14] = 1
    assert (operator @ bump)[14] == 1
    assert not operator.toarray()[30].any()


def test_parts_are_what_edges_connect() -> None:
    first, second = sheet(3, 3), sheet(2, 4) + 9
    labels = parts(np.concatenate([second, first]), 18)
    assert len(set(labels[:9])) == 1 and len(set(labels[9:17])) == 1 and len(set(labels.tolist())) == 3


def test_the_border_of_a_sheet_goes_around_it() -> None:
    triangles = sheet(4, 5)
    rim = [*range(5), *range(15, 20), 5, 9, 10, 14]
    np.testing.assert_array_equal(border(triangles), np.sort(rim))
    loop = boundary_loop(np.concatenate([triangles, sheet(2, 2) + 20]))
    assert set(loop.tolist()) == set(rim) and len(loop) == len(rim)
    neighbours = adjacency(triangles, 20)
    assert all(neighbours[a, b] == 1 for a, b in zip(loop, np.roll(loop, -1), strict=True))


def test_growing_takes_in_the_neighbours_only() -> None:
    triangles = sheet(5, 5)
    one = np.zeros(25, bool)
    one[12] = True
    assert set(np.flatnonzero(grown(adjacency(triangles, 25), one))) == {12, 7, 17, 11, 13, 8, 16}


def test_a_harmonic_fill_keeps_what_is_known_and_stays_between() -> None:
    rig = ellipsoid_rig()
    rng, count = np.random.default_rng(0), len(rig.vertices)
    neighbours = adjacency(rig.triangles, count)
    known, colors = rng.random(count) < 0.2, rng.random((count, 3))
    filled = harmonic_fill(neighbours, colors, known, np.full((count, 3), 0.5), 1e-3)
    np.testing.assert_allclose(filled[known], colors[known], atol=1e-6)
    assert filled.min() >= colors[known].min() - 1e-6 and filled.max() <= colors[known].max() + 1e-6
    flat = harmonic_fill(neighbours, np.full((count, 3), 0.3), known, np.full((count, 3), 0.3), 1e-3)
    np.testing.assert_allclose(flat, 0.3, atol=1e-6)
    guess = rng.random((count, 3))
    nothing = harmonic_fill(neighbours, colors, known & False, guess, 1e-3)
    np.testing.assert_allclose(nothing.mean(0), guess.mean(0), atol=1e-3)


def test_a_weighted_fill_follows_weights_and_conductances() -> None:
    """On a chain the value between two known ends divides like resistances; a part without weights takes the mean."""
    edges = np.array([[0, 1], [1, 2], [3, 4]])
    values, weights = np.array([[0.0], [9.0], [1.0], [9.0], [9.0]]), np.array([1e6, 0, 1e6, 0, 0])
    filled = weighted_fill(edges, np.array([3.0, 1.0, 1.0]), values, weights)
    assert filled[1, 0] == pytest.approx(0.25, abs=1e-4)
    np.testing.assert_allclose(filled[3:, 0], 0.5, atol=1e-4)
