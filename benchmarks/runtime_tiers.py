"""Our own ways of drawing, timed part by part.

What a part is called stands in PARTS: functions of ours that are wrapped while a benchmark runs, each of which counts what it does itself, and
not what wrapped functions within it do. Behind each of them OpenGL finishes what it was told, so that every part pays for itself.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from runtime_scene import Course

from facecraft4d.runtime.gl.instances import Tier
from facecraft4d.runtime.opengl import OffscreenRenderer
from facecraft4d.runtime.options import Backend
from facecraft4d.runtime.renderer import Renderer, open_renderer
from facecraft4d.toolkit.core.asset import Avatar

NAMES = ("pose", "project", "sort", "upload", "draw", "other")
"""Parts of a frame. `read` (copying the finished picture into the program's memory) is timed too and belongs to none: a window has none."""

Part = str | Callable[..., str]
"""Its name, or what names it by the function's arguments."""

PARTS: tuple[tuple[str, str, Part], ...] = (
    ("runtime.animate", "Heads.splats", "pose"),
    ("toolkit.splatting.projection", "project", "project"),
    ("toolkit.splatting.ellipses", "ellipses", "project"),
    ("toolkit.splatting.binning", "bin_splats", "sort"),
    ("toolkit.splatting.kernels", "blend", "draw"),
    ("runtime.gl.instances", "descending", "sort"),
    ("runtime.sort", "back_to_front", "sort"),
    ("runtime.gl.compute", "RadixSort.run", "sort"),
    ("runtime.gl.instances", "UploadedSplats.write", "upload"),
    ("runtime.gl.tables", "Tables.move", "upload"),
    ("runtime.gl.instances", "FeedbackInstances.write", "project"),
    (
        "runtime.gl.compute",
        "ComputeInstances._dispatch",
        lambda own, program, _: "pose" if program is own._pose else "project",
    ),
    ("runtime.gl.drawing", "Picture.draw", "draw"),
    ("runtime.gl.drawing", "Picture.read", "read"),
)
"""Module, function or method, part. What is missing is left out: its time then stands under `other`."""

WARM = 3
"""Frames before the first that counts."""


@dataclass(frozen=True)
class Way:
    """One way of drawing."""

    name: str
    open: Callable[[Sequence[Avatar], int, int], Renderer]


def ways() -> tuple[Way, ...]:
    """The processor's rasteriser, and every tier of OpenGL."""
    return (
        Way("processor", lambda avatars, width, height: open_renderer(avatars, width, height, Backend.SOFTWARE)),
        *(Way(f"OpenGL, {tier}", lambda a, w, h, tier=tier: OffscreenRenderer(a, w, h, tier)) for tier in Tier),
    )


class Stopwatch:
    """Milliseconds of each part of a frame."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = {}
        self._within: list[float] = []
        """Seconds that were counted within each function that is running."""

    def timed(self, part: str, work: Callable[[], Any], finish: Callable[[], object]) -> Any:
        """Do the work, and count it, but for what was counted within."""
        start = time.perf_counter()
        self._within.append(0.0)
        result = work()
        finish()
        seconds = time.perf_counter() - start
        own = seconds - self._within.pop()
        self.parts[part] = self.parts.get(part, 0.0) + 1000 * own
        if self._within:
            self._within[-1] += seconds
        return result


@contextmanager
def watched(finish: Callable[[], object]) -> Iterator[Stopwatch]:
    """While it lasts, the functions of PARTS tell a stopwatch."""
    watch, undo = Stopwatch(), []
    try:
        for module, path, part in PARTS:
            found = _owner(module, path)
            if found is not None:
                owner, name, original = found
                setattr(owner, name, _wrapped(watch, part, original, finish))
                undo.append((owner, name, original))
        yield watch
    finally:
        for owner, name, original in undo:
            setattr(owner, name, original)


def _owner(module: str, path: str) -> tuple[Any, str, Any] | None:
    try:
        owner: Any = import_module(f"facecraft4d.{module}")
    except ModuleNotFoundError:
        return None
    *holders, name = path.split(".")
    for holder in holders:
        owner = getattr(owner, holder, None)
    original = getattr(owner, name, None)
    return None if original is None else (owner, name, original)


def _wrapped(watch: Stopwatch, part: Part, original: Any, finish: Callable[[], object]) -> Any:
    def call(*words: Any, **named: Any) -> Any:
        return watch.timed(part if isinstance(part, str) else part(*words), lambda: original(*words, **named), finish)

    return call


def timed_frames(
    way: Way, avatar: Avatar, size: tuple[int, int], frames: int, still: bool = False
) -> list[dict[str, float]]:
    """Milliseconds of the parts of each frame, and of the whole frame without `read`; of a head that moves or one that is `still`."""
    course, found = Course(avatar, *size, frames, still), []
    with closing(way.open((avatar,), *size)) as renderer:
        context = getattr(renderer, "_context", None)
        with watched(context.finish if context is not None else lambda: None) as watch:
            for index in range(-WARM, frames):
                pose, camera = course.frame(index + WARM)
                watch.parts = {}
                start = time.perf_counter()
                renderer.draw((pose,), camera)
                whole = 1000 * (time.perf_counter() - start)
                parts = dict(watch.parts)
                read = parts.pop("read", 0.0)
                if index >= 0:
                    other = whole - read - sum(parts.values())
                    found.append(
                        {**dict.fromkeys(NAMES, 0.0), **parts, "other": other, "frame": whole - read, "read": read}
                    )
    return found
