"""The folder that travels to a machine with a GPU: made here, within what may travel."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from gpu import kept, scenes
from machine import described

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.files import write_whole

ROOT = Path(__file__).parents[2]
PORTRAIT = ROOT / "samples" / "portraits" / "grace_hopper.jpg"
BUILD = ROOT / "build" / "gpu_check"
"""Where the draft is built; git ignores it, and a second time goes on with what is there."""
SIZE = 160
"""Side of the animated frames in pixels: 384 of them, and all that travels has to stay within LARGEST."""
LARGEST = 64 << 20
"""Bytes of all that travels: this folder, the checkout, and the wheels and OpenGL's loaders beside it."""
BESIDE = (".whl", ".gl")
"""Folders of the checkout that travel with it although git ignores them."""
SCENES, STAGES, CACHE = "scenes", "stages", "cache"
"""Folders within it."""
MARK = "carried.json"
"""Says that the folder is ours, and what it was made on."""


def prepare(folder: Path) -> int:
    """Make the folder anew and return its bytes. UserError where it is no folder of ours, or too large."""
    if folder.exists():
        prepared_on(folder)
    build_draft()
    shutil.rmtree(folder, ignore_errors=True)
    write_whole(folder / MARK, json.dumps({"prepared_on": described()}).encode())
    kept.pack(kept.of_build(BUILD), folder / STAGES)
    scenes.write(folder / SCENES)
    target = folder / CACHE / "weights" / weights.row("lpips_alexnet").filename
    target.parent.mkdir(parents=True)
    shutil.copy(weights.path("lpips_alexnet"), target)
    return checked_size(folder, LARGEST - size_beside(ROOT))


def prepared_on(folder: Path) -> str:
    """The machine and the commit that a folder was made on; UserError where `prepare` did not make it."""
    try:
        return str(json.loads((folder / MARK).read_text())["prepared_on"])
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{folder}: expected a folder made by --prepare (it holds {MARK}), found another") from None


def build_draft() -> None:
    """The sample portrait at the preset draft on the CPU, by the command line."""
    words = ["build", str(PORTRAIT), "--out", str(BUILD), "--device", "cpu", "--video-prior.size", str(SIZE)]
    code = subprocess.run([sys.executable, "-m", "facecraft4d.cli", *words], cwd=ROOT, check=False).returncode
    if code:
        raise UserError(f"{BUILD}: the draft could not be built (exit code {code}); its own message stands above")


def size_beside(root: Path) -> int:
    """Bytes of what travels beside the folder: the checkout's files that git does not ignore, and `BESIDE` as far as they are there."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(words, cwd=root, capture_output=True, check=True).stdout.decode().split("\0")
    paths = {root / name for name in names if name} | {path for each in BESIDE for path in (root / each).rglob("*")}
    return sum(path.lstat().st_size for path in paths if path.is_file())


def checked_size(folder: Path, largest: int) -> int:
    """Bytes of all files; UserError with the largest folders where they are too many."""
    sizes = {path: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    total = sum(sizes.values())
    if total > largest:
        parts = {
            part.name: sum(s for path, s in sizes.items() if part in (path, *path.parents)) for part in folder.iterdir()
        }
        told = ", ".join(f"{name} {size >> 10} KiB" for name, size in sorted(parts.items(), key=lambda row: -row[1]))
        raise UserError(f"{folder}: expected at most {largest >> 10} KiB, found {total >> 10} KiB ({told}); carry less")
    return total


def use_cache(folder: Path) -> None:
    """Let the toolkit find the weights that travelled."""
    os.environ["FACECRAFT4D_CACHE"] = str((folder / CACHE).resolve())
