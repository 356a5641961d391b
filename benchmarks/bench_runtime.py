"""How long a frame takes to each of our ways of drawing and to the browsers' viewers of splats, in turns within one run.

    python benchmarks/bench_runtime.py my_head/avatar.glb --out build/runtime.json [--document docs/performance.md]

Everybody draws the same two scenes, a camera that goes around a head, and is waited for until the picture is drawn; nobody reads it. In one the head is
at rest, since not all viewers can move splats: the least time of a frame counts. In the other it moves in every frame, posed by our JavaScript in
the viewers that can: medians against medians. Ours have frames before and after the viewers'. Parts are those of our quickest moving frame.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from machine import described
from page import put_table
from runtime_scene import with_splats
from runtime_tiers import NAMES, timed_frames, ways
from runtime_viewers import VIEWERS, Stand, stand

from facecraft4d import exporters
from facecraft4d.samples.engines.common.places import Missing
from facecraft4d.toolkit.core.asset import Avatar

COUNTS, SIZES = (20_000, 50_000, 100_000), ((512, 512), (1920, 1080))
FRAMES, VIEWER_FRAMES, SKIPPED, ROUNDS = 5, 14, 4, 2
"""Frames of ours in a round, of a viewer's, of which the first are not counted; rounds of ours, one before and one after the viewers."""
MEMORY_SPLATS, MORE = 50_000, 3
"""Splats of the avatars that memory is counted with, and how many are opened beside the first."""
TARGETS = {"OpenGL": 0.75, "processor": 0.4}
"""Of the quickest viewer's frame."""


class Case(NamedTuple):
    """One head in one size of picture."""

    splats: int
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.splats // 1000}k, {self.width} x {self.height}"


def of_case(avatar: Avatar, case: Case) -> dict[str, Any]:
    """Times of everybody: {"ours": {way: {part: ms}}, "rest": {way: ms}, "viewers": {name: ms}, "medians": {...}, "moving": {name: ms}}."""
    size = case.width, case.height
    ours, resting = ({way.name: [] for way in ways()} for _ in range(2))
    viewers: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, stand(avatar, Path(folder)) as place:
        for turn in range(ROUNDS):
            for way in ways():
                ours[way.name] += timed_frames(way, avatar, size, FRAMES)
                resting[way.name] += timed_frames(way, avatar, size, FRAMES, still=True)
            if turn == 0:
                viewers = {each.name: place.orbit(each, size, VIEWER_FRAMES)[SKIPPED:] for each in VIEWERS}
                moving = talking(place, size)
    return {
        **case._asdict(),
        "ours": {name: least_parts(found) for name, found in ours.items()},
        "rest": {name: least_parts(found)["frame"] for name, found in resting.items()},
        "viewers": {name: min(times) for name, times in viewers.items()},
        "medians": {name: statistics.median(each["frame"] for each in found) for name, found in ours.items()},
        "moving": moving,
    }


def least_parts(frames: list[dict[str, float]]) -> dict[str, float]:
    """Parts of the quickest frame."""
    return min(frames, key=lambda frame: frame["frame"])


def talking(place: Stand, size: tuple[int, int]) -> dict[str, float]:
    """Median milliseconds of those viewers that can move splats, while they do."""
    return {each.name: place.talking(each, size, VIEWER_FRAMES) for each in VIEWERS if each.moves}


def memory(path: Path) -> dict[str, float]:
    """MiB that one more avatar takes in a scene, for each way."""

    def resident(way: str, count: int) -> float:
        words = [sys.executable, str(Path(__file__).with_name("runtime_memory.py")), str(path), way, str(count)]
        return float(subprocess.run(words, capture_output=True, text=True, check=True).stdout)

    return {way.name: (resident(way.name, 1 + MORE) - resident(way.name, 1)) / MORE for way in ways()}


