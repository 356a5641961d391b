"""ARKit's expressions, carried over from the CC0 head: deformation transfer for skin (Sumner and Popovic 2004), rigid motion for eyes and jaw."""

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
from jaxtyping import Bool, Float64, Int

from facecraft4d.toolkit.core.rigging import vertices_in_regions
from facecraft4d.toolkit.face_model.adopted.arcs import along_arcs
from facecraft4d.toolkit.face_model.adopted.registration import Registered
from facecraft4d.toolkit.face_model.model import FaceModel

HELD = 0.3
"""How much a vertex keeps to the CC0 head's own displacement, beside an edge that keeps to its triangle's turn and stretch: over two or three
edges. Less lets the sum of many edges' errors move what hardly moves: an upper lip by 4 mm with the jaw, over the teeth."""


@dataclass(frozen=True, slots=True, eq=False)
class RigidMotions:
    """What each expression does to a rigid part: turned about `center`, then moved."""

    center: Float64[np.ndarray, "3"]
    rotations: Float64[np.ndarray, "k 3 3"]
    translations: Float64[np.ndarray, "k 3"]

    def deltas(self, points: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "k n 3"]:
        """Displacements of points of the part."""
        turned = np.einsum("kij,nj->kni", self.rotations - np.eye(3), points - self.center)
        return np.asarray(turned + self.translations[:, None])


def carried_expressions(bare: FaceModel, on: Registered) -> Float64[np.ndarray, "k v 3"]:
    """Displacements of the vertices of `bare` for each of the CC0 head's expressions, metres."""
    deltas = on.places.of(_transferred(on), on.skin)
    jaw = [index for index, name in enumerate(on.head.expression_names) if name.startswith("jaw")]
    deltas[jaw] = along_arcs(bare, deltas[jaw])
    shells = vertices_in_regions(bare, *(name for name in bare.region_names if name != "skin"))
    points = bare.vertices.astype(np.float64)
    deltas[:, shells] = bare.skin_weights[shells, 2, None] * jaw_deltas(on, points[shells], len(deltas))
    for joint in (3, 4):
        eye = shells & (bare.skin_weights[:, joint] > 0.5)
        pivot = (bare.joint_regressor[joint] @ bare.vertices).astype(np.float64)
        turns = replace(_motions(on, _eye(on, joint), pivot), translations=np.zeros((len(deltas), 3)))
        deltas[:, eye] = turns.deltas(points[eye])
    return deltas


def jaw_deltas(on: Registered, points: Float64[np.ndarray, "n 3"], count: int) -> Float64[np.ndarray, "k n 3"]:
    """Displacements of points that ride on the lower jaw: ARKit's expressions as of the CC0 head's teeth, 0 in what follows up to `count`."""
    lower = vertices_in_regions(on.head, "teeth") & (on.head.skin_weights[:, 2] > 0.5)
    moved = _motions(on, lower, on.vertices[lower].mean(0)).deltas(points)
    return np.concatenate([moved, np.zeros((count - len(moved), *points.shape))])


def _eye(on: Registered, joint: int) -> Bool[np.ndarray, " v"]:
    return np.asarray(vertices_in_regions(on.head, "eyes") & (on.head.skin_weights[:, joint] > 0.5))


def _motions(on: Registered, part: Bool[np.ndarray, " v"], center: Float64[np.ndarray, "3"]) -> RigidMotions:
    """The rigid motions nearest to what the CC0 head's expressions do to a part of it (Kabsch 1976)."""
    rest = on.head.vertices[part].astype(np.float64)
    deltas = on.head.expression_deltas[:, part].astype(np.float64)
    arms = rest - rest.mean(0)
    moved = arms + deltas - deltas.mean(1, keepdims=True)
    left, _, right = np.linalg.svd(np.einsum("knx,ny->kxy", moved, arms))
    flip = np.ones((len(left), 3))
    flip[:, 2] = np.sign(np.linalg.det(left @ right))
    turn = on.similarity.rotation
    rotations = turn @ (left * flip[:, None]) @ right @ turn.T
    return RigidMotions(center, rotations, on.similarity.deltas(deltas.mean(1)))


def _transferred(on: Registered) -> Float64[np.ndarray, "k v 3"]:
    """The CC0 head's expressions on its mesh in the other head's shape: each triangle turns and stretches as it does on the CC0 head."""
    used, compact = np.unique(on.skin, return_inverse=True)
    triangles: Int[np.ndarray, "f 3"] = compact.reshape(-1, 3)
    rest = on.head.vertices[used].astype(np.float64)
    shape = on.vertices[used]
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    row = np.arange(len(edges))
    ones = np.ones(len(edges))
    differ = scipy.sparse.coo_array(
        (np.concatenate([ones, -ones]), (np.tile(row, 2), edges.T[::-1].ravel())), (len(edges), len(used))
    ).tocsr()
    solve = scipy.sparse.linalg.factorized((differ.T @ differ + HELD * scipy.sparse.eye_array(len(used))).tocsc())
    undo = np.linalg.inv(_frames(rest[triangles]))
    turn = on.similarity.rotation
    along = differ @ shape
    result = np.zeros((len(on.head.expression_names), len(on.vertices), 3))
    for index, delta in enumerate(on.head.expression_deltas[:, used].astype(np.float64)):
        gradients = np.tile(turn @ (_frames((rest + delta)[triangles]) @ undo - np.eye(3)) @ turn.T, (3, 1, 1))
        right = differ.T @ np.einsum("eij,ej->ei", gradients, along) + HELD * on.similarity.deltas(delta)
        result[index, used] = np.stack([solve(np.ascontiguousarray(axis)) for axis in right.T], -1)
    return result


def _frames(corners: Float64[np.ndarray, "f 3 3"]) -> Float64[np.ndarray, "f 3 3"]:
    """Columns: two edges and the normal, as long as the square root of the area they span."""
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    normal = np.cross(first, second)
    normal = normal / np.sqrt(np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12))
    return np.stack([first, second, normal], -1)
