"""Rigs and splats as arrays that graphics cards read; shaders/rig.glsl reads these."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from facecraft4d.runtime.animate import by_triangle
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import BoundSplats, Pose, Rig
from facecraft4d.toolkit.core.rigging import joint_transforms, pose_weights

FOURS = 4
"""Joints that are blended at a time."""

EXACT = 1 << 24
"""Counts and indices up to here are exact as float32."""


class PackedHeads(NamedTuple):
    """Several avatars as one: rows of four floats, texels of a texture."""

    mesh: np.ndarray
    """`vertex_texels` rows for each vertex, and one last row."""
    deltas: np.ndarray
    triangles: np.ndarray
    bound: np.ndarray
    """Four rows for each splat."""
    vertex_texels: int
    vertices: int
    splats: int

    @property
    def exact(self) -> bool:
        """Whether every index can be told from the next in a float."""
        return max(map(len, self[:4])) < EXACT


def pack(avatars: Sequence[Avatar]) -> PackedHeads:
    """All avatars behind each other, with indices that run on; the splats of each `by_triangle`, as `Animator` has them."""
    rigs = [avatar.rig for avatar in avatars]
    fours = max(_fours(rig) for rig in rigs)
    joint = vertex = triangle = coefficient = delta = 0
    mesh, deltas, triangles, bound = [], [], [], []
    for avatar in avatars:
        rig = avatar.rig
        starts, rows = vertex_deltas(rig)
        mesh.append(_mesh_rows(rig, starts[:-1] + delta, fours, joint))
        deltas.append(rows + np.array([0, 0, 0, coefficient], np.float32))
        triangles.append(np.pad(rig.triangles + vertex, ((0, 0), (0, 1))))
        bound.append(_bound_rows(by_triangle(avatar.splats), triangle))
        joint, vertex, triangle = (
            joint + len(rig.joint_names),
            vertex + len(rig.vertices),
            triangle + len(rig.triangles),
        )
        coefficient, delta = coefficient + _coefficients(rig), delta + len(rows)
    mesh.append(np.array([[0, 0, 0, delta]]))
    whole = [np.concatenate(part).astype("<f4") for part in (mesh, deltas, triangles, bound)]
    return PackedHeads(
        whole[0],
        whole[1],
        whole[2],
        whole[3],
        1 + 2 * fours,
        vertex,
        sum(len(avatar.splats.means) for avatar in avatars),
    )


def moving_rows(rigs: Sequence[Rig], poses: Sequence[Pose]) -> np.ndarray:
    """What a pose changes, as rows of four floats: four columns for each joint, then the coefficients, one a row."""
    columns = [
        joint_transforms(rig, pose).transpose(0, 2, 1).reshape(-1, 4) for rig, pose in zip(rigs, poses, strict=True)
    ]
    weights = [
        np.concatenate([pose.expression, [] if rig.pose_deltas is None else pose_weights(pose)])
        for rig, pose in zip(rigs, poses, strict=True)
    ]
    return np.concatenate([*columns, np.pad(np.concatenate(weights)[:, None], ((0, 0), (0, 3)))]).astype("<f4")


def first_coefficient(rigs: Sequence[Rig]) -> int:
    """Of `moving_rows`."""
    return 4 * sum(len(rig.joint_names) for rig in rigs)


def vertex_deltas(rig: Rig) -> tuple[np.ndarray, np.ndarray]:
    """Where the rows of each vertex start, and the rows: displacement and index of its coefficient, expressions before correctives."""
    sets = (
        rig.expression_deltas if rig.pose_deltas is None else np.concatenate([rig.expression_deltas, rig.pose_deltas])
    )
    vertices, coefficients = np.nonzero(sets.any(2).T)
    starts = np.searchsorted(vertices, np.arange(len(rig.vertices) + 1)).astype("<u4")
    return starts, np.column_stack([sets[coefficients, vertices], coefficients]).astype("<f4")


def bound_rows(splats: BoundSplats) -> np.ndarray:
    """[n, 3, 4]: mean and triangle; rotation wxyz; log scales and opacity logit, as _BIND_0 to _BIND_2 of the GLB."""
    rows = (
        np.column_stack([splats.means, splats.triangles]),
        splats.rotations_wxyz,
        np.column_stack([splats.log_scales, splats.opacity_logits]),
    )
    return np.stack(rows, 1).astype("<f4")


def _bound_rows(splats: BoundSplats, first_triangle: int) -> np.ndarray:
    rows = np.concatenate([bound_rows(splats), np.pad(splats.colors, ((0, 0), (0, 1)))[:, None]], 1)
    rows[:, 0, 3] += first_triangle
    return rows.reshape(-1, 4)


def _mesh_rows(rig: Rig, starts: np.ndarray, fours: int, first_joint: int) -> np.ndarray:
    """Bind position and first delta, then `fours` times four joints and their weights, of each vertex."""
    count = FOURS * fours
    joints = np.argsort(-rig.skin_weights, axis=1, kind="stable")[:, :count]
    weights = np.take_along_axis(rig.skin_weights, joints, 1)
    padding = ((0, 0), (0, count - joints.shape[1]))
    joints, weights = np.pad(joints, padding) + first_joint, np.pad(weights, padding)
    pairs = np.stack([joints.reshape(-1, fours, FOURS), weights.reshape(-1, fours, FOURS)], 2)
    return np.concatenate(
        [np.column_stack([rig.vertices, starts])[:, None], pairs.reshape(len(starts), -1, 4)], 1
    ).reshape(-1, 4)


def _fours(rig: Rig) -> int:
    most = int((rig.skin_weights != 0).sum(1).max(initial=1))
    return -(-most // FOURS)


def _coefficients(rig: Rig) -> int:
    return len(rig.expression_names) + (0 if rig.pose_deltas is None else len(rig.pose_deltas))
