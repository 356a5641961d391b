"""Sources of poses for another rig than they were made for."""

from dataclasses import dataclass, replace

import numpy as np

from facecraft4d.runtime.sources import ClipSource, PoseSource
from facecraft4d.toolkit.core.datatypes import Pose, Rig
from facecraft4d.toolkit.core.motion import on_rig
from facecraft4d.toolkit.core.rigging import neutral_pose


@dataclass(frozen=True, slots=True, eq=False)
class Relaid:
    """A source whose poses are laid out for another rig, by names; what that lacks is left out."""

    source: PoseSource
    made_for: Rig
    rig: Rig

    def pose(self, now: float) -> Pose | None:
        """The source's pose in the other rig's order of names."""
        pose = self.source.pose(now)
        return None if pose is None else moved_over(pose, self.made_for, self.rig)


def moved_over(pose: Pose, made_for: Rig, rig: Rig) -> Pose:
    """A pose of one rig on another."""
    other = neutral_pose(rig)
    for names, known, mine, theirs in (
        (rig.expression_names, made_for.expression_names, other.expression, pose.expression),
        (rig.joint_names, made_for.joint_names, other.joint_rotations, pose.joint_rotations),
    ):
        rows = [(row, known.index(name)) for row, name in enumerate(names) if name in known]
        mine[[row for row, _ in rows]] = theirs[[row for _, row in rows]]
    return Pose(other.expression, other.joint_rotations, np.asarray(pose.translation))


def relaid(source: PoseSource, made_for: Rig, rig: Rig) -> PoseSource:
    """The source for another rig; itself where the names are the same."""
    if isinstance(source, ClipSource):
        return replace(source, motion=on_rig(source.motion, rig))  # a clip with a voice keeps it
    if (made_for.expression_names, made_for.joint_names) == (rig.expression_names, rig.joint_names):
        return source
    return Relaid(source, made_for, rig)
