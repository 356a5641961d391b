"""play --live: who is heard, over the network or before a camera, and the table between their face and the avatar's."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facecraft4d.cli_common import complain
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES

if TYPE_CHECKING:
    from facecraft4d.runtime.drivers.live import Heard
    from facecraft4d.runtime.drivers.reading import Reading
    from facecraft4d.runtime.drivers.retarget import Retarget
    from facecraft4d.runtime.drivers.watching import Watcher

WEBCAM = "webcam"
LATE_SECONDS = 0.1
"""Frames of a film that are later are left out."""


@dataclass(frozen=True)
class LiveOptions:
    """Faces that come in, and go out, while a window is open."""

    live: str | None = None
    """Hear a face: livelink (Live Link Face, port 11111), ifacialmocap (49983), vmc (39539), another port as vmc:39540; or webcam, webcam:1 for
    another camera, webcam:VIDEO for a film that stands for one."""
    bind: str = "127.0.0.1"
    """Address to hear on. The default hears this machine alone; 0.0.0.0 hears the whole network."""
    phone: str | None = None
    """Address of the telephone, for apps that wait to be asked (iFacialMocap)."""
    retarget: Path | None = None
    """A table of whose curve moves what, and how much: CSV with the columns from, to, gain. For clips, too."""
    send: str | None = None
    """Send what the head does to another program: livelink:HOST, ifacialmocap:HOST or vmc:HOST, with :PORT behind where it is another."""


def table_at(path: Path | None) -> "Retarget":
    """The user's table; without one every curve moves its namesake."""
    from facecraft4d.runtime.drivers.retarget import Retarget, read_retarget

    return Retarget() if path is None else read_retarget(path)


def heard_by(drivers: LiveOptions, stack: ExitStack) -> "Heard":
    """Who is heard until the stack is closed, and a line that says so."""
    assert drivers.live is not None
    if drivers.live.partition(":")[0] == WEBCAM:
        watcher = watch(drivers.live)
        stack.callback(watcher.close)
        complain("watching; C takes your face for the neutral one")
        return watcher
    from facecraft4d.runtime.drivers.protocols import listen

    listener = listen(drivers.live, drivers.bind, drivers.phone)
    stack.callback(listener.close)
    complain(f"listening on {listener.address[0]}:{listener.address[1]}; C takes your face for the neutral one")
    return listener


def watch(wanted: str) -> "Watcher":
    """Somebody to hear for webcam, webcam:NUMBER or webcam:VIDEO. UserError where there is no such camera or video."""
    from facecraft4d.runtime.drivers.watching import Watcher

    return Watcher(_faces(wanted.partition(":")[2]))


def _faces(source: str) -> "Iterator[Reading | None]":
    from facecraft4d.runtime.drivers.reading import HEAD, Reading
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
