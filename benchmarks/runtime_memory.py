"""Resident size, in MiB, of a process that draws so many avatars of a file: python benchmarks/runtime_memory.py AVATAR.glb WAY COUNT."""

import gc
import re
import sys
from contextlib import closing
from pathlib import Path

from runtime_scene import Course
from runtime_tiers import ways

from facecraft4d import exporters

SIZE = 512
FRAMES = 3


def resident() -> float:
    """Of this process (Linux)."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None, "needs Linux"
    return int(found[1]) / 1024


def main(path: Path, name: str, count: int) -> None:
    """Open, draw a few frames, print."""
    (way,) = (each for each in ways() if each.name == name)
    avatars = [exporters.load(path) for _ in range(count)]
    course = Course(avatars[0], SIZE, SIZE, FRAMES)
    with closing(way.open(avatars, SIZE, SIZE)) as renderer:
        for index in range(FRAMES):
            pose, camera = course.frame(index)
            renderer.draw([pose] * count, camera)
        gc.collect()
        print(resident())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