def ratios(found: dict[str, Any]) -> dict[str, float]:
    """Our quickest frame of each kind, to the quickest viewer's, of a head at rest."""
    best = min(found["viewers"].values())
    least = {kind: min(v for k, v in found["rest"].items() if k.startswith(kind)) for kind in TARGETS}
    return {kind: milliseconds / best for kind, milliseconds in least.items()}


def table(result: dict[str, Any]) -> str:
    """All of it in Markdown."""
    lines = [
        f"| splats, picture | who | {' | '.join(NAMES)} | moving, ms | at rest, ms | to the quickest viewer |",
        "| --- " * (len(NAMES) + 5) + "|",
    ]
    for found in sorted(result["cases"], key=lambda each: (each["splats"], each["width"])):
        case = Case(found["splats"], found["width"], found["height"])
        best = min(found["viewers"].values(), default=float("nan"))
        for name, parts in found["ours"].items():
            cells = " | ".join(f"{parts[part]:.1f}" for part in NAMES)
            rest = found["rest"][name]
            lines.append(f"| {case} | **{name}** | {cells} | {parts['frame']:.0f} | {rest:.0f} | {rest / best:.2f} |")
        for name, milliseconds in found["viewers"].items():
            empty = " | ".join([""] * (len(NAMES) + 1))
            lines.append(f"| {case} | {name} | {empty} | {milliseconds:.0f} | {milliseconds / best:.2f} |")
    lines += moving_lines(result)
    if result["memory"]:
        said = ", ".join(f"{name} {size:.0f}" for name, size in result["memory"].items())
        lines += ["", f"One more avatar of {MEMORY_SPLATS // 1000}k splats in a scene takes, MiB: {said}."]
    return "\n".join([*lines, "", f"{result['machine']}."])


def moving_lines(result: dict[str, Any]) -> list[str]:
    """Viewers that move the head in every frame as ours do, beside our medians of the same head and size."""
    lines = []
    for found in (each for each in result["cases"] if each["moving"]):
        best = min(found["moving"].values())
        times = {name: found["medians"][name] for name in found["ours"]} | found["moving"]
        said = ", ".join(
            f"{name} {milliseconds:.0f} ({milliseconds / best:.2f})" for name, milliseconds in times.items()
        )
        case = Case(found["splats"], found["width"], found["height"])
        lines += [
            "",
            f"Moved in every frame by everybody who can, {case}, medians in ms (to the quickest viewer): {said}.",
        ]
    return lines


def main() -> None:
    """Measure, and write JSON and the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("avatar", type=Path)
    parser.add_argument("--out", type=Path, default=Path("build/runtime.json"))
    parser.add_argument("--document", type=Path, help="a page with lines for the table")
    parser.add_argument("--splats", type=int, action="append", help=f"default: {COUNTS}")
    parser.add_argument("--size", action="append", help="WIDTHxHEIGHT; default: 512x512 and 1920x1080")
    options = parser.parse_args()
    avatar = exporters.load(options.avatar)
    sizes = [tuple(map(int, size.split("x"))) for size in options.size or ()] or SIZES
    result: dict[str, Any] = {"machine": described(), "cases": [], "memory": {}}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    for count in options.splats or COUNTS:
        head = with_splats(avatar, count)
        for width, height in sizes:
            found = of_case(head, Case(count, width, height))
            result["cases"].append(found | {"ratios": ratios(found)})
            print(Case(count, width, height), json.dumps(ratios(found)), flush=True)
            options.out.write_text(json.dumps(result, indent=1))  # what was measured stays, whatever comes
    with tempfile.TemporaryDirectory() as folder:
        exporters.export(with_splats(avatar, MEMORY_SPLATS), Path(folder) / "head.glb")
        result["memory"] = memory(Path(folder) / "head.glb")
    options.out.write_text(json.dumps(result, indent=1))
    text = table(result)
    print(text)
    if options.document:
        put_table(options.document, text)


if __name__ == "__main__":
    try:
        main()
    except Missing as reason:
        sys.exit(str(reason))
