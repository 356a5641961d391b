"""Poses an avatar at playing speed: the compiled twin of toolkit/core/rigging.py."""

from collections.abc import Sequence
from dataclasses import fields
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from facecraft4d.runtime import kernels
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import BoundSplats, Pose, Splats
from facecraft4d.toolkit.core.geometry import normalized
from facecraft4d.toolkit.core.rigging import joint_transforms, opacities, pose_weights


class SparseDeltas(NamedTuple):
    """Displacements of vertices without their rows of zeros."""

    starts: np.ndarray
    """Where each set begins in `rows`, and the end of the last."""
    rows: np.ndarray
    """Vertices that move."""
    deltas: np.ndarray
    """[n, 3] metres at weight 1."""


def sparse_deltas(dense: Float32[np.ndarray, "k v 3"]) -> SparseDeltas:
    """What moves in each of the sets."""
    moved = [np.flatnonzero(delta.any(1)).astype(np.int32) for delta in dense]
    parts = [delta[rows] for delta, rows in zip(dense, moved, strict=True)]
    return SparseDeltas(
        np.cumsum([0, *map(len, moved)]),
        np.concatenate([np.zeros(0, np.int32), *moved]),
        np.concatenate([np.zeros((0, 3), np.float32), *parts]),
    )


def by_triangle(splats: BoundSplats) -> BoundSplats:
    """The splats in the order of the triangles that carry them: who poses them finds each triangle's frame where it found the last."""
    order = np.argsort(splats.triangles, kind="stable")
    return BoundSplats(**{each.name: getattr(splats, each.name)[order] for each in fields(splats)})


class Animator:
    """Moves one avatar, its splats `by_triangle`. Expressions at weight 0 cost nothing, and a pose that stays the same costs nothing at all."""

    def __init__(self, avatar: Avatar) -> None:
        rig, splats = avatar.rig, by_triangle(avatar.splats)
        self._rig = rig
        self._expressions = sparse_deltas(rig.expression_deltas)
        self._correctives = None if rig.pose_deltas is None else sparse_deltas(rig.pose_deltas)
        carriers, binding = np.unique(splats.triangles, return_inverse=True)
        self._carriers, self._binding = rig.triangles[carriers], binding.astype(np.int32)
        self._local = (
            splats.means,
            normalized(splats.rotations_wxyz).astype(np.float32),
            np.exp(splats.log_scales).astype(np.float32),
        )
        self._opacities = opacities(splats.opacity_logits)
        self._colors = splats.colors
        self._frames = tuple(np.empty((len(carriers), *shape), np.float32) for shape in ((3, 3), (4,), (), (3,)))
        self._last: tuple[Pose, Splats] | None = None

    def splats(self, pose: Pose) -> Splats:
        """The avatar's splats `by_triangle` in that pose, in the world frame; equals rigging.place_splats to rounding."""
        if self._last is None or not _same(self._last[0], pose):
            self._last = pose, self._place(self.vertices(pose))
        return self._last[1]

    def vertices(self, pose: Pose) -> np.ndarray:
        """The rig's vertices [v, 3] in that pose, metres, world; equals rigging.pose_vertices to rounding."""
        shaped = self._rig.vertices.copy()
        kernels.add_deltas(shaped, pose.expression, *self._expressions)
        if self._correctives is not None:
            kernels.add_deltas(shaped, pose_weights(pose), *self._correctives)
        posed = np.empty_like(shaped)
        kernels.skin(shaped, self._rig.skin_weights, joint_transforms(self._rig, pose), posed)
        return posed

    def _place(self, vertices: np.ndarray) -> Splats:
        kernels.triangle_frames(vertices, self._carriers, *self._frames)
        world = tuple(np.empty_like(part) for part in self._local)
        kernels.place(self._binding, self._local, self._frames, world)
        means, rotations, scales = world
        return Splats(means, rotations, scales, self._opacities, self._colors)


class Heads:
    """Moves several avatars; their splats are one set, so that they are sorted and drawn as one."""

    def __init__(self, avatars: Sequence[Avatar]) -> None:
        """ValueError without an avatar."""
        if not avatars:
            raise ValueError("avatars must hold at least one avatar, got none")
        self._animators = tuple(Animator(avatar) for avatar in avatars)
        self.count = sum(len(avatar.splats.means) for avatar in avatars)
        """Splats of all."""
        self._last: tuple[tuple[Splats, ...], Splats] | None = None

    def splats(self, poses: Sequence[Pose]) -> Splats:
        """All splats in the world frame, one pose for each avatar in its order. ValueError for another number of poses."""
        if len(poses) != len(self._animators):
            raise ValueError(f"poses must be one for each of {len(self._animators)} avatars, got {len(poses)}")
        parts = tuple(animator.splats(pose) for animator, pose in zip(self._animators, poses, strict=True))
        if len(parts) == 1:
            return parts[0]
        if self._last is None or any(a is not b for a, b in zip(self._last[0], parts, strict=True)):
            names = (field.name for field in fields(Splats))
            self._last = parts, Splats(**{n: np.concatenate([getattr(part, n) for part in parts]) for n in names})
        return self._last[1]


def _same(a: Pose, b: Pose) -> bool:
    return (
        np.array_equal(a.expression, b.expression)
        and np.array_equal(a.joint_rotations, b.joint_rotations)
        and np.array_equal(a.translation, b.translation)
    )
