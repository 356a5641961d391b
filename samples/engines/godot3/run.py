"""The rig in Godot 3: python samples/engines/godot3/run.py AVATAR.glb OUTDIR.

Needs Debian's godot3-server, which has no graphics: it imports the file and poses the rig; the vertices are compared with ours.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep

import numpy as np

from facecraft4d import exporters
from facecraft4d.exporters import ExportOptions
from facecraft4d.exporters.gltf.rig import surface_of
from facecraft4d.exporters.options import GltfOptions, Purpose
from facecraft4d.samples.engines.common.places import NOT_RUN
from facecraft4d.samples.engines.common.poses import poses, spoken
from facecraft4d.samples.engines.common.report import Report, write_report
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.rigging import pose_vertices

NAME = "godot3"
GODOT = "godot3-server"
SECONDS = 300.0
"""For the import, and for the script."""
POLL = 0.5
"""Seconds between two looks."""
CLOSE = 2e-5
"""Metres: Godot 3 packs weights of bones into 16 bits."""
HERE = Path(__file__).resolve().parent


def main() -> int:
    """The command: 0 where everything is as it should be, NOT_RUN where there is no Godot 3."""
    if shutil.which(GODOT) is None:
        print(f"needs {GODOT}; on Debian: apt install --no-install-recommends {GODOT}", file=sys.stderr)
        return NOT_RUN
    avatar, out = exporters.load(Path(sys.argv[1])), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    report = look(avatar)
    write_report(report, out / f"{NAME}.json")
    print(report.notes, report.wrong or "as it should be", sep="; ")
    return 0 if report.ok else 1


def look(avatar: Avatar) -> Report:
    """The five poses in Godot, by its own numbers: it draws nothing here."""
    cases = poses(avatar)
    with TemporaryDirectory() as name:
        folder = Path(name)
        for file in ("project.godot", "play.gd"):
            shutil.copy(HERE / file, folder / file)
        engine = ExportOptions(gltf=GltfOptions(purpose=Purpose.ENGINE))
        exporters.export(avatar, folder / "avatar.glb", "gltf", engine)
        job = {name: spoken(pose, avatar.rig) for name, pose in cases.items()}
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        imported(folder)
        said = godot("--path", name, "-s", "play.gd")
        print(said)
        rows = surface_of(avatar.rig, avatar.texture).sources
        errors = {
            name: error(folder / f"{name}.bin", pose_vertices(avatar.rig, pose)[rows]) for name, pose in cases.items()
        }
    wrong = {name: f"off by {1000 * each:.3g} mm" for name, each in errors.items() if each > CLOSE}
    if not re.search(r"clip \w+ moved [1-9]", said):
        wrong["AnimationPlayer"] = "moves nothing"
    return Report(
        engine=f"Godot {version()}",
        file="avatar.glb (--for engine)",
        verified="godot3-server, its own numbers",
        moves=dict.fromkeys(("centre", "rotation", "scale"), False),
        joints="turn" not in wrong,
        psnr={},
        mean_colour_difference=0.0,
        ms_per_frame=None,
        splats=None,
        wrong=wrong,
        notes=f"the textured rig; vertices lie within {max(errors.values()):.0e} m of ours",
    )


def imported(folder: Path) -> None:
    """Have the editor import the folder's file. It does not always end by itself: it is ended once the import's checksum is there.
    RuntimeError where that takes too long."""
    editor = subprocess.Popen(
        [GODOT, "--path", folder, "--editor", "--quit"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        end = monotonic() + SECONDS
        while not list(folder.glob(".import/avatar.glb-*.md5")):
            if monotonic() > end:
                raise RuntimeError(f"{GODOT} has not imported the file in {SECONDS:.0f} s")
            sleep(POLL)
    finally:
        editor.kill()
        editor.wait()


def godot(*arguments: str) -> str:
    """What it prints. Its exit status says nothing: it complains at its end even where all is well."""
    run = subprocess.run([GODOT, *arguments], capture_output=True, text=True, timeout=SECONDS)
    return "\n".join(
        line for line in run.stdout.splitlines() if line and not line.startswith(("ERROR", "WARNING", "   At:"))
    )


def version() -> str:
    return ".".join(subprocess.run([GODOT, "--version"], capture_output=True, text=True).stdout.split(".")[:3])


def error(path: Path, expected: np.ndarray) -> float:
    """Metres, the worst vertex; infinite where Godot wrote none, or another number of them."""
    found = np.fromfile(path, np.float32).reshape(-1, 3) if path.is_file() else np.zeros((0, 3), np.float32)
    return float(np.abs(found - expected).max()) if found.shape == expected.shape else float("inf")


if __name__ == "__main__":
    sys.exit(main())
