"""The head in Blender: python samples/engines/blender/run.py AVATAR.glb OUTDIR.

Installs bpy (Blender as a Python module, 374 MB) into build/engines/blender, an environment of its own.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from facecraft4d import exporters
from facecraft4d.runtime.camera import framing
from facecraft4d.samples.engines.common.pictures import compared, read_picture, references
from facecraft4d.samples.engines.common.places import BUILD, NOT_RUN, Missing
from facecraft4d.samples.engines.common.poses import poses, spoken
from facecraft4d.samples.engines.common.report import Report, judged, write_report
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Pose
from facecraft4d.toolkit.core.geometry import rotation_from_wxyz
from facecraft4d.toolkit.core.rigging import place_splats, pose_vertices

NAME = "blender"
PACKAGES = ("bpy==5.0.1", "numpy==1.26.4")
"""bpy was built against numpy 1."""
PYTHON = "python3.11"
"""The one version that this bpy is for."""
SIZE = 256
"""Pixels: Cycles passes every splat of a ray, which takes a minute a picture on two cores."""
SECONDS = 1500.0
BLENDER_FROM_GLTF = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])
TOLERANCES = {"centre": 1e-6, "rotation": 1e-3, "scale": 1e-6}
"""Metres; entries of a rotation matrix; metres of a standard deviation."""


def main() -> int:
    """The command: 0 where everything is as it should be, NOT_RUN where Blender cannot be had."""
    avatar_path, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    try:
        python = installed()
    except Missing as missing:
        print(missing, file=sys.stderr)
        return NOT_RUN
    report = look(avatar_path, exporters.load(avatar_path), out, python)
    write_report(report, out / f"{NAME}.json")
    print(json.dumps(report.psnr), report.wrong or "as it should be")
    return 0 if report.ok and all(report.moves.values()) else 1


def installed() -> Path:
    """The Python of the environment that has bpy. Missing where it cannot be made."""
    folder = BUILD / NAME / "venv"
    python, done = folder / "bin" / "python", folder / "installed.txt"
    if done.is_file() and done.read_text(encoding="utf-8") == "\n".join(PACKAGES):
        return python
    if shutil.which(PYTHON) is None:
        raise Missing(f"Blender's Python module needs {PYTHON}")
    print(f"installing {', '.join(PACKAGES)} into {folder}", flush=True)
    for command in ([PYTHON, "-m", "venv", str(folder)], [str(python), "-m", "pip", "install", "--quiet", *PACKAGES]):
        if subprocess.run(command).returncode:
            raise Missing(f"{' '.join(command)} failed")
    done.write_text("\n".join(PACKAGES), encoding="utf-8")
    return python


def look(path: Path, avatar: Avatar, out: Path, python: Path) -> Report:
    """Pictures of the five poses with splats, one of the mesh alone, and the place of every splat in each pose against ours."""
    cases = poses(avatar)
    with TemporaryDirectory() as folder:
        shots = [_shot(out, name, spoken(pose, avatar.rig), Path(folder)) for name, pose in cases.items()]
        mesh = _shot(out, "mesh", spoken(cases["jawOpen"], avatar.rig), Path(folder)) | {
            "splats": False,
            "instances": None,
        }
        answer = _blender(
            python, {"glb": str(path.resolve()), "size": SIZE, "camera": _camera(avatar), "shots": [*shots, mesh]}
        )
        errors = [
            _errors(avatar, pose, np.load(shot["instances"])) for pose, shot in zip(cases.values(), shots, strict=True)
        ]
    worst = {part: max(error[part] for error in errors) for part in TOLERANCES}
    pictures = {name: read_picture(Path(shot["file"])) for name, shot in zip(cases, shots, strict=True)}
    facts = judged(compared(pictures, references(avatar, cases, SIZE)))
    seconds = sorted(answer["render_seconds"][: len(shots)])[len(shots) // 2]
    return Report(
        engine=f"Blender {answer['version']}, Cycles",
        file="avatar.glb",
        verified=f"bpy, headless, {SIZE} pixels",
        moves={part: error < TOLERANCES[part] for part, error in worst.items()},
        joints=worst["centre"] < TOLERANCES["centre"],
        psnr=facts.psnr,
        mean_colour_difference=facts.mean_colour_difference,
        ms_per_frame=answer["milliseconds"],
        splats=len(avatar.splats.means),
        wrong=facts.wrong,
        notes=f"geometry nodes; splats lie within {worst['centre']:.0e} m of ours; the time is for moving them, Cycles draws for {seconds:.0f} s",
    )


def _shot(out: Path, name: str, pose: dict[str, Any], folder: Path) -> dict[str, Any]:
    file, instances = (out / f"{NAME}_{name}.png").resolve(), folder / f"{name}.npy"
    return {"file": str(file), "pose": pose, "splats": True, "instances": str(instances)}


def _camera(avatar: Avatar) -> dict[str, Any]:
    orbit = framing(avatar)
    x, y, z = orbit.target
    return {"position": [x, y, z + orbit.distance], "fov": orbit.fov_y_degrees}


def _blender(python: Path, job: dict[str, Any]) -> dict[str, Any]:
    """What render.py says. RuntimeError where it fails."""
    script = Path(__file__).with_name("render.py")
    run = subprocess.run([python, script], input=json.dumps(job), capture_output=True, text=True, timeout=SECONDS)
    if run.returncode:
        raise RuntimeError(run.stderr.strip()[-2000:])
    answer: dict[str, Any] = json.loads(run.stdout.strip().splitlines()[-1])
    return answer


def _errors(avatar: Avatar, pose: Pose, matrices: np.ndarray) -> dict[str, float]:
    """How far Blender's splats (world_from_splat [n, 4, 4]) are from ours in that pose, at most."""
    ours = place_splats(avatar.splats, pose_vertices(avatar.rig, pose), avatar.rig)
    if len(matrices) != len(ours.means):
        return dict.fromkeys(TOLERANCES, np.inf)
    scales = np.linalg.norm(matrices[:, :3, :3], axis=1)
    turns = matrices[:, :3, :3] / scales[:, None]
    return {
        "centre": float(np.abs(matrices[:, :3, 3] - ours.means @ BLENDER_FROM_GLTF.T).max()),
        "rotation": float(np.abs(turns - BLENDER_FROM_GLTF @ rotation_from_wxyz(ours.rotations_wxyz)).max()),
        "scale": float(np.abs(scales - ours.scales).max()),
    }


if __name__ == "__main__":
    sys.exit(main())
