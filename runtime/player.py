"""A player without a window: what a head does at which time, and from where it is seen."""

from collections.abc import Mapping

from facecraft4d.runtime.camera import OrbitCamera
from facecraft4d.runtime.sources import PoseSource
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Pose
from facecraft4d.toolkit.core.rigging import neutral_pose

FADE_SECONDS = 0.3
"""How long one source takes to lead over to another."""

STEP_SECONDS = 1 / 30
"""One frame on: the rate of the clips that come along."""


class Player:
    """Plays one of several sources of poses on an avatar. It knows no window, no keys and no renderer: programs and tests drive it."""

    def __init__(
        self, avatar: Avatar, sources: Mapping[str, PoseSource], camera: OrbitCamera, life: PoseSource | None = None
    ) -> None:
        """Plays the first source at once; without any, the head rests: quite still, or with a `life` of its own (idle.Idle)."""
        self.avatar, self.sources, self.life = avatar, dict(sources), life
        self.home = self.camera = camera
        self.current: str | None = next(iter(self.sources), None)
        """Name of the source that plays; None at rest."""
        self.seconds, self.playing = 0.0, True
        self._lived = 0.0
        self._rest = neutral_pose(avatar.rig)
        self._from, self._fade = self._rest, 1.0

    def advance(self, elapsed: float) -> None:
        """Let that many seconds pass."""
        self._fade = min(1.0, self._fade + elapsed / FADE_SECONDS)
        if self.playing:
            self.seconds += elapsed
            self._lived += elapsed

    def pose(self) -> Pose:
        """What the head does now; a source that has nothing to say leaves it to its own life, or at rest."""
        said = None if self.current is None else self.sources[self.current].pose(self.seconds)
        goal = self._idle() if said is None else said
        return goal if self._fade == 1.0 else self._from.towards(goal, self._fade)

    def _idle(self) -> Pose:
        """What the head does of itself."""
        lived = None if self.life is None else self.life.pose(self._lived)
        return self._rest if lived is None else lived

    def choose(self, name: str | None) -> None:
        """Lead over to the source of that name, from its beginning, or to rest. ValueError for a name that is none."""
        if name is not None and name not in self.sources:
            raise ValueError(f"name must be one of {', '.join(self.sources)}, got {name}")
        self._from, self._fade = self.pose(), 0.0
        self.current, self.seconds = name, 0.0

    def step(self, frames: int) -> None:
        """Pause, and go that many frames of a thirtieth of a second on."""
        self.playing = False
        self.seconds += frames * STEP_SECONDS
