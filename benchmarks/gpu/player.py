"""The player's way from a pose to pixels, through EGL: time on the card, frames a second with and without reading back."""

import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

import numpy as np
from gpu.results import Found, demand

from facecraft4d.exporters.motions import find_motion
from facecraft4d.runtime.animate import Heads
from facecraft4d.runtime.camera import framing
from facecraft4d.runtime.gl.drawing import Picture
from facecraft4d.runtime.gl.shaders import is_emulated
from facecraft4d.runtime.gl.tiers import open_instances
from facecraft4d.runtime.opengl import offscreen_context
from facecraft4d.runtime.software import SoftwareRenderer
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.motion import on_rig
from facecraft4d.toolkit.core.rigging import neutral_pose

CLIP, CLIP_FPS = "face_cap", 60
WARM = 5
"""Frames that do not count."""
SAME_DB = 45.0
"""PSNR between this picture and the processor's, as docs/conventions.md promises."""

Size = tuple[int, int]
"""Width and height in pixels."""


class Stage:
    """One avatar before one camera in a context of its own."""

    def __init__(self, context: Any, avatar: Avatar, size: Size) -> None:
        self.context, self.size = context, size
        self.heads, self.camera = Heads((avatar,)), framing(avatar).camera(*size)
        self._motion, self._rest = on_rig(find_motion(CLIP), avatar.rig), neutral_pose(avatar.rig)
        self.instances = open_instances(context, (avatar,))
        self.picture = Picture(context, size, self.instances.buffer)

    def pose(self, frame: int) -> int:
        """Pose and sort a frame of the clip, and wait until that is done."""
        count = self.instances.write((self._motion.at(frame / CLIP_FPS),), self.camera, False)
        self.context.finish()
        return count

    def draw(self, frame: int) -> None:
        """Pose, sort, upload, draw, and wait until it is drawn."""
        count = self.instances.write((self._motion.at(frame / CLIP_FPS),), self.camera, False)
        self.picture.draw(count, self.camera)
        self.context.finish()

    def read(self) -> np.ndarray:
        """The last picture: premultiplied RGBA [h, w, 4]."""
        return self.picture.read()

    def likeness_db(self) -> float:
        """PSNR of the head at rest to the processor's picture of it."""
        self.picture.draw(self.instances.write((self._rest,), self.camera, False), self.camera)
        expected = SoftwareRenderer(self.heads, *self.size, "").draw((self._rest,), self.camera)
        return float(-10 * np.log10(np.mean((self.read().astype(np.float64) - expected) ** 2)))


def check_player(
    avatars: dict[int, Avatar], sizes: tuple[Size, ...], frames: int, emulated: bool, found: Found
) -> None:
    """Measure every avatar at every size. Raises Missed for an emulator unless `emulated`, and for another picture than the processor's."""
    context = offscreen_context()
    driver = found["driver"] = str(context.info["GL_RENDERER"])
    found["limits"] = {"likeness_db": SAME_DB}
    with ExitStack() as stack:
        stack.callback(context.release)
        demand(emulated or not is_emulated(driver), f"{driver} is no graphics card")
        for count, avatar in avatars.items():
            for size in sizes:
                row = found[f"{count} splats, {size[0]} x {size[1]}"] = measured(Stage(context, avatar, size), frames)
                demand(
                    row["likeness_db"] > SAME_DB,
                    f"{count} splats, {size}: {row['likeness_db']:.1f} dB to the processor",
                )


class Queried:
    """A vertex array whose drawing is timed on the card: sorting and uploading, which the processor does, stay outside."""

    def __init__(self, vertices: Any, query: Any) -> None:
        self._vertices, self._query = vertices, query
        self.milliseconds: list[float] = []

    def render(self, *arguments: Any, **named: Any) -> None:
        """As the vertex array's own."""
        with self._query:
            self._vertices.render(*arguments, **named)
        self.milliseconds.append(self._query.elapsed / 1e6)


def measured(stage: Stage, frames: int) -> dict[str, float]:
    """Median milliseconds on the card and for posing; frames a second drawn, and drawn and read back."""
    found = {"likeness_db": stage.likeness_db()}
    for frame in range(WARM):
        stage.draw(frame)
    found["pose_ms"] = 1e3 / _rate(frames, stage.pose)
    found["fps"] = _rate(frames, stage.draw)
    found["fps_read_back"] = _rate(frames, lambda frame: (stage.draw(frame), stage.read()))
    drawing = stage.picture._drawing
    queried = Queried(drawing._vertices, stage.context.query(time=True))
    with patch.object(drawing, "_vertices", queried):
        _rate(frames, stage.draw)
    stage.picture.release()
    stage.instances.release()
    return found | {"card_ms": statistics.median(queried.milliseconds)}


def _rate(frames: int, run: Callable[[int], Any]) -> float:
    """Frames a second."""
    begun = time.perf_counter()
    for frame in range(frames):
        run(frame)
    return frames / (time.perf_counter() - begun)
