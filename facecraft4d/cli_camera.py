"""play --live webcam: a camera, or a video that stands for one, as somebody who is heard."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from facecraft4d.runtime.drivers.reading import HEAD, Reading
from facecraft4d.runtime.drivers.watching import Watcher
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES

WEBCAM = "webcam"


def watch(wanted: str) -> Watcher:
    """Somebody to hear for webcam, webcam:NUMBER or webcam:VIDEO. UserError where there is no such camera or video."""
    return Watcher(_faces(wanted.partition(":")[2]))


def _faces(source: str) -> Iterator[Reading | None]:
    from facecraft4d.toolkit.capture import SIDE, FaceTracker
    from facecraft4d.toolkit.capture.camera import camera_frames
    from facecraft4d.toolkit.core.untrusted.media import video_frames

    tracker = FaceTracker()
    frames = (
        camera_frames(int(source or 0))
        if not source or source.isdecimal()
        else _paced(video_frames(Path(source), SIDE))
    )
    for rgb in frames:
        face = tracker(rgb)
        x, y, z = (0.0, 0.0, 0.0) if face is None else face.turn.tolist()
        yield (
            None
            if face is None
            else Reading(dict(zip(ARKIT_NAMES, face.weights.tolist(), strict=True)), {HEAD: (x, y, z)})
        )


def _paced(frames: Iterator[tuple[float, np.ndarray]]) -> Iterator[np.ndarray]:
    """Frames when they are due; those that are late already are left out."""
    start = time.monotonic()
    for seconds, rgb in frames:
        wait = start + seconds - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        if wait > -LATE_SECONDS or seconds == 0:
            yield rgb


LATE_SECONDS = 0.1
