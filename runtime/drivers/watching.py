"""Whoever shows faces one after the other, a camera say, as what `Live` hears: watched in a thread of its own."""

import threading
import time
from collections.abc import Iterator

from facecraft4d.runtime.drivers.reading import Reading
from facecraft4d.toolkit.core.checks import UserError


class Watcher:
    """The newest of faces that come as they come; the thread ends with them."""

    def __init__(self, faces: Iterator[Reading | None]) -> None:
        """Watches from now on. UserError of the first face is raised here, that of a later one ends the watching."""
        self._faces, self._ending = faces, threading.Event()
        self._latest: tuple[Reading | None, float] = None, -float("inf")
        self.seen = self.empty = 0
        """Frames with a face, and without."""
        self._take(next(faces, None))
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
        self._thread.start()

    def latest(self) -> tuple[Reading | None, float]:
        """The last face that was seen, and when (time.monotonic); None and minus infinity before the first."""
        return self._latest

    def status(self) -> str:
        """What came."""
        return f"camera: {self.seen:,} frames with a face, {self.empty:,} without"

    def close(self) -> None:
        """Watch no more."""
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            for face in self._faces:
                if self._ending.is_set():
                    return
                self._take(face)
        except UserError:
            return

    def _take(self, face: Reading | None) -> None:
        if face is None:
            self.empty += 1
            return
        self.seen += 1
        self._latest = face, time.monotonic()
