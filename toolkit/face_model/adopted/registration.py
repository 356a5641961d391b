"""Lays the CC0 head over another head: a similar person first, then Amberg's non-rigid ICP (Amberg et al. 2007)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import scipy.spatial
import trimesh
from jaxtyping import Bool, Float64, Int
from trimesh.registration import nricp_amberg

from facecraft4d.toolkit.core.geometry import vertex_normals
from facecraft4d.toolkit.core.rigging import in_regions
from facecraft4d.toolkit.core.similarity import Similarity, similarity
from facecraft4d.toolkit.core.stages import Progress
from facecraft4d.toolkit.face_model.adopted.surface import Places, places_on
from facecraft4d.toolkit.face_model.model import FaceModel, SurfacePoints, surface_positions
from facecraft4d.toolkit.landmarks.points import IRISES
from facecraft4d.toolkit.meshes.graph import border

STAGE = "face_model"
SHELLS = ("eyes", "teeth", "tongue")
"""Regions of the CC0 head that hang in it, no part of its skin."""
LANDMARK_ERROR = 0.003
"""Metres that a landmark may be off when a person is sought who has them."""
ROUNDS = 5
"""Of finding place and size, then person."""
TRUSTED = 0.5
"""Validity on both heads from which a landmark holds the registration."""
STEPS = ((0.02, 5.0, 0.5), (0.01, 2.0, 0.5), (0.005, 1.0, 0.5), (0.002, 0.5, 0.5), (0.001, 0.2, 0.5))
"""Of stiffness, weight of landmarks, power of the cosine between normals: from stiff to soft."""
BEYOND = 0.006
"""Metres from a triangle at the open edge that are beyond it."""
REACH = 0.03
"""Distance, in parts of the head's size, at which the surfaces are not matched."""
NEIGHBOURS = 8
"""Vertices of the skin that what is behind it follows."""
REPEATS, SETTLED = 3, 1e-3
"""Iterations of a step at most, and the change of the error (parts of the head's size) that ends it."""


@dataclass(frozen=True, slots=True, eq=False)
class Registered:
    """The CC0 head in the shape of another."""

    head: FaceModel
    similarity: Similarity
    person: Float64[np.ndarray, " i"]
    """Weights of the CC0 head's identity that come near the other head."""
    start: Float64[np.ndarray, "v 3"]
    """That person, in place."""
    vertices: Float64[np.ndarray, "v 3"]
    """The CC0 head's vertices on the other head; what its outer skin does not hold moves along with the nearest skin."""
    skin: Int[np.ndarray, "f 3"]
    """The CC0 head's triangles without `SHELLS`."""
    places: Places
    """Where the other head's vertices lie on `skin`; of eyes and other shells this says nothing."""


def registered(
    head: FaceModel, bare: FaceModel, landmarks: SurfacePoints, report: Callable[[Progress], None]
) -> Registered:
    """Lay the CC0 `head` over the skin of `bare`, whose `landmarks` are the 478."""
    if head.landmarks_478 is None:
        raise ValueError("head must know where the 478 landmarks lie, got landmarks_478=None")
    known = head.landmarks_478
    trust = np.minimum(known.validity, landmarks.validity).astype(np.float64)
    trust[[index for iris in IRISES for index in iris]] = 0
    wanted = surface_positions(landmarks, bare.triangles, bare.vertices).astype(np.float64)
    similarity, person, start = _similar_person(head, known, wanted, trust)
    outer = ~in_regions(head, *SHELLS, "mouth_interior") & _within(start, head.triangles, *_skin(bare))
    shown = wanted - surface_positions(known, head.triangles, start.astype(np.float32))
    vertices = _laid(start, head.triangles[outer], *_skin(bare), _pins(head, known, start, shown, trust, outer), report)
    vertices = _along(start, vertices, np.isin(np.arange(len(start)), head.triangles[outer]))
    skin = head.triangles[~in_regions(head, *SHELLS)].astype(np.int64)
    normals = vertex_normals(bare.vertices, bare.triangles)
    return Registered(
        head, similarity, person, start, vertices, skin, places_on(bare.vertices, normals, vertices, skin)
    )


