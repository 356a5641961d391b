"""Looks at an engine's page in a headless Chromium, and says how its pictures compare with ours."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode

import numpy as np

from facecraft4d import exporters
from facecraft4d.samples.engines.common.pictures import SIZE, camera_parameters, compared, read_picture, references
from facecraft4d.samples.engines.common.places import ENGINES, FLAGS, WEB_PLAYER, find_chromium, installed, run_node
from facecraft4d.samples.engines.common.places import version
from facecraft4d.samples.engines.common.poses import HEAD, JAW, TURN, poses, spoken
from facecraft4d.samples.engines.common.report import Report, judged, write_report
from facecraft4d.samples.engines.common.server import served
from facecraft4d.toolkit.core.asset import Avatar

BUDGET = 20_000
"""Splats of the head that the time of a frame is measured with; of a smaller head, all."""
FRAMES = 24
"""Frames of which the median time is given."""
SECONDS = 240.0
"""For a page to load and all of its pictures."""
PARTS = {"centre": "means", "rotation": "rotationsWxyz", "scale": "scales"}
"""What may move of a splat, and what the JavaScript core calls it."""
ALL_MOVE = {"expressions": {JAW: 1.0}, "joints": {HEAD: [0.0, TURN, 0.0]}}
"""A pose in which splats move, turn and stretch."""
NOTICED = 0.02
"""Mean difference, of 255 over the picture, by which a part that is held back must show."""

Shot = dict[str, Any]
Visit = Callable[[str, Sequence[Shot], bool], dict[str, Any]]
"""Opens the page with a file, takes the shots, measures a frame where asked to; gives back what the browser says."""


@dataclass(frozen=True)
class Page:
    """A page of a sample, and what is said of it in the table."""

    engine: str
    """Folder of the sample."""
    name: str
    """Its pictures and its report are called after it."""
    title: str
    """For people."""
    package: str
    """The npm package whose version is the engine's."""
    notes: str
    page: str = "index.html"
    file: str = "avatar.glb"
    """What the page reads."""
    splats: bool = True
    """It draws splats, as our renderer does."""


def look(page: Page, avatar: Avatar, out: Path, timed: bool = True, size: int = SIZE) -> Report:
    """Look at the five poses: NAME_POSE.png and NAME.json in `out`. RuntimeError where the page fails, Missing where something lacks."""
    cases = poses(avatar)
    out.mkdir(parents=True, exist_ok=True)
    shots = [_shot(out / f"{page.name}_{name}.png", spoken(pose, avatar.rig)) for name, pose in cases.items()]
    with TemporaryDirectory() as scratch, _opened(page, avatar, size, Path(scratch)) as visit:
        held = {part: _shot(Path(scratch) / f"{part}.png", ALL_MOVE, [name]) for part, name in PARTS.items()}
        free = _shot(Path(scratch) / "free.png", ALL_MOVE)
        answer = visit("avatar.glb", [*shots, free, *held.values()], False)
        moves = {part: _differ(free, shot) for part, shot in held.items()}
        milliseconds = visit("budget.glb", [], True)["milliseconds"] if timed else None
    pictures = {name: read_picture(Path(shot["file"])) for name, shot in zip(cases, shots, strict=True)}
    facts = judged(compared(pictures, references(avatar, cases, size)))
    report = Report(
        engine=f"{page.title} {version(page.engine, page.package)}",
        file=page.file,
        verified=f"Chromium {answer['browser'].split('.')[0]}, headless, {size} pixels",
        moves=moves,
        joints="turn" not in facts["wrong"],
        ms_per_frame=milliseconds,
        splats=min(BUDGET, len(avatar.splats.means)) if timed else None,
        notes=page.notes,
        **facts,
    )
    write_report(report, out / f"{page.name}.json")
    return report


def _shot(file: Path, pose: dict[str, Any], held: Sequence[str] = ()) -> Shot:
    return {"file": str(file.resolve()), "pose": pose, "held": list(held)}


def _differ(one: Shot, other: Shot) -> bool:
    pictures = [read_picture(Path(shot["file"])).astype(float) for shot in (one, other)]
    return bool(np.abs(pictures[0] - pictures[1]).mean() > NOTICED)


@contextmanager
def _opened(page: Page, avatar: Avatar, size: int, scratch: Path) -> Iterator[Visit]:
    """The page served on loopback beside the avatar and its level of BUDGET splats."""
    exporters.export(avatar, scratch / "avatar.glb")
    exporters.export(avatar.level(BUDGET), scratch / "budget.glb")
    folders = {
        "/data/": scratch,
        "/samples/engines/": ENGINES,
        f"/samples/engines/{page.engine}/node_modules/": installed(page.engine),
        "/exporters/web_player/": WEB_PLAYER,
    }
    job = {"modules": str(installed("common")), "chromium": str(find_chromium()), "flags": FLAGS, "size": size}
    with served(folders) as address:

        def visit(file: str, shots: Sequence[Shot], timed: bool) -> dict[str, Any]:
            query = urlencode({"avatar": f"/data/{file}", "size": size} | camera_parameters(avatar))
            url = f"{address}/samples/engines/{page.engine}/{page.page}?{query}"
            measure = {"frames": FRAMES, "expression": JAW} if timed else None
            whole = job | {"url": url, "shots": list(shots), "measure": measure, "wait": SECONDS * 1000}
            answer: dict[str, Any] = json.loads(
                run_node(ENGINES / "common" / "browser.mjs", json.dumps(whole), 2 * SECONDS)
            )
            return answer

        yield visit


def main(*pages: Page) -> int:
    """The command `python .../run.py AVATAR.glb OUTDIR`: 0 where every page is as it should be, 1 otherwise."""
    if len(sys.argv) != 3:
        print(f"usage: python {sys.argv[0]} AVATAR.glb OUTDIR", file=sys.stderr)
        return 2
    avatar, out = exporters.load(Path(sys.argv[1])), Path(sys.argv[2])
    reports = [look(page, avatar, out) for page in pages]
    for report in reports:
        print(json.dumps(report.psnr), report.wrong or "as it should be")
    return 0 if all(report.ok for report in reports) else 1
