"""Size of every exported format and time to write it, at 50,000 splats, beside the naive layout; and what importing the exporters takes.

    python benchmarks/bench_exports.py [--avatar my_head/avatar.glb] [--splats 50000] [--clip face_cap]

An avatar of fewer splats is filled up with copies of its own, first to last and again, each moved on its triangle by a hundredth of the
triangle's size at random (seed 0), so that no packer finds it twice; of more it is the level of that many. Levels of detail are left out.
"""

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
from machine import described

from facecraft4d.exporters import FORMATS, ExportOptions, load
from facecraft4d.exporters.format import Format
from facecraft4d.exporters.formats import GLTF
from facecraft4d.exporters.motions import find_motion
from facecraft4d.exporters.options import Character, GltfOptions, Purpose
from facecraft4d.toolkit.core.asset import Avatar

SAMPLE = Path(__file__).parents[1] / "samples" / "tiny_avatar.glb"
JITTER = 0.01
"""Of the triangle's size: what moves a copy of a splat."""
RUNS = 10
"""Imports, of which the least is told."""
REST_FLOATS, MEAN_FLOATS, MOVED_FLOATS = 14, 3, 10
"""Of a splat at rest (mean, rotation, scales, opacity, colour), of its displacement, and of all that a triangle changes of it."""

VARIANTS = {
    "gltf --for engine": GltfOptions(purpose=Purpose.ENGINE),
    "gltf --for player": GltfOptions(purpose=Purpose.PLAYER),
    "gltf --splat-morphs": GltfOptions(splat_morphs=True),
    "gltf --character khr": GltfOptions(character=Character.KHR),
}


def resampled(avatar: Avatar, count: int) -> Avatar:
    """The avatar with so many splats and no levels of detail."""
    have = len(avatar.splats.means)
    if count <= have:
        return replace(avatar.level(count), levels=())
    rows = np.arange(count) % have
    parts = {each.name: getattr(avatar.splats, each.name)[rows] for each in fields(avatar.splats)}
    noise = np.random.default_rng(0).normal(scale=JITTER, size=(count - have, 3)).astype(np.float32)
    parts["means"][have:] += noise
    return replace(avatar, splats=replace(avatar.splats, **parts), levels=())


def naive_rows(avatar: Avatar) -> Iterator[tuple[str, int]]:
    """Bytes of dense float32: a splat's numbers one after another, every expression's displacement of every splat."""
    count, expressions = len(avatar.splats.means), len(avatar.rig.expression_names)
    rest = 4 * REST_FLOATS * count
    yield "naive: splats at rest", rest
    yield "naive: and every expression's positions", rest + 4 * MEAN_FLOATS * count * expressions
    yield "naive: and every expression's positions, rotations, scales", rest + 4 * MOVED_FLOATS * count * expressions


def measured(chosen: Format, avatar: Avatar, options: ExportOptions) -> tuple[int, int, float]:
    """Files, bytes and seconds of one export into memory."""
    started = time.perf_counter()
    sizes = [len(data) for _, data in chosen.write(avatar, f"head{chosen.ending}", options)]
    return len(sizes), sum(sizes), time.perf_counter() - started


def import_seconds() -> float:
    """Processor time of a fresh Python that imports the exporters, less that of one which imports nothing."""

    def spent(code: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return min(spent("import facecraft4d.exporters") for _ in range(RUNS)) - min(spent("") for _ in range(RUNS))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--avatar", type=Path, default=SAMPLE)
    parser.add_argument("--splats", type=int, default=50_000)
    parser.add_argument("--clip", help="for formats that play; others then write a sequence")
    chosen = parser.parse_args()
    avatar = resampled(load(chosen.avatar), chosen.splats)
    options = ExportOptions(clips=(find_motion(chosen.clip),) if chosen.clip else ())
    print(described())
    print(
        f"{len(avatar.splats.means):,} splats, {len(avatar.rig.expression_names)} expressions, clip: {chosen.clip or 'none chosen'}"
    )
    for name, size in naive_rows(avatar):
        print(f"{name:<62} {size / 1e6:9.2f} MB")
    rows = [(each.name, each, options) for each in FORMATS]
    rows += [(name, GLTF, replace(options, gltf=gltf)) for name, gltf in VARIANTS.items()]
    for name, each, choice in rows:
        files, size, seconds = measured(each, avatar, choice)
        print(f"{name:<22} {files:4} file{'s' * (files > 1):<1} {size / 1e6:9.2f} MB {seconds:7.2f} s", flush=True)
    print(f"import facecraft4d.exporters: {import_seconds():.3f} s of processor time, least of {RUNS}")


if __name__ == "__main__":
    main()
