"""The head in OpenUSD: python samples/engines/usd/run.py AVATAR.glb OUTDIR.

usd-core has no renderer: it opens, checks and poses the file, and what it finds is compared with ours.
"""

import json
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from facecraft4d import exporters
from facecraft4d.samples.engines.common.places import NOT_RUN
from facecraft4d.samples.engines.common.poses import poses
from facecraft4d.samples.engines.common.report import Report, write_report
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Motion, Pose
from facecraft4d.toolkit.core.rigging import place_splats, pose_vertices

if TYPE_CHECKING:
    from facecraft4d.samples.engines.usd.stage import Stage

NAME = "usd"
CLOSE = 1e-5
"""Metres: UsdSkel works in float32, in another order than ours."""
RATE = 30.0
"""Frames a second of the stage whose frames are the five poses."""


def main() -> int:
    """The command: 0 where everything is as it should be, NOT_RUN without usd-core."""
    if find_spec("pxr") is None:
        print('needs usd-core; pip install "facecraft4d[usd]"', file=sys.stderr)
        return NOT_RUN
    from facecraft4d.samples.engines.usd.stage import Stage

    avatar, out = exporters.load(Path(sys.argv[1])), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    cases = poses(avatar)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "head.usdz"
        exporters.export(avatar, path, options=exporters.ExportOptions(clips=(_clip(avatar, list(cases.values())),)))
        report = look(avatar, cases, Stage(path), path.stat().st_size)
    write_report(report, out / f"{NAME}.json")
    print(json.dumps(report.moves), report.notes, report.wrong or "as it should be", sep="; ")
    return 0 if report.ok else 1


def _clip(avatar: Avatar, cases: list[Pose]) -> Motion:
    """The poses as frames."""
    return Motion(
        "poses",
        RATE,
        avatar.rig.expression_names,
        np.stack([pose.expression for pose in cases]),
        avatar.rig.joint_names,
        np.stack([pose.joint_rotations for pose in cases]),
        np.stack([pose.translation for pose in cases]),
    )


def look(avatar: Avatar, cases: dict[str, Pose], stage: "Stage", size: int) -> Report:
    """Every frame of the stage, which are the poses, against ours."""
    wrong, rest = {}, stage.times()[0]
    moves = dict.fromkeys(("centre", "rotation", "scale"), False)
    error = 0.0
    for time, (name, pose) in zip(stage.times(), cases.items(), strict=True):
        vertices = pose_vertices(avatar.rig, pose)
        ours = place_splats(avatar.splats, vertices, avatar.rig)
        parts = {"centre": ours.means, "rotation": ours.rotations_wxyz, "scale": ours.scales}
        unlike = [part for part, rows in parts.items() if not np.array_equal(stage.splat(part, time), rows)]
        for part in moves:
            moves[part] |= part not in unlike and not np.array_equal(stage.splat(part, time), stage.splat(part, rest))
        off = float(np.abs(stage.points(time) - vertices).max())
        error = max(error, off)
        if unlike or off > CLOSE:
            wrong[name] = f"{', '.join(unlike) or 'no part'} of the splats differ, vertices are off by {off:.0e} m"
    if findings := stage.findings():
        wrong["checkers"] = "; ".join(findings)
    return Report(
        engine=f"OpenUSD {version('usd-core')}",
        file="head.usdz",
        verified="usd-core, which draws nothing",
        moves=moves,
        joints="turn" not in wrong,
        psnr={},
        mean_colour_difference=0.0,
        ms_per_frame=None,
        splats=None,
        wrong=wrong,
        notes=f"baked clips; splats equal ours bit for bit, UsdSkel's vertices lie within {error:.0e} m; checkers find nothing; {size / 1e6:.1f} MB with 5 frames",
    )


if __name__ == "__main__":
    sys.exit(main())
