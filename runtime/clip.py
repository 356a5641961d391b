"""Clips on a rig: which motion, and its pose at any time."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Clip, Pose, Rig
from facecraft4d.toolkit.core.motion import builtin_clip, builtin_clips, read_clip


def find_clip(name: str) -> Clip:
    """A clip by the name of one that comes with the package, or by the path of a CSV file."""
    if name in builtin_clips():
        return builtin_clip(name)
    if "/" not in name and not name.endswith(".csv"):
        raise UserError(
            f"no clip is called {name}: there are {', '.join(builtin_clips())}, or give the path of a CSV file"
        )
    return read_clip(Path(name))


@dataclass(frozen=True, slots=True, eq=False)
class RigClip:
    """A clip laid out for one rig: expressions and joints in the rig's order; what the rig does not have is left out."""

    name: str
    fps: float
    expressions: np.ndarray
    """[t, k]"""
    joint_rotations: np.ndarray
    """[t, j, 3] axis-angle, radians."""
    translations: np.ndarray
    """[t, 3] metres."""

    @property
    def duration(self) -> float:
        """Seconds from the first frame to the end of the last."""
        return len(self.expressions) / self.fps

    def pose(self, seconds: float) -> Pose:
        """The pose at that time, interpolated between frames; the clip repeats, its end leading over to its beginning."""
        frame = seconds * self.fps % len(self.expressions)
        first = int(frame) % len(self.expressions)
        after, weight = (first + 1) % len(self.expressions), frame - int(frame)
        return blend(self._frame(first), self._frame(after), weight)

    def _frame(self, index: int) -> Pose:
        return Pose(self.expressions[index], self.joint_rotations[index], self.translations[index])


def on_rig(clip: Clip, rig: Rig) -> RigClip:
    """Match a clip to a rig by the names of expressions and joints."""
    frames = len(clip.expressions)
    expressions = np.zeros((frames, len(rig.expression_names)), np.float32)
    rotations = np.zeros((frames, len(rig.joint_names), 3), np.float32)
    for index, name in enumerate(rig.expression_names):
        if name in clip.expression_names:
            expressions[:, index] = clip.expressions[:, clip.expression_names.index(name)]
    for index, name in enumerate(rig.joint_names):
        if name in clip.joint_names:
            rotations[:, index] = clip.joint_rotations[:, clip.joint_names.index(name)]
    return RigClip(clip.name, clip.fps, expressions, rotations, clip.translations)


def blend(first: Pose, second: Pose, weight: float) -> Pose:
    """`first` at weight 0, `second` at 1, linear between; axis-angle vectors are blended as they are, fit for nearby poses."""
    a, b = np.float32(1 - weight), np.float32(weight)
    return Pose(
        a * first.expression + b * second.expression,
        a * first.joint_rotations + b * second.joint_rotations,
        a * first.translation + b * second.translation,
    )
