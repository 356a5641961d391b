"""A hundred thousand frames of every way of drawing: does memory grow, does OpenGL complain, does a picture come out that is none?

    python benchmarks/soak.py [avatar.glb] [--frames 100000] [--size 64] [--splats 300]

A performance over and over, the camera going around. Half of the frames go through a renderer; the other half through a program's own context, by
`Player.draw` and `draw_depth`, which is closed and opened anew now and then, as is the renderer: what is not given back adds up. The exit code is 1
where something grew or was wrong.
"""

import argparse
import gc
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from runtime_memory import resident
from runtime_scene import FPS, Course
from runtime_tiers import Way, ways

from facecraft4d import exporters
from facecraft4d.runtime import Idle, Player
from facecraft4d.runtime.gl.instances import Tier
from facecraft4d.runtime.gl.stage import Stage
from facecraft4d.runtime.opengl import offscreen_context
from facecraft4d.toolkit.core.asset import Avatar

AGAIN = 40
"""How often everything is closed and opened anew in a run."""
LOOKED_AT = 97
"""Every so many frames the picture is looked at."""
MOST_GROWTH = 8.0
"""MiB between the first tenth of a run, in which pools and caches fill, and its end."""
SAMPLES = Path(__file__).resolve().parents[1] / "samples"


class Wrong(Exception):
    """A picture that is none, or an error of OpenGL."""


def rendered(way: Way, avatar: Avatar, size: int, frames: int) -> Iterator[None]:
    """Frames of a renderer."""
    course = Course(avatar, size, size, 240)
    with closing(way.open((avatar,), size, size)) as renderer:
        context = getattr(renderer, "_context", None)
        for index in range(frames):
            pose, camera = course.frame(index)
            picture = renderer.draw((pose,), camera)
            if index % LOOKED_AT == 0:
                check(picture)
                check_errors(context)
            yield


def embedded(tier: Tier, avatar: Avatar, size: int, frames: int) -> Iterator[None]:
    """Frames of a player in a context of the program's own, with depth, seen from a window that changes its size."""
    context = offscreen_context()
    player, stage = Player(avatar, life=Idle(avatar.rig)), Stage(context, (avatar,), tier)
    target = context.simple_framebuffer((size, size))
    for index in range(frames):
        if index % 1000 == 999:
            side, before = size + index // 1000 % 7, target
            target = context.simple_framebuffer((side, side))
            target.use()  # moderngl binds what was bound before: it must still be there
            before.release()
        player.advance(1 / FPS)
        player.expression["jawOpen"] = index % 30 / 30
        camera = player.camera.turned(float(index % 40 - 20), 0.0).camera(*target.size)
        target.use()
        target.clear(0.2, 0.2, 0.2, 1.0)
        stage.draw((player.pose(),), camera)
        if index % 10 == 0:
            stage.draw_depth(camera)
        if index % LOOKED_AT == 0:
            check(
                np.frombuffer(target.read(components=4), np.uint8).reshape(*target.size, 4) / np.float32(255)
                - np.float32(0.2)
            )
            check_errors(context)
        yield
    stage.release()
    target.release()
    context.release()


def check(picture: np.ndarray) -> None:
    """Finite, and not empty."""
    if not np.isfinite(picture).all() or not np.abs(picture).max() > 0.1:
        raise Wrong("a picture that is empty or not finite")


def check_errors(context: Any) -> None:
    """What OpenGL complained of since it was last asked, which forgets it."""
    error = "GL_NO_ERROR" if context is None else context.error
    if error != "GL_NO_ERROR":
        raise Wrong(error)


def soak(name: str, avatar: Avatar, size: int, frames: int) -> bool:
    """Run one way; say what became of memory."""
    (way,) = (each for each in ways() if each.name == name)
    tier = next((tier for tier in Tier if name.endswith(tier)), None)
    start, done, first, last = time.monotonic(), 0, 0.0, 0.0
    part = max(1, frames // (2 * AGAIN))
    while done < frames:
        for _ in rendered(way, avatar, size, part):
            done += 1
        if tier is not None:
            for _ in embedded(tier, avatar, size, part):
                done += 1
        gc.collect()
        last = resident()
        first = first if done > frames / 10 and first else last
    grown = last - first
    print(
        f"{name}: {done:,} frames in {time.monotonic() - start:.0f} s, {last:.0f} MiB, {grown:+.1f} MiB since the first tenth",
        flush=True,
    )
    return grown <= MOST_GROWTH


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("avatar", type=Path, nargs="?", default=SAMPLES / "tiny_avatar.glb")
    parser.add_argument("--frames", type=int, default=100_000, help="for each way of drawing")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--splats", type=int, default=300)
    parser.add_argument("--way", action="append", choices=[way.name for way in ways()], help="default: all")
    options = parser.parse_args()
    avatar = exporters.load(options.avatar).level(options.splats)
    return (
        0
        if all(
            [
                soak(way.name, avatar, options.size, options.frames)
                for way in ways()
                if way.name in (options.way or (way.name,))
            ]
        )
        else 1
    )


if __name__ == "__main__":
    sys.exit(main())
