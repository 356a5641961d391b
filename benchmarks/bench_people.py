"""Random people with known truth: how near their heads come from the front, the sides and behind, and which alarms ring.

    python benchmarks/bench_people.py FOLDER [--seed 1000] [--count 50] [--draft] [--worst 5]

People are made in FOLDER (benchmarks/people/make.py) unless they are there. Without --draft the shape prior's mesh is judged, half a minute each;
with it the whole build of the preset draft, minutes each. FOLDER/pSEED/coarse.json or draft.json keep what was measured: a stopped run goes on.
Ends with a table, and FOLDER/worst_coarse.png or worst_draft.png: the people whose sides are farthest from the truth, truth above.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from people.make import made
from people.score import score, sheet

from facecraft4d.exporters import load
from facecraft4d.toolkit import preprocess, shape_prior
from facecraft4d.toolkit.config import BuildConfig, Device
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Camera, Coarse, Mesh, Pose
from facecraft4d.toolkit.core.rigging import pose_vertices
from facecraft4d.toolkit.core.stages import StageContext, silent
from facecraft4d.toolkit.evaluation import alarms
from facecraft4d.toolkit.evaluation.drawing import Render, draw
from facecraft4d.toolkit.meshes.raster import draw_mesh

COLUMNS = (
    ("front", "lpips"),
    ("sides", "lpips"),
    ("back", "lpips"),
    ("sides", "iou"),
    ("front", "identity"),
    ("moving", "identity"),
)
BETTER = {"lpips": min, "iou": max, "identity": max}


def coarse_of(folder: Path) -> Coarse:
    """The shape prior's head of a person's portrait."""
    context = StageContext(0, Device.CPU, folder, silent)
    config = BuildConfig()
    portrait = preprocess.run(folder / "portrait.jpg", config.preprocess, context)
    return shape_prior.run(portrait, config.shape_prior, config.face_model, context)


def judged_coarse(folder: Path) -> dict[str, Any]:
    """Measures of the shape prior's mesh."""
    coarse = coarse_of(folder)
    rig, mesh = coarse.head.rig, coarse.head.mesh

    def drawn(pose: Pose, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
        found = draw_mesh(Mesh(pose_vertices(rig, pose), mesh.triangles, mesh.corner_uvs, mesh.texture), camera)
        return found.image, found.alpha

    seen = [Render(view.image, view.mask) for view in coarse.views.views]
    _, rung = alarms.measure(seen, coarse.head, coarse.views)
    return score(folder, rig, drawn, folder / "coarse") | {"alarms": alarms.ringing(rung, "coarse head")}


def judged_draft(folder: Path) -> dict[str, Any]:
    """Measures of the avatar that the preset draft builds."""
    from facecraft4d.cli import main as command

    out = folder / "build"
    if not (out / "metrics.json").exists() and command(
        ["build", str(folder / "portrait.jpg"), "--out", str(out), "--preset", "draft"]
    ):
        raise UserError(f"{folder.name}: the build failed")
    avatar = load(out / "avatar.glb")

    def drawn(pose: Pose, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
        found = draw(avatar, pose, camera)
        return found.image, found.alpha

    rung = json.loads((out / "metrics.json").read_text())["alarms"]
    return score(folder, avatar.rig, drawn, folder / "draft") | {"alarms": rung}


def results(folder: Path, draft: bool) -> dict[str, Any]:
    """Measured now or before; who cannot be built says why."""
    kept = folder / ("draft.json" if draft else "coarse.json")
    if not kept.exists():
        start = time.monotonic()
        try:
            found = judged_draft(folder) if draft else judged_coarse(folder)
        except UserError as error:
            found = {"who": "", "refused": str(error), "groups": {}, "alarms": []}
        kept.write_text(json.dumps(found | {"seconds": round(time.monotonic() - start, 1)}, indent=1))
    return dict(json.loads(kept.read_text()))


def line(name: str, values: Iterable[float | None], rest: str) -> str:
    return f"{name:8s}" + "".join("       -" if value is None else f"{value:8.3f}" for value in values) + f"  {rest}"


def table(found: dict[str, dict[str, Any]]) -> str:
    """A row each, then mean and worst."""
    lines = ["        " + "".join(f"{group[:5] + ' ' + key[:2]:>8s}" for group, key in COLUMNS)]
    values = {name: [each["groups"].get(group, {}).get(key) for group, key in COLUMNS] for name, each in found.items()}
    for name, each in found.items():
        rung = [note.split(": ")[1].split(" at")[0] for note in each["alarms"]]
        lines.append(
            line(
                name,
                values[name],
                each.get("refused") or f"{each['who']}{'; ALARM ' + ', '.join(rung) if rung else ''}",
            )
        )
    columns = [[row[index] for row in values.values() if row[index] is not None] for index in range(len(COLUMNS))]
    lines.append(
        line("mean", [float(np.mean(column)) if column else None for column in columns], f"{len(found)} people")
    )
    ends = [
        (max if BETTER[key] is min else min)(column) if column else None
        for column, (_, key) in zip(columns, COLUMNS, strict=True)
    ]
    lines.append(line("worst", ends, f"alarms ring on {sum(bool(each['alarms']) for each in found.values())}"))
    return "\n".join(lines)


def main() -> None:
    """Make, build, judge, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--draft", action="store_true")
    parser.add_argument("--worst", type=int, default=5)
    options = parser.parse_args()
    found = {}
    for seed in range(options.seed, options.seed + options.count):
        folder = made(options.folder, seed, "few")
        found[folder.name] = results(folder, options.draft)
        print(table({folder.name: found[folder.name]}).splitlines()[1], flush=True)
    print(table(found))
    which = "draft" if options.draft else "coarse"
    order = sorted(
        (name for name in found if found[name]["groups"]), key=lambda name: -found[name]["groups"]["sides"]["lpips"]
    )
    if order:
        sheets = [sheet(options.folder / name, options.folder / name / which) for name in order[: options.worst]]
        cv2.imwrite(str(options.folder / f"worst_{which}.png"), np.vstack(sheets))


if __name__ == "__main__":
    main()
