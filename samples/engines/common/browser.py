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
from facecraft4d.samples.engines.common.pictures import (
    COLOUR,
    SIZE,
    Picture,
    camera_parameters,
    compared,
    read_picture,
    references,
    upright,
)
from facecraft4d.samples.engines.common.places import (
    ENGINES,
    FLAGS,
    NOT_RUN,
    WEB_PLAYER,
    Missing,
    find_chromium,
    installed,
    run_node,
    version,
)
from facecraft4d.samples.engines.common.poses import HEAD, JAW, TURN, poses, spoken
from facecraft4d.samples.engines.common.report import Report, judged, write_report
from facecraft4d.samples.engines.common.server import served
from facecraft4d.samples.engines.common.still import Still
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
Visit = Callable[[dict[str, str], Sequence[Shot], bool], dict[str, Any]]
"""Opens the page with those parameters, takes the shots, measures a frame where asked to; gives back what the browser says."""
DATA = "/data/"
"""Where pages find the files of `opened`."""


@dataclass(frozen=True)
class Page:
    """A page of a sample, and what is said of it in the table."""

    engine: str
    """Folder of the sample."""
    name: str
    """Its pictures and its report are called after it."""
    title: str
    """For people."""
    package: str | None
    """The npm package whose version is the engine's; None for our own."""
    notes: str
    page: str = "index.html"
    file: str = "avatar.glb"
    """What the page reads."""
    splats: bool = True
    """It draws splats, as our renderer does."""
    moves: dict[str, bool] | None = None
    """What moves, where the page cannot hold parts of the splats back and it is known from elsewhere."""
    excused: tuple[str, ...] = ()
    """Poses in which the engine cannot show what we do; `notes` says why."""
    colour: float = COLOUR
    """Mean colours may differ so much, of 255: more where something else than splats is drawn."""
    stills: tuple[Still, ...] = ()
    """Files without a rig that the engine reads by itself, and how they come out."""
    variant: str = ""
    """Which of several pages of one engine."""

    @property
    def label(self) -> str:
        """Name, version, variant."""
        number = f" {version(self.engine, self.package)}" if self.package else ""
        return self.title + number + (f", {self.variant}" if self.variant else "")


def look(page: Page, avatar: Avatar, out: Path, timed: bool = True, size: int = SIZE) -> Report:
    """Look at the five poses: NAME_POSE.png and NAME.json in `out`. RuntimeError where the page fails, Missing where something lacks."""
    cases = poses(avatar)
    out.mkdir(parents=True, exist_ok=True)
    shots = [_shot(out / f"{page.name}_{name}.png", spoken(pose, avatar.rig)) for name, pose in cases.items()]
    ours = references(avatar, cases, size)
    with TemporaryDirectory() as folder, opened(page, avatar, size, Path(folder)) as visit:
        scratch = Path(folder)
        held = {part: _shot(scratch / f"{part}.png", ALL_MOVE, [name]) for part, name in PARTS.items()}
        free = _shot(scratch / "free.png", ALL_MOVE)
        holds = page.splats and page.moves is None
        answer = visit({"avatar": DATA + page.file}, [*shots, free, *held.values()] if holds else shots, False)
        moves = page.moves or {part: holds and _differ(free, shot) for part, shot in held.items()}
        milliseconds = visit({"avatar": f"{DATA}budget_{page.file}"}, [], True)["milliseconds"] if timed else None
        stills = {each.label: _stands(each, avatar, scratch, visit, ours["neutral"].picture) for each in page.stills}
    pictures = {name: read_picture(Path(shot["file"])) for name, shot in zip(cases, shots, strict=True)}
    facts = judged(compared(pictures, ours, page.colour), page.excused)
    unlike = {each.label: "not as expected" for each in page.stills if stills[each.label] != each.upright}
    report = Report(
        engine=page.label,
        file=page.file,
        verified=f"Chromium {answer['browser'].split('.')[0]}, headless, {size} pixels",
        moves=moves,
        joints="turn" not in facts.wrong,
        psnr=facts.psnr,
        mean_colour_difference=facts.mean_colour_difference,
        ms_per_frame=milliseconds,
        splats=min(BUDGET, len(avatar.splats.means)) if timed and page.splats else None,
        wrong=facts.wrong | unlike,
        stills=stills,
        notes=page.notes,
    )
    write_report(report, out / f"{page.name}.json")
    return report


def _stands(still: Still, avatar: Avatar, scratch: Path, visit: Visit, ours: Picture) -> bool:
    """Whether a file that the engine reads by itself comes out upright."""
    file, shot = f"{still.label}{still.suffix}", {"file": str(scratch / f"{still.label}.png")}
    exporters.export(avatar, scratch / file, options=still.options)
    visit({"still": DATA + file}, [shot], False)
    return upright(read_picture(Path(shot["file"])), ours)


def _shot(file: Path, pose: dict[str, Any], held: Sequence[str] = ()) -> Shot:
    return {"file": str(file.resolve()), "pose": pose, "held": list(held)}


def _differ(one: Shot, other: Shot) -> bool:
    pictures = [read_picture(Path(shot["file"])).astype(float) for shot in (one, other)]
    return bool(np.abs(pictures[0] - pictures[1]).mean() > NOTICED)


@contextmanager
def opened(page: Page, avatar: Avatar, size: int, scratch: Path) -> Iterator[Visit]:
    """The page served on loopback beside the avatar and its level of BUDGET splats."""
    exporters.export(avatar, scratch / page.file)
    exporters.export(avatar.level(BUDGET), scratch / f"budget_{page.file}")
    folders = {
        DATA: scratch,
        "/samples/engines/": ENGINES,
        "/exporters/web_player/": WEB_PLAYER,
    }
    if page.package:
        folders[f"/samples/engines/{page.engine}/node_modules/"] = installed(page.engine)
    job = {"modules": str(installed("common")), "chromium": str(find_chromium()), "flags": FLAGS, "size": size}
    with served(folders) as address:

        def visit(parameters: dict[str, str], shots: Sequence[Shot], timed: bool) -> dict[str, Any]:
            query = urlencode(parameters | {"size": str(size)} | camera_parameters(avatar))
            url = f"{address}/samples/engines/{page.engine}/{page.page}?{query}"
            measure = {"frames": FRAMES, "expression": JAW} if timed else None
            whole = job | {"url": url, "shots": list(shots), "measure": measure, "wait": SECONDS * 1000}
            answer: dict[str, Any] = json.loads(
                run_node(ENGINES / "common" / "browser.mjs", json.dumps(whole), 2 * SECONDS)
            )
            return answer

        yield visit


def main(*pages: Page) -> int:
    """The command `python .../run.py AVATAR.glb OUTDIR`: 0 where every page is as it should be, NOT_RUN where something lacks, else 1."""
    if len(sys.argv) != 3:
        print(f"usage: python {sys.argv[0]} AVATAR.glb OUTDIR", file=sys.stderr)
        return 2
    avatar, out = exporters.load(Path(sys.argv[1])), Path(sys.argv[2])
    try:
        reports = [look(page, avatar, out) for page in pages]
    except Missing as reason:
        print(reason, file=sys.stderr)
        return NOT_RUN
    except RuntimeError as reason:
        print(reason, file=sys.stderr)
        return 1
    for report in reports:
        print(json.dumps(report.psnr), report.wrong or "as it should be")
    return 0 if all(report.ok for report in reports) else 1
