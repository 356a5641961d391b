"""A triangle mesh as a graph: edges, neighbours, connected parts, open borders, and values spread evenly over it."""

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph
import scipy.sparse.linalg
from jaxtyping import Bool, Float, Float32, Int, Int64

_MEAN_WEIGHT = 1e-7
"""Weight of the mean of all values, beside edges and weights up to 1: it only matters where nothing is known."""


def directed_edges(triangles: Int[np.ndarray, "f 3"]) -> Int[np.ndarray, "e 2"]:
    """The edges as the triangles run along them: first all from corner 0 to 1, then 1 to 2, then 2 to 0."""
    return np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])


def unique_edges(triangles: Int[np.ndarray, "f 3"]) -> Int[np.ndarray, "e 2"]:
    """Every edge once, the lower vertex first, in rising order."""
    return np.unique(np.sort(directed_edges(triangles), 1), axis=0)


def adjacency(triangles: Int[np.ndarray, "f 3"], count: int) -> scipy.sparse.csr_array:
    """1.0 where two of the `count` vertices share an edge [count, count]."""
    edges = directed_edges(triangles)
    edges = np.concatenate([edges, edges[:, ::-1]])
    neighbours = scipy.sparse.coo_array((np.ones(len(edges)), tuple(edges.T)), (count, count)).tocsr()
    neighbours.data[:] = 1
    return neighbours


def laplacian(triangles: Int[np.ndarray, "f 3"], count: int) -> scipy.sparse.csr_array:
    """The umbrella operator [count, count]: value minus the mean of the neighbours; rows of lone vertices are zero."""
    neighbours = adjacency(triangles, count)
    degree = neighbours.sum(1)
    share = scipy.sparse.diags_array(1 / np.maximum(degree, 1)) @ neighbours
    return (scipy.sparse.diags_array((degree > 0).astype(float)) - share).tocsr()


def parts(triangles: Int[np.ndarray, "f 3"], count: int) -> Int[np.ndarray, " v"]:
    """Number of the connected part that each of the `count` vertices belongs to; a lone vertex is a part of its own."""
    pairs = np.concatenate([triangles[:, :2], triangles[:, 1:]])
    graph = scipy.sparse.coo_array((np.ones(len(pairs)), tuple(pairs.T)), (count, count))
    return np.asarray(scipy.sparse.csgraph.connected_components(graph, directed=False)[1])


def border(triangles: Int[np.ndarray, "f 3"]) -> Int[np.ndarray, " b"]:
    """Vertices on edges that belong to one triangle only, in rising order."""
    pairs, counts = np.unique(np.sort(directed_edges(triangles), 1), axis=0, return_counts=True)
    return np.unique(pairs[counts == 1])


def open_loops(triangles: Int[np.ndarray, "f 3"]) -> list[Int64[np.ndarray, " b"]]:
    """The vertices of each open edge, in order around it."""
    edges = directed_edges(triangles).astype(np.int64)
    size = int(triangles.max()) + 1
    forward, backward = edges @ [size, 1], edges[:, ::-1] @ [size, 1]
    following = dict(edges[~np.isin(forward, backward)].tolist())
    loops: list[list[int]] = []
    while following:
        start, vertex = following.popitem()
        loops.append([start])
        while vertex != start:
            loops[-1].append(vertex)
            vertex = following.pop(vertex)
    return [np.array(loop, np.int64) for loop in loops]


def boundary_loop(triangles: Int[np.ndarray, "f 3"]) -> Int64[np.ndarray, " b"]:
    """The vertices of the longest open edge, in order around it."""
    return max(open_loops(triangles), key=len)


def grown(neighbours: scipy.sparse.csr_array, vertices: Bool[np.ndarray, " v"]) -> Bool[np.ndarray, " v"]:
    """The vertices and their neighbours."""
    return np.asarray(vertices | (neighbours @ vertices.astype(np.float32) > 0))


def harmonic_fill(
    neighbours: scipy.sparse.csr_array,
    values: Float[np.ndarray, "v k"],
    known: Bool[np.ndarray, " v"],
    guess: Float[np.ndarray, "v k"],
    guess_weight: float,
) -> Float32[np.ndarray, "v k"]:
    """`values` where known, elsewhere as even as possible between them (a harmonic function).

    `guess` is the answer for parts without any known vertex; `guess_weight` is its weight beside an edge's.
    """
    degrees = np.asarray(neighbours.sum(1)).ravel()
    stiffness = scipy.sparse.diags_array(degrees + guess_weight) - neighbours
    unknown = np.flatnonzero(~known)
    boundary = neighbours[unknown][:, np.flatnonzero(known)] @ values[known]
    solve = scipy.sparse.linalg.factorized(stiffness[unknown][:, unknown].tocsc())
    result = np.array(values, np.float32)
    right = boundary + guess_weight * guess[unknown]
    result[unknown] = np.stack([solve(np.ascontiguousarray(column, np.float64)) for column in right.T], -1)
    return result


def weighted_fill(
    edges: Int[np.ndarray, "e 2"],
    conductance: Float[np.ndarray, " e"],
    values: Float[np.ndarray, "v k"],
    weights: Float[np.ndarray, " v"],
) -> Float32[np.ndarray, "v k"]:
    """The smoothest values that agree with `values` where `weights` (0..1) say so, as far as they say so.

    Each of the `edges` (every one once) makes its ends alike by its `conductance`. A connected part without any weight takes the mean
    of all weighted values.
    """
    count = len(values)
    graph = scipy.sparse.coo_array((conductance, tuple(edges.T)), (count, count))
    graph = (graph + graph.T).tocsr()
    stiffness = scipy.sparse.diags_array(graph.sum(1)) - graph
    mean = (values * weights[:, None]).sum(0) / max(weights.sum(), 1e-9)
    system = (stiffness + scipy.sparse.diags_array(weights + _MEAN_WEIGHT)).tocsc()
    right = weights[:, None] * values + _MEAN_WEIGHT * mean
    return np.asarray(scipy.sparse.linalg.splu(system).solve(right), np.float32)
