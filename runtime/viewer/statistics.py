"""How long the parts of a frame take, as a panel can show it: means over the last half second."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

SETTLE_SECONDS = 0.5
"""Over how long a mean is taken."""


class Statistics:
    """Running means of milliseconds by name."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, float] = {}
        """By what was timed, in the order of a frame."""
        self.frame_seconds = 0.0
        self._noted: set[str] = set()

    @property
    def fps(self) -> float:
        """Frames a second; 0 before the second frame."""
        return 1 / self.frame_seconds if self.frame_seconds > 0 else 0.0

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Time what is done within."""
        start = time.perf_counter()
        yield
        self.note({name: 1e3 * (time.perf_counter() - start)})

    def note(self, milliseconds: Mapping[str, float]) -> None:
        """Parts of a frame that somebody else timed."""
        self._noted.update(milliseconds)
        for name, value in milliseconds.items():
            self.milliseconds[name] = self._settled(self.milliseconds.get(name, value), value)

    def frame(self, elapsed: float) -> None:
        """A frame is over, so many seconds after the one before; what was no part of it is forgotten."""
        for name in self.milliseconds.keys() - self._noted:
            del self.milliseconds[name]
        self._noted.clear()
        self.frame_seconds = self._settled(self.frame_seconds or elapsed, elapsed)

    def _settled(self, before: float, now: float) -> float:
        share = min(1.0, (self.frame_seconds or 1.0) / SETTLE_SECONDS)
        return before + share * (now - before)
