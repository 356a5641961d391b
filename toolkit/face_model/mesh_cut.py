"""Cuts a quad mesh along the zero set of a field, and triangulates what remains."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int64

SNAP = 0.3
"""A vertex this near to the cut, as a fraction of its edge, moves onto it: no sliver triangles."""


@dataclass(frozen=True, slots=True, eq=False)
class CutMesh:
    """The part of a mesh where the field is positive."""

    ends: Int64[np.ndarray, "p 2"]
    """Each vertex lies on an edge of the old mesh (twice the same vertex: there)."""
    blends: Float64[np.ndarray, " p"]
    """How far along the edge, 0..1."""
    triangles: Int64[np.ndarray, "f 3"]
    corner_uvs: Float64[np.ndarray, "f 3 2"]
    quads: Int64[np.ndarray, " f"]
    """The old quad that each triangle comes from."""

    def interpolate(self, values: Float[np.ndarray, "... v c"]) -> Float64[np.ndarray, "... p c"]:
        """Values of the old vertices, interpolated at the new ones."""
        blends = self.blends[:, None]
        return np.asarray((1 - blends) * values[..., self.ends[:, 0], :] + blends * values[..., self.ends[:, 1], :])


def cut_quads(
    vertices: Float64[np.ndarray, "v 3"],
    quads: Int64[np.ndarray, "q 4"],
    corner_uvs: Float64[np.ndarray, "q 4 2"],
    field: Float64[np.ndarray, " v"],
) -> CutMesh:
    """Keep where `field` is positive. Cuts run along the quads' own edges, so a mirror-symmetric mesh and field stay symmetric."""
    partner, amount = _snapped(quads, field)
    level = np.where(partner >= 0, 0.0, field)
    keep = (level[quads].max(1) > 0) & ((level[quads] >= 0).sum(1) >= 2)
    points: dict[tuple[int, int], int] = {}
    triangles, uvs, origin = [], [], []
    for quad in np.flatnonzero(keep):
        corners = _clip(quads[quad].tolist(), corner_uvs[quad], level)
        for triple in _fan([vertices[key[0]] for key, _ in corners]):
            triangles.append([points.setdefault(corners[c][0], len(points)) for c in triple])
            uvs.append([corners[c][1] for c in triple])
            origin.append(quad)
    ends = np.array(list(points), np.int64)
    blends = np.zeros(len(ends))
    crossing = ends[:, 0] != ends[:, 1]
    first, second = field[ends[crossing]].T
    blends[crossing] = first / (first - second)
    moved = ~crossing & (partner[ends[:, 0]] >= 0)
    blends[moved], ends[moved, 1] = amount[ends[moved, 0]], partner[ends[moved, 0]]
    return CutMesh(ends, blends, np.array(triangles, np.int64), np.array(uvs), np.array(origin, np.int64))


def _snapped(
    quads: Int64[np.ndarray, "q 4"], field: Float64[np.ndarray, " v"]
) -> tuple[Int64[np.ndarray, " v"], Float64[np.ndarray, " v"]]:
    """For each vertex close to the cut: the neighbour towards which it moves (else -1), and how far."""
    edges = np.concatenate([quads[:, [i, (i + 1) % 4]] for i in range(4)])
    edges = np.unique(np.concatenate([edges, edges[:, ::-1]]), axis=0)
    start, end = field[edges].T
    crossing = start * end < 0
    edges, share = edges[crossing], (start / np.where(crossing, start - end, 1))[crossing]
    near = share < SNAP
    order = np.lexsort((share[near],))[::-1]
    partner, amount = np.full(len(field), -1), np.zeros(len(field))
    partner[edges[near][order, 0]], amount[edges[near][order, 0]] = edges[near][order, 1], share[near][order]
    return partner, amount


def _clip(
    quad: list[int], uvs: Float64[np.ndarray, "4 2"], level: Float64[np.ndarray, " v"]
) -> list[tuple[tuple[int, int], Float64[np.ndarray, "2"]]]:
    """The part of one quad with level >= 0: ((edge's ends, low first), texture coordinate) per corner."""
    corners = []
    for i, vertex in enumerate(quad):
        follower = quad[(i + 1) % 4]
        here, there = level[vertex], level[follower]
        if here >= 0:
            corners.append(((vertex, vertex), uvs[i]))
        if here * there < 0:
            share = here / (here - there)
            key = (min(vertex, follower), max(vertex, follower))
            corners.append((key, (1 - share) * uvs[i] + share * uvs[(i + 1) % 4]))
    return corners


def _fan(corners: list[Float64[np.ndarray, "3"]]) -> list[tuple[int, int, int]]:
    """Triangles of a convex polygon; a quad is split along its shorter diagonal."""
    if len(corners) == 4 and np.linalg.norm(corners[0] - corners[2]) > np.linalg.norm(corners[1] - corners[3]):
        return [(1, 2, 3), (1, 3, 0)]
    return [(0, i, i + 1) for i in range(1, len(corners) - 1)]


def edge_loop(quads: Int64[np.ndarray, "q 4"], first: int, second: int) -> Int64[np.ndarray, " n"]:
    """The closed loop of edges that runs straight on over each vertex, from an edge's `first` to its `second` vertex.

    ValueError where it meets a vertex that has not four edges, so that straight on means nothing.
    """
    beside: dict[int, set[int]] = {}
    across: dict[int, list[set[int]]] = {}
    for quad in quads.tolist():
        for i, vertex in enumerate(quad):
            beside.setdefault(vertex, set()).update((quad[i - 1], quad[(i + 1) % 4]))
            across.setdefault(vertex, []).append(set(quad))
    loop = [first, second]
    while True:
        before, here = loop[-2:]
        turns = {other for quad in across[here] if before in quad for other in quad}
        ahead = beside[here] - turns
        if len(beside[here]) != 4 or len(ahead) != 1:
            raise ValueError(f"vertex must have four edges for a loop to run on, got {len(beside[here])} at {here}")
        following = ahead.pop()
        if following == first:
            return np.array(loop, np.int64)
        loop.append(following)
