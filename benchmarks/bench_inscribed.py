"""What a smaller triangle for every splat saves of OpenGL's drawing, and what it changes in the picture.

    python benchmarks/bench_inscribed.py my_head/avatar.glb

Equal frames in turns, each by triangles of several sizes (`Look.inscribed`). Processor time of drawing alone, median of its ratios to whole
splats; the least PSNR of a frame to whole splats, premultiplied. Only an OpenGL on the processor tells its time so.
"""

import argparse
import statistics
import time
from contextlib import closing
from pathlib import Path

import numpy as np
from bench_runtime import SIZES, Case
from machine import described
from runtime_scene import Course, with_splats

from facecraft4d import exporters
from facecraft4d.runtime.gl.drawing import LOOK
from facecraft4d.runtime.gl.instances import Tier
from facecraft4d.runtime.opengl import OffscreenRenderer
from facecraft4d.toolkit.core.asset import Avatar

RADII = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7)
"""The first is what the others are compared with."""
COUNTS = 20_000, 50_000
FRAMES = 12


def seconds_and_pictures(renderer: OffscreenRenderer, course: Course, index: int) -> list[tuple[float, np.ndarray]]:
    """Processor seconds of drawing a frame by each radius, and its picture."""
    pose, camera = course.frame(index)
    context, picture, found = renderer._context, renderer._picture, []
    with context:
        count = renderer._instances.write((pose,), camera, False)
        for radius in RADII:
            context.finish()
            start = time.process_time()
            picture.draw(count, camera, LOOK._replace(inscribed=radius))
            context.finish()
            found.append((time.process_time() - start, picture.read()))
    return found


def psnr(image: np.ndarray, whole: np.ndarray) -> float:
    """Of two pictures, as far as a screen shows them, dB."""
    return float(-10 * np.log10(np.mean((np.clip(image, 0, 1) - np.clip(whole, 0, 1)) ** 2)))


def rows(avatar: Avatar, case: Case) -> list[str]:
    """A line of the table for each radius."""
    size = case.width, case.height
    with closing(OffscreenRenderer((avatar,), *size, Tier.UPLOAD)) as renderer:
        course = Course(avatar, *size, FRAMES)
        frames = [seconds_and_pictures(renderer, course, index) for index in range(FRAMES)]
    lines = []
    for column, radius in enumerate(RADII[1:], 1):
        ratio = statistics.median(frame[column][0] / frame[0][0] for frame in frames)
        least = min(psnr(frame[column][1], frame[0][1]) for frame in frames)
        lines.append(f"| {case} | {radius} | {ratio:.2f} | {least:.1f} |")
    return lines


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("avatar", type=Path)
    avatar = exporters.load(parser.parse_args().avatar)
    print("| splats, picture | radius | time | PSNR, dB |\n| --- | --- | --- | --- |")
    for count in COUNTS:
        for size in SIZES:
            print(*rows(with_splats(avatar, count), Case(count, *size)), sep="\n", flush=True)
    print(f"\n{described()}.")


if __name__ == "__main__":
    main()
