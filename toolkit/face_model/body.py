"""What hangs below the default head's mesh: the body of MakeHuman's base mesh, and the ring of vertices around the base of its neck."""

import numpy as np
from jaxtyping import Float64, Int32, Int64

from facecraft4d.toolkit.face_model.makehuman import BaseMesh
from facecraft4d.toolkit.face_model.mesh_cut import CutMesh, edge_loop
from facecraft4d.toolkit.face_model.model import Body

RING = (858, 7709)
"""Vertex of the base mesh hm08 on the middle line behind and its neighbour towards the subject's left: from there the loop of edges runs
around the base of the neck, over the seventh vertebra, the trapezius and the pit of the throat."""
BODY_HALF_WIDTH, BODY_LOWEST = 0.26, -0.36
"""Metres from the middle, and below the ears, up to which the body is kept: the bust ends well within them on any person."""
OF_THE_HEAD = 0.5
"""Share of the head's turn from which a part of the body is head and no neck."""


def ring_vertices(base: BaseMesh, mesh: CutMesh) -> Int32[np.ndarray, " n"]:
    """The head mesh's vertices along the ring, in order, starting in the middle behind and running to the subject's left."""
    whole = mesh.ends[:, 0] == mesh.ends[:, 1]
    place = dict(zip(mesh.ends[whole, 0].tolist(), np.flatnonzero(whole).tolist(), strict=True))
    return np.array([place[vertex] for vertex in edge_loop(base.quads["body"], *RING).tolist()], np.int32)


def body(
    base: BaseMesh,
    person: Float64[np.ndarray, "v 3"],
    deltas: Float64[np.ndarray, "i v 3"],
    root: Float64[np.ndarray, " v"],
) -> Body:
    """Neck, shoulders, chest and back of the mean `person` (metres, world frame); `root` is 1 where the body stays when the head turns."""
    quads = base.quads["body"]
    center = person[quads].mean(1)
    kept = quads[
        (np.abs(center[:, 0]) < BODY_HALF_WIDTH) & (center[:, 1] > BODY_LOWEST) & (root[quads].mean(1) > OF_THE_HEAD)
    ]
    used, compact = np.unique(kept, return_inverse=True)
    corners: Int64[np.ndarray, "q 4"] = compact.reshape(-1, 4)
    triangles = np.concatenate([corners[:, [0, 1, 2]], corners[:, [2, 3, 0]]])
    return Body(person[used].astype(np.float32), triangles.astype(np.int32), deltas[:, used].astype(np.float32))
