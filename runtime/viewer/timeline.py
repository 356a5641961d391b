"""Where in its clip a player is, how fast it goes on, and what happens at the end."""

from facecraft4d.runtime.player import Player
from facecraft4d.runtime.sources import ClipSource

SPEEDS = (0.1, 4.0)
"""Times the clip's own speed."""
SPEED_STEP = 1.25


class Timeline:
    """Play, pause, scrub, speed and loop of a player's current clip; of what is no clip, such as a live face, only play and pause."""

    def __init__(self, player: Player) -> None:
        self.player = player
        self.speed, self.loop = 1.0, True

    @property
    def duration(self) -> float | None:
        """Seconds of the clip that plays; None where no clip does."""
        source = None if self.player.current is None else self.player.sources[self.player.current]
        return source.motion.duration if isinstance(source, ClipSource) else None

    @property
    def at(self) -> float:
        """Seconds from the clip's beginning, however often it was repeated."""
        return self.player.seconds if self.duration is None else self.player.seconds % self.duration

    def advance(self, elapsed: float) -> None:
        """Let that many seconds pass: the clip goes on at its speed, blinks and fades at theirs."""
        before, playing = self.player.seconds, self.player.playing
        self.player.advance(elapsed)
        if playing and self.duration is not None:
            self.player.seconds = before + elapsed * self.speed
            if not self.loop and self.player.seconds >= self._last:
                self.player.seconds, self.player.playing = self._last, False

    def scrub(self, seconds: float) -> None:
        """Go there, at most to the last frame."""
        if self.duration is not None:
            self.player.seconds = min(max(seconds, 0.0), self._last)

    def toggle(self) -> None:
        """Pause, or go on; from the end of a clip that does not repeat, from its beginning."""
        self.player.playing = not self.player.playing
        if self.player.playing and not self.loop and self.duration is not None and self.at >= self._last:
            self.player.seconds = 0.0

    def faster(self, steps: int) -> None:
        """By so many steps; negative ones slow down."""
        self.speed = min(max(self.speed * SPEED_STEP**steps, SPEEDS[0]), SPEEDS[1])

    @property
    def _last(self) -> float:
        """When the last frame is there: what follows leads over to the first."""
        source = self.player.sources[self.player.current or ""]
        assert isinstance(source, ClipSource)
        return (len(source.motion.expressions) - 1) / source.motion.fps
