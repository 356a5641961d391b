"""The head that players are timed with: a built one with as many splats as are asked for, seen as its portrait is."""

from dataclasses import replace

import numpy as np

from facecraft4d.runtime.camera import OrbitCamera, framing
from facecraft4d.runtime.sources import ClipSource
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Camera, Pose
from facecraft4d.toolkit.core.geometry import normalized, rotation_from_wxyz
from facecraft4d.toolkit.core.motion import builtin_clip, on_rig

SWEEP_DEGREES = 20.0
"""The camera goes from one side to the other, as samples/engines/common/page.js has it (0.35 radians)."""
FPS = 30.0


def with_splats(avatar: Avatar, count: int) -> Avatar:
    """The avatar with `count` splats: fewer are its level of detail, more are copies beside each splat, smaller so that the head is as full."""
    have = len(avatar.splats.means)
    if count <= have:
        return Avatar(avatar.rig, avatar.level(count).splats, avatar.provenance)
    source, random = np.arange(count) % have, np.random.default_rng(count)
    splats = avatar.splats
    scales, axes = np.exp(splats.log_scales[source]), rotation_from_wxyz(normalized(splats.rotations_wxyz[source]))
    beside = np.einsum("nij,nj->ni", axes, scales * random.normal(size=scales.shape))
    more = replace(
        splats,
        triangles=splats.triangles[source],
        means=(splats.means[source] + beside).astype(np.float32),
        rotations_wxyz=splats.rotations_wxyz[source],
        log_scales=(splats.log_scales[source] - 0.5 * np.log(count / have)).astype(np.float32),
        opacity_logits=splats.opacity_logits[source],
        colors=splats.colors[source],
    )
    return Avatar(avatar.rig, more, avatar.provenance)


class Course:
    """Poses and cameras frame by frame: a performance, seen from one side to the other; no two frames are the same.

    `still`: the head rests in the first pose, and only the camera moves.
    """

    def __init__(self, avatar: Avatar, width: int, height: int, frames: int, still: bool = False) -> None:
        self._source = ClipSource(on_rig(builtin_clip("face_cap"), avatar.rig))
        self._orbit: OrbitCamera = framing(avatar)
        self._size, self._frames, self._still = (width, height), frames, still

    def frame(self, index: int) -> tuple[Pose, Camera]:
        """What is drawn in that frame."""
        yaw = SWEEP_DEGREES * (2 * (index % self._frames) / self._frames - 1)
        moment = 0.0 if self._still else index / FPS
        return self._source.pose(moment), self._orbit.turned(yaw, 0.0).camera(*self._size)