def _similar_person(
    head: FaceModel, known: SurfacePoints, wanted: Float64[np.ndarray, "n 3"], trust: Float64[np.ndarray, " n"]
) -> tuple[Similarity, Float64[np.ndarray, " i"], Float64[np.ndarray, "v 3"]]:
    """The similarity and the person of the CC0 head whose landmarks come nearest, and its vertices."""
    places = Places(known.triangles.astype(np.int64), known.barycentrics.astype(np.float64), np.zeros(len(wanted)))
    rest = places.of(head.vertices, head.triangles)
    directions = places.of(head.identity_deltas, head.triangles)
    whitening, mean = head.identity_whitening.astype(np.float64), head.identity_mean.astype(np.float64)
    root = np.sqrt(trust)[:, None] / LANDMARK_ERROR
    system = (directions * root).reshape(len(mean), -1)
    person = mean.copy()
    for _ in range(ROUNDS):
        place = similarity(rest + np.tensordot(person, directions, 1), wanted, trust)
        goal = (wanted - place.translation) @ place.rotation / place.scale
        right = system @ ((goal - rest) * root).ravel() + whitening.T @ whitening @ mean
        person = np.linalg.solve(system @ system.T + whitening.T @ whitening, right)
    shape = head.vertices + np.tensordot(person, head.identity_deltas.astype(np.float64), 1)
    return place, person, place.points(shape)


def _skin(bare: FaceModel) -> tuple[Float64[np.ndarray, "v 3"], Int[np.ndarray, "f 3"]]:
    """The vertices and triangles of the other head's skin, which is what has no region of its own."""
    used, compact = np.unique(bare.triangles[in_regions(bare, "skin")], return_inverse=True)
    return bare.vertices[used].astype(np.float64), compact.reshape(-1, 3).astype(np.int64)


def _within(
    start: Float64[np.ndarray, "v 3"],
    triangles: Int[np.ndarray, "f 3"],
    target: Float64[np.ndarray, "t 3"],
    target_triangles: Int[np.ndarray, "g 3"],
) -> Bool[np.ndarray, " f"]:
    """Which triangles have something of the target to lie on: those beyond its open edge would crowd on it."""
    found = places_on(start, vertex_normals(start, triangles), target, target_triangles)
    at_edge = np.flatnonzero(np.isin(target_triangles, border(target_triangles)).any(1))
    beyond = np.flatnonzero(np.isin(found.triangles, at_edge) & (found.distances > BEYOND))
    return np.asarray(~np.isin(triangles, beyond).any(1))


def _pins(
    head: FaceModel,
    known: SurfacePoints,
    start: Float64[np.ndarray, "v 3"],
    shown: Float64[np.ndarray, "n 3"],
    trust: Float64[np.ndarray, " n"],
    outer: Bool[np.ndarray, " f"],
) -> tuple[Int[np.ndarray, " p"], Float64[np.ndarray, "p 3"]]:
    """Vertices of the CC0 head nearest to trusted landmarks, and where they go: as far as the landmarks."""
    nearest = head.triangles[known.triangles, known.barycentrics.argmax(1)]
    holding = np.flatnonzero((trust > TRUSTED) & np.isin(nearest, head.triangles[outer]))
    vertices, first = np.unique(nearest[holding], return_index=True)
    return vertices.astype(np.int64), start[vertices] + shown[holding[first]]


def _laid(
    start: Float64[np.ndarray, "v 3"],
    triangles: Int[np.ndarray, "f 3"],
    target: Float64[np.ndarray, "t 3"],
    target_triangles: Int[np.ndarray, "g 3"],
    pins: tuple[Int[np.ndarray, " p"], Float64[np.ndarray, "p 3"]],
    report: Callable[[Progress], None],
) -> Float64[np.ndarray, "v 3"]:
    """`start` with the vertices of `triangles` on the target's surface, in ever softer steps."""
    used, compact = np.unique(triangles, return_inverse=True)
    pinned = np.searchsorted(used, pins[0])
    source = trimesh.Trimesh(start[used], compact.reshape(-1, 3), process=False)
    onto = trimesh.Trimesh(target, target_triangles, process=False)
    laid = start.copy()
    laid[used] = nricp_amberg(source, onto, pinned, pins[1], _told(report), SETTLED, distance_threshold=REACH)  # type: ignore[no-untyped-call]
    return laid


def _told(report: Callable[[Progress], None]) -> Iterator[tuple[float, float, float, int]]:
    """The steps, each told when it begins."""
    for step, values in enumerate(STEPS):
        report(Progress(STAGE, step, len(STEPS), "registration"))
        yield (*values, REPEATS)


def _along(
    start: Float64[np.ndarray, "v 3"], laid: Float64[np.ndarray, "v 3"], held: Bool[np.ndarray, " v"]
) -> Float64[np.ndarray, "v 3"]:
    """What is not `held` moves as the skin nearest to it does on average."""
    moved = laid.copy()
    distances, near = scipy.spatial.cKDTree(start[held]).query(start[~held], NEIGHBOURS)
    shares = 1 / np.maximum(distances, 1e-4) ** 2
    shares /= shares.sum(1, keepdims=True)
    moved[~held] += np.einsum("nk,nkx->nx", shares, (laid - start)[held][near])
    return moved
