"""Pictures and videos that the user takes while a window plays; they go into the current folder."""

from contextlib import ExitStack
from pathlib import Path

import numpy as np

from facecraft4d.runtime.recording import FrameSink, video_sink
from facecraft4d.toolkit.core.datatypes import Sound
from facecraft4d.toolkit.core.files import whole_file, write_whole
from facecraft4d.toolkit.core.pixels import encoded_bytes

FPS = 30.0
ROUNDING = 1e-6
"""Frames: times that are counted in thirtieths of a second come out a little less."""


class Capture:
    """Saves pictures, and a video at an even rate however fast the window draws."""

    def __init__(self) -> None:
        self._stack, self._size, self._written, self._start = ExitStack(), (0, 0), 0, 0.0
        self._sink: FrameSink | None = None
        self._path, self._done = Path(), list[Path]()

    @property
    def recording(self) -> bool:
        """True between the start and the end of a video."""
        return self._sink is not None

    def take(self, image: np.ndarray, wishes: set[str], now: float, sound: Sound | None = None) -> tuple[Path, ...]:
        """Fulfil the wishes (picture: save one; video: start or stop) with this RGB image [h, w, 3], shown at `now` seconds; the files that are whole now.

        A video that starts carries the `sound`.
        """
        self._done = []
        if "picture" in wishes:
            path = free_name("picture", ".png")
            write_whole(path, encoded_bytes(image, "PNG"))
            self._done.append(path)
        if "video" in wishes and self.recording:
            self.stop()
        elif "video" in wishes:
            self._begin(image, now, sound)
        if self._sink is not None and even_size(image) == self._size:
            height, width = self._size
            while self._written <= (now - self._start) * FPS + ROUNDING:
                self._sink(np.ascontiguousarray(image[:height, :width]))
                self._written += 1
        else:  # a video cannot change its size
            self.stop()
        return tuple(self._done)

    def stop(self) -> None:
        """Finish the video, if there is one."""
        if self._sink is not None:
            self._done.append(self._path)
        self._sink = None
        self._stack.close()

    def _begin(self, image: np.ndarray, now: float, sound: Sound | None) -> None:
        self._size = even_size(image)
        self._path = free_name("video", ".mp4")
        temporary = self._stack.enter_context(whole_file(self._path))
        self._sink = self._stack.enter_context(video_sink(temporary, self._size[::-1], FPS, sound))
        self._written, self._start = 0, now


def even_size(image: np.ndarray) -> tuple[int, int]:
    """Height and width, each cut to an even number."""
    return image.shape[0] // 2 * 2, image.shape[1] // 2 * 2


def free_name(stem: str, suffix: str) -> Path:
    """The first of stem_001, stem_002, ... that does not exist in the current folder."""
    number = 1
    while (path := Path(f"{stem}_{number:03d}{suffix}")).exists():
        number += 1
    return path
