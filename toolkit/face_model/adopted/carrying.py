"""What the CC0 head knows of its own mesh, carried over to another: regions, joints, the other side, the neck's base, the body below."""

from dataclasses import replace

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph
import scipy.spatial
from jaxtyping import Float, Float32, Float64, Int, UInt8

from facecraft4d.toolkit.core.geometry import area_vectors, normalized
from facecraft4d.toolkit.core.rigging import in_regions, vertices_in_regions
from facecraft4d.toolkit.face_model.adopted.loops import lid_edges, loop_along
from facecraft4d.toolkit.face_model.adopted.registration import NEIGHBOURS, SHELLS, Registered
from facecraft4d.toolkit.face_model.adopted.surface import places_on
from facecraft4d.toolkit.face_model.lids import MARGIN_RINGS
from facecraft4d.toolkit.face_model.model import Body, FaceModel
from facecraft4d.toolkit.meshes.graph import adjacency

CALMED = 2
"""Times that a triangle takes the region of two of its neighbours."""
ALONG_NECK, ALONG_LIDS = 0.004, 0.001
"""Metres beside the CC0 head's ring, and beside its lids' edges, at which an edge costs twice its length."""
FADES = 0.03
"""Metres from the skin over which the body stops following it."""
SHAPE_ERROR = 0.02
"""Metres of a vertex that are not worth a standard deviation of a person when a shape is expressed as one."""


def regions(bare: FaceModel, on: Registered) -> UInt8[np.ndarray, " f"]:
    """The region, of the CC0 head's, of each triangle; shells keep their own. Lids reach as many rings behind their edge as the CC0 head's."""
    result = _by_place(bare, on)
    names = on.head.region_names
    lids, sockets = names.index("eyelids"), names.index("eye_sockets")
    result[(result == sockets) & in_regions(bare, "skin")] = lids
    skin = bare.triangles[in_regions(bare, "skin")]
    for curve in lid_edges(on):
        inner, rings = _behind(bare, loop_along(bare.vertices, skin, curve, ALONG_LIDS))
        result[inner] = np.where(rings[bare.triangles[inner]].max(1) > MARGIN_RINGS, sockets, lids)
    return result


def _behind(bare: FaceModel, loop: Int[np.ndarray, " n"]) -> tuple[Int[np.ndarray, " i"], Float64[np.ndarray, " v"]]:
    """The triangles within a loop, and how many edges each vertex there is away from it. None within a loop that is an open edge."""
    skin = np.flatnonzero(in_regions(bare, "skin"))
    sides = _split_at(bare.triangles[skin], loop)
    outside = np.bincount(sides).argmax()
    touching = np.unique(sides[np.isin(bare.triangles[skin], loop).any(1)])
    inner = skin[np.isin(sides, touching[touching != outside])]
    graph = adjacency(bare.triangles[inner], len(bare.vertices))
    return inner, np.asarray(
        scipy.sparse.csgraph.dijkstra(graph, indices=loop, min_only=True, unweighted=True), np.float64
    )


def _split_at(triangles: Int[np.ndarray, "f 3"], loop: Int[np.ndarray, " n"]) -> Int[np.ndarray, " f"]:
    """Numbers of the parts into which a loop of edges cuts a mesh."""
    size = int(triangles.max()) + 1
    cut = np.sort(np.stack([loop, np.roll(loop, -1)], 1), 1) @ [size, 1]
    across = _facing(triangles)
    sides = np.sort(np.stack([triangles, np.roll(triangles, -1, 1)], -1), -1) @ [size, 1]
    here, side = np.nonzero(~np.isin(sides, cut))
    links = scipy.sparse.coo_array((np.ones(len(here)), (here, across[here, side])), (len(triangles), len(triangles)))
    return np.asarray(scipy.sparse.csgraph.connected_components(links, directed=False)[1], np.int64)


def _by_place(bare: FaceModel, on: Registered) -> UInt8[np.ndarray, " f"]:
    """The region of the place of each triangle's middle."""
    names = on.head.region_names
    corners = bare.vertices[bare.triangles].astype(np.float64)
    skin = in_regions(on.head, *SHELLS)
    found = places_on(corners.mean(1), normalized(area_vectors(corners)), on.vertices, on.skin)
    result = on.head.triangle_regions[~skin][found.triangles].astype(np.int64)
    own = ~in_regions(bare, "skin")
    result[own] = [names.index(bare.region_names[index]) for index in bare.triangle_regions[own]]
    neighbours = _facing(bare.triangles)
    for _ in range(CALMED):
        around = result[neighbours]
        for first, second in ((0, 1), (1, 2), (0, 2)):
            agreed = (around[:, first] == around[:, second]) & ~own
            result[agreed] = around[agreed, first]
    return np.asarray(result, np.uint8)


def _facing(triangles: Int[np.ndarray, "f 3"]) -> Int[np.ndarray, "f 3"]:
    """The triangle across each edge, itself at an open one."""
    sides = np.sort(np.stack([triangles, np.roll(triangles, -1, 1)], -1), -1).reshape(-1, 2)
    _, edge = np.unique(sides, axis=0, return_inverse=True)
    order = np.argsort(edge, kind="stable")
    other = np.arange(len(edge)) // 3
    pairs = edge[order][:-1] == edge[order][1:]
    a, b = order[:-1][pairs], order[1:][pairs]
    other[a], other[b] = b // 3, a // 3
    return np.asarray(other.reshape(-1, 3))


