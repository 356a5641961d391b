"""What moves a head: anything that says, at a time, which pose it is in."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from facecraft4d.toolkit.core.datatypes import Motion, Pose, Rig, Sound
from facecraft4d.toolkit.core.motion import on_rig


@runtime_checkable
class PoseSource(Protocol):
    """A clip, a camera before a face, a microphone, a mixture of others. A new driver is a class with this one method."""

    def pose(self, now: float) -> Pose | None:
        """The pose at `now` seconds of the player's clock, in the rig's order of names; None where the source has nothing to say."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ClipSource:
    """A motion laid out for the rig, over and over."""

    motion: Motion

    @property
    def sound(self) -> Sound | None:
        """What is heard with it, from its beginning."""
        return None

    def pose(self, now: float) -> Pose:
        """The motion at that time, interpolated between its frames."""
        return self.motion.at(now)


def clip_sources(clips: tuple[Motion, ...], rig: Rig) -> dict[str, PoseSource]:
    """Clips by name for a player of that rig; of clips with one name the last."""
    return {clip.name: ClipSource(on_rig(clip, rig)) for clip in clips}
