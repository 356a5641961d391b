"""Several sources of poses at once: speech over idle life, keys over a camera."""

from dataclasses import dataclass
from functools import reduce

import numpy as np

from facecraft4d.runtime.drivers.shaping import added
from facecraft4d.runtime.sources import PoseSource
from facecraft4d.toolkit.core.datatypes import Motion, Pose, Rig
from facecraft4d.toolkit.core.rigging import neutral_pose


@dataclass(frozen=True, slots=True)
class Mixer:
    """The sum of what its sources say, weights within 0 and 1. A `PoseSource`."""

    sources: tuple[PoseSource, ...]

    def pose(self, now: float) -> Pose | None:
        """All that is said at `now` seconds; None where no source has anything to say."""
        said = [pose for source in self.sources if (pose := source.pose(now)) is not None]
        return reduce(added, said) if said else None


def sampled(source: PoseSource, rig: Rig, frames: int, fps: float, name: str) -> Motion:
    """What a source says in so many frames from its beginning on, as a clip in the rig's order of names; at rest where it says nothing."""
    rest = neutral_pose(rig)
    poses = [source.pose(frame / fps) or rest for frame in range(frames)]
    return Motion(
        name, fps, rig.expression_names, np.stack([pose.expression for pose in poses]), rig.joint_names,
        np.stack([pose.joint_rotations for pose in poses]), np.stack([pose.translation for pose in poses]),
    )  # fmt: skip