def knows_joints(bare: FaceModel) -> bool:
    """Whether any skin rides on the root or the jaw: files without joints have all of it on the neck's."""
    return bool(bare.skin_weights[vertices_in_regions(bare, "skin")][:, [0, 2]].any())


def jointed(bare: FaceModel, on: Registered) -> FaceModel:
    """With the CC0 head's skin weights, but for shells, which stay on their joints; and with its joints, found by the vertices nearest to those
    that tell them there."""
    shells = vertices_in_regions(bare, *(name for name in bare.region_names if name not in ("skin", "mouth_interior")))
    weights = np.clip(on.places.of(on.head.skin_weights.astype(np.float64), on.skin), 0, None)
    weights = np.where(shells[:, None], bare.skin_weights, weights / weights.sum(1, keepdims=True))
    regressor = bare.joint_regressor.astype(np.float64)
    nearest = scipy.spatial.cKDTree(bare.vertices).query(on.vertices)[1]
    for joint in range(3):
        regressor[joint] = np.bincount(nearest, on.head.joint_regressor[joint], len(bare.vertices))
    return replace(bare, skin_weights=weights.astype(np.float32), joint_regressor=regressor.astype(np.float32))


def mirrored(bare: FaceModel, vertices: Float32[np.ndarray, "v 3"], on: Registered) -> Int[np.ndarray, " v"]:
    """The vertex on the other side of each of `vertices`, those of `bare` first: for skin, the nearest to where its place lies on the
    other side of the CC0 head; for shells and what came behind `bare`, the nearest to its mirror image.
    """
    across = vertices * np.array([-1, 1, 1], np.float64)
    skin = np.zeros(len(vertices), bool)
    skin[: len(bare.vertices)] = vertices_in_regions(bare, "skin")
    across[skin] = on.places.of(on.vertices[on.head.mirror_vertices], on.skin)[skin[: len(bare.vertices)]]
    added = np.arange(len(vertices)) >= len(bare.vertices)
    twins = np.zeros(len(vertices), np.int64)
    for group in (skin, ~skin & ~added, added):
        members = np.flatnonzero(group)
        if len(members):
            twins[members] = members[scipy.spatial.cKDTree(vertices[members]).query(across[members])[1]]
    return twins.astype(np.int32)


def neck_ring(bare: FaceModel, on: Registered) -> Int[np.ndarray, " n"]:
    """The loop of edges along the CC0 head's ring around the base of the neck, from the middle behind to the subject's left; where the mesh
    ends above it, along the open edge.
    """
    if on.head.neck_ring is None:
        raise ValueError("head must know the ring around its neck, got neck_ring=None")
    curve = on.vertices[on.head.neck_ring]
    return loop_along(bare.vertices, bare.triangles[in_regions(bare, "skin")], curve, ALONG_NECK).astype(np.int32)


def carried_body(bare: FaceModel, on: Registered, ring: Int[np.ndarray, " n"]) -> Body:
    """The body of the person of the CC0 head who is most like each identity of the other, moved to meet its neck."""
    body = on.head.body
    if body is None:
        raise ValueError("head must know the body below it, got body=None")
    skin = vertices_in_regions(bare, "skin")
    own = on.similarity.deltas(on.places.of(on.head.identity_deltas, on.skin))
    below = on.similarity.deltas(body.identity_deltas.astype(np.float64))
    whitening = on.head.identity_whitening.astype(np.float64)
    count = np.sqrt(skin.sum())
    system = own[:, skin].reshape(len(own), -1) / (SHAPE_ERROR * np.sqrt(count))
    normal = system @ system.T + whitening.T @ whitening
    wanted = bare.identity_deltas[:, skin].reshape(len(bare.identity_deltas), -1) / (SHAPE_ERROR * np.sqrt(count))
    weights = np.linalg.solve(normal, system @ wanted.T).T
    below = np.tensordot(weights, below, 1)
    apart = bare.identity_deltas - np.tensordot(weights, own, 1)
    rest = on.similarity.points(body.vertices + np.tensordot(on.person, body.identity_deltas.astype(np.float64), 1))
    laid = (on.vertices - on.start)[None]
    deltas = below + _followed(rest, bare.vertices[skin], apart[:, skin], apart[:, ring].mean(1))
    met = rest + _followed(rest, on.start, laid, laid[:, on.head.neck_ring].mean(1))[0]
    return Body(met.astype(np.float32), body.triangles, deltas.astype(np.float32))


def _followed(
    points: Float64[np.ndarray, "b 3"],
    skin: Float[np.ndarray, "v 3"],
    moved: Float64[np.ndarray, "k v 3"],
    far: Float64[np.ndarray, "k 3"],
) -> Float64[np.ndarray, "k b 3"]:
    """How points move along with the skin near them, and `far` where there is none."""
    distances, near = scipy.spatial.cKDTree(skin).query(points, NEIGHBOURS)
    shares = 1 / np.maximum(distances, 1e-4) ** 2
    shares *= np.exp(-((distances[:, :1] / FADES) ** 2)) / shares.sum(1, keepdims=True)
    followed = np.einsum("bn,kbnx->kbx", shares, moved[:, near])
    return np.asarray(followed + (1 - shares.sum(1))[:, None] * far[:, None])
