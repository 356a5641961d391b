"""Which level of detail to draw: as fine as the distance shows, and as the time for a frame allows."""

from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

PATIENCE, WINDOW = 12, 24
"""Frames at a level before it is judged, and how many of the last ones judge it: by their median, so that a hiccup is none."""
WARM = 4
"""Frames at a level that do not count: they may load things."""
ROOM = 0.8
"""A finer level must be expected to take at most this share of the time."""
GAIN = 1.05
"""A coarser level that is not quicker by this factor is not worth its loss: near the camera pixels cost, and levels hardly save any."""
SLACK = 1.1
"""How much farther or nearer than where a level begins to suffice it is left again."""
SPLATS_PER_SQUARE = 0.5
"""A head `h` pixels high shows no more than 0.5 h^2 splats: it covers about 0.55 h^2 pixels, half of its splats face away."""


class LevelKeeper:
    """Told what each frame took, says which level the next one is drawn at. It never goes to and fro: what a level was seen to save decides."""

    def __init__(self, counts: Sequence[int], seconds: float) -> None:
        """Splats of each level, the whole first; `seconds` is how long a frame may take. ValueError for levels that do not shrink."""
        if not counts or any(a <= b for a, b in pairwise(counts)):
            raise ValueError(f"counts must shrink from level to level, got {list(counts)}")
        self._counts, self.seconds, self.level = tuple(counts), seconds, 0
        self._savings = [a / b for a, b in pairwise(counts)]
        """How much longer level i takes than level i + 1: at most by the splats, until it has been seen."""
        self._frames, self._times, self._left = 0, deque[float](maxlen=WINDOW), 0.0
        self._height, self._in_vain = 0.0, 0.0
        """Pixels of the head now, and when coarser levels turned out to save nothing."""

    def frame(self, seconds: float, height: float) -> int:
        """The level of the next frame, after one that took `seconds` with a head `height` pixels high."""
        self._height = height
        self._frames += 1
        if self._frames > WARM:
            self._times.append(seconds)
        if self._frames < PATIENCE:
            return self.level
        usual = median(self._times)
        self._learn(usual)
        self._change(self._wanted(usual), usual)
        return self.level

    def _wanted(self, usual: float) -> int:
        if self._suffices(self.level + 1, SLACK):
            return self.level + 1
        if usual > self.seconds and not self._vain():
            return self.level + 1
        finer = self.level - 1
        if finer < 0 or self._suffices(self.level, 1 / SLACK):
            return self.level
        costs_nothing = self._savings[finer] < GAIN
        return finer if costs_nothing or usual * self._savings[finer] < ROOM * self.seconds else self.level

    def _learn(self, usual: float) -> None:
        """What the last step to a coarser level saved."""
        if self._left:
            most = self._counts[self.level - 1] / self._counts[self.level]
            self._savings[self.level - 1] = min(max(self._left / usual, 1.0), most)
            if self._left < GAIN * usual and usual > self.seconds:
                self._in_vain = self._height
            self._left = 0.0

    def _change(self, level: int, usual: float) -> None:
        level = min(max(level, 0), len(self._counts) - 1)
        if level != self.level:
            self._left = usual if level > self.level else 0.0
            self.level, self._frames = level, 0
            self._times.clear()

    def _suffices(self, level: int, slack: float) -> bool:
        """Whether that level shows all that a head `slack` times as high as now could show."""
        if level >= len(self._counts):
            return False
        return bool(self._counts[level] >= SPLATS_PER_SQUARE * (slack * self._height) ** 2)

    def _vain(self) -> bool:
        """Whether coarser levels were seen to save nothing with a head about so large."""
        return self._in_vain > 0 and self._in_vain / 1.3 < self._height < 1.3 * self._in_vain
