"""Lines on the CC0 head, as loops of edges on another mesh."""

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph
import scipy.spatial
from jaxtyping import Float, Float64, Int

from facecraft4d.toolkit.face_model.adopted.registration import Registered
from facecraft4d.toolkit.face_model.lids import lid_edges as edges_of_lids
from facecraft4d.toolkit.face_model.model import personalized_rig
from facecraft4d.toolkit.meshes.graph import unique_edges

STOPS = 8
"""Places on a line that its loop goes by."""
FINE = 10
"""Points on each piece of a line that distances are measured to."""


def loop_along(
    vertices: Float[np.ndarray, "v 3"],
    triangles: Int[np.ndarray, "f 3"],
    line: Float64[np.ndarray, "n 3"],
    beside: float,
) -> Int[np.ndarray, " m"]:
    """The vertices of the loop of edges that runs nearest along a closed line, in its order, from about its first point on. At `beside` metres
    from it an edge costs twice its length.
    """
    edges = unique_edges(triangles)
    share = np.linspace(0, 1, FINE, endpoint=False)[:, None, None]
    points = ((1 - share) * line + share * np.roll(line, -1, 0)).reshape(-1, 3)
    away = scipy.spatial.cKDTree(points).query(vertices)[0]
    lengths = np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1)
    costs = lengths * (1 + (away[edges] ** 2).mean(1) / beside**2)
    graph = scipy.sparse.coo_array((costs, tuple(edges.T)), (len(vertices), len(vertices))).tocsr()
    used = np.unique(edges)
    marks = line[np.linspace(0, len(line), STOPS, endpoint=False).astype(int)]
    stops = used[scipy.spatial.cKDTree(vertices[used]).query(marks)[1]]
    ways = [_way(graph, *ends)[:-1] for ends in zip(stops.tolist(), np.roll(stops, -1).tolist(), strict=True)]
    return np.concatenate(ways)


def _way(graph: scipy.sparse.csr_array, first: int, last: int) -> Int[np.ndarray, " n"]:
    """The vertices of the cheapest way."""
    _, before = scipy.sparse.csgraph.dijkstra(graph, directed=False, indices=first, return_predecessors=True)
    way = [last]
    while way[-1] != first:
        way.append(int(before[way[-1]]))
    return np.array(way[::-1], np.int64)


def lid_edges(on: Registered) -> tuple[Float64[np.ndarray, "n 3"], ...]:
    """Around the opening of the left and of the right eye, the line on which the CC0 head's lashes grow, in the other head's shape."""
    rig = personalized_rig(on.head)
    lines = []
    for edge, upper in edges_of_lids(rig):
        lower = edge[~np.isin(edge, upper)]
        lines.append(on.vertices[np.append(upper, lower[::-1])])
    return tuple(lines)
