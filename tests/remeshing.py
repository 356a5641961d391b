"""Meshes a surface anew to a wanted count of vertices and triangles: edges collapse and split, then vertices slide along the surface."""

import heapq

import numpy as np

from facecraft4d.toolkit.core.geometry import area_vectors, normalized, vertex_normals
from facecraft4d.toolkit.face_model.adopted.surface import places_on
from facecraft4d.toolkit.meshes.graph import adjacency, border, directed_edges

COARSE = 0.7
"""Share of the vertices down to which edges collapse before others are split: nothing of the old mesh's rows is left then."""
FLATNESS = 0.6
"""Least cosine between the normals of triangles before and after a collapse."""
SLIDES = 4
"""Times that vertices slide towards the middle of their neighbours."""

Mesh = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Vertices, triangles, how much finer than elsewhere the mesh is to be at each vertex."""


def remeshed(
    vertices: np.ndarray, triangles: np.ndarray, fine: np.ndarray, counts: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """The surface `triangles` with exactly `counts` vertices and triangles, its open edges among them."""
    used, compact = np.unique(triangles, return_inverse=True)
    mesh = vertices[used].astype(np.float64), compact.reshape(-1, 3), fine[used]
    mesh = _collapsed(mesh, round(COARSE * counts[0]), False)
    # a split adds a vertex and two triangles, on an open edge one: how many of these there must be follows
    on_edge = 2 * (counts[0] - len(mesh[0])) - (counts[1] - len(mesh[1]))
    if on_edge < 0:
        mesh = _collapsed(mesh, len(mesh[0]) + on_edge, True)
    mesh = _split(mesh, max(on_edge, 0), True)
    mesh = _split(mesh, counts[0] - len(mesh[0]), False)
    points, faces, _ = mesh
    return _slid(points, faces, vertices, triangles), faces


def _lengths(points: np.ndarray, fine: np.ndarray, edges: np.ndarray) -> np.ndarray:
    return np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1) * fine[edges].mean(1)


def _edges(faces: np.ndarray, on_border: bool) -> np.ndarray:
    edges, counts = np.unique(np.sort(directed_edges(faces), 1), axis=0, return_counts=True)
    return edges[(counts == 1) == on_border]


def _split(mesh: Mesh, count: int, on_border: bool) -> Mesh:
    """`count` of the longest edges divided at their middles, a part of them at a time: none twice in one triangle."""
    while count > 0:
        points, faces, fine = mesh
        edges = _edges(faces, on_border)
        edges = edges[np.argsort(-_lengths(points, fine, edges))][: max(1, min(count, len(edges) // 40))]
        sides = np.sort(np.stack([faces, np.roll(faces, -1, 1)], -1), -1)
        number = {tuple(edge): i for i, edge in enumerate(edges.tolist())}
        found = np.array([[number.get(tuple(side), -1) for side in face] for face in sides.tolist()])
        clash = np.where(found >= 0, found, len(edges)).min(1)
        taken = np.isin(
            np.arange(len(edges)), [i for i in range(len(edges)) if (clash[(found == i).any(1)] == i).all()]
        )
        place = np.cumsum(taken) - 1 + len(points)
        hit = (found >= 0) & taken[found]
        rows, side = np.nonzero(hit)
        new = place[found[rows, side]]
        first, second = faces[rows].copy(), faces[rows].copy()
        at = np.arange(len(rows))
        first[at, (side + 1) % 3], second[at, side] = new, new
        edges = edges[taken]
        mesh = (
            np.concatenate([points, points[edges].mean(1)]),
            np.concatenate([faces[~hit.any(1)], first, second]),
            np.concatenate([fine, fine[edges].mean(1)]),
        )
        count -= len(edges)
    return mesh


def _collapsed(mesh: Mesh, count: int, on_border: bool) -> Mesh:
    """The shortest edges drawn to their middles one after another until `count` vertices are left, none that would fold the surface."""
    points, faces, fine = mesh[0].copy(), mesh[1].copy(), mesh[2].copy()
    around: list[set[int]] = [set() for _ in points]
    for index, face in enumerate(faces.tolist()):
        for vertex in face:
            around[vertex].add(index)
    rim = set(border(faces).tolist())
    edges = _edges(faces, on_border)
    heap = list(zip(_lengths(points, fine, edges).tolist(), *edges.T.tolist(), strict=True))
    heapq.heapify(heap)
    left = len(points)

    def neighbours(vertex: int) -> set[int]:
        return set(faces[list(around[vertex])].ravel().tolist()) - {vertex}

    while left > count:
        length, a, b = heapq.heappop(heap)
        shared, both = around[a] & around[b], neighbours(a) & neighbours(b) if around[a] and around[b] else set()
        stale = abs(_lengths(points, fine, np.array([[a, b]]))[0] - length) > 1e-12
        if not shared or stale or len(both) != len(shared) or (not on_border and (a in rim or b in rim)):
            continue
        rest = list((around[a] | around[b]) - shared)
        middle = (points[a] + points[b]) / 2
        before = points[faces[rest]]
        after = np.where(np.isin(faces[rest], [a, b])[..., None], middle, before)
        if (normalized(area_vectors(before)) * normalized(area_vectors(after))).sum(-1).min() < FLATNESS:
            continue
        points[a] = middle
        for index in shared:
            for vertex in faces[index].tolist():
                around[vertex].discard(index)
        for index in around[b]:
            faces[index][faces[index] == b] = a
        around[a] |= around[b]
        around[b] = set()
        left -= 1
        for other in neighbours(a):
            if not on_border or other in rim:
                pair = min(a, other), max(a, other)
                heapq.heappush(heap, (_lengths(points, fine, np.array([pair]))[0], *pair))
    kept = np.array(sorted(set().union(*around)))
    used, compact = np.unique(faces[kept], return_inverse=True)
    return points[used], compact.reshape(-1, 3), fine[used]


def _slid(points: np.ndarray, faces: np.ndarray, vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    neighbours = adjacency(faces, len(points))
    rim = border(faces)
    for _ in range(SLIDES):
        middle = (neighbours @ points) / neighbours.sum(1)[:, None]
        middle[rim] = points[rim]
        wanted = (points + middle) / 2
        places = places_on(wanted, vertex_normals(points, faces), vertices, triangles)
        points = places.of(vertices.astype(np.float64), triangles)
    return points
