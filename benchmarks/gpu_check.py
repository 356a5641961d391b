"""Does the toolkit work on CUDA, and how fast? One command for a bare machine with a GPU (docs/gpu.md).

    python benchmarks/gpu_check.py --prepare FOLDER                 # where there is none: a draft build, float64 results, weights
    python benchmarks/gpu_check.py --carried FOLDER --out OUT       # where there is one: under 8 minutes, no network
    python benchmarks/gpu_check.py --carried FOLDER --out OUT --rehearse

Writes OUT/gpu.json anew after every section, raster_cuda.npz and avatar.glb beside it. The exit code is 1 where a section failed or was
not begun for want of time. The rehearsal runs the same on the CPU, small, with our own rasteriser in gsplat's place: every line runs, no
number counts.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from gpu.absent import stand_in

from facecraft4d.toolkit.core.checks import UserError

BUDGET_SECONDS = 470.0
"""For all sections: a machine that is lent for 8 minutes."""
MISTAKE = 2
"""Exit code for a mistake in what the user gave, as the command line has it."""


def options(words: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--prepare", type=Path, metavar="FOLDER", help="make the folder that travels; some minutes")
    task.add_argument("--carried", type=Path, metavar="FOLDER", help="run the check with what is in the folder")
    parser.add_argument("--out", type=Path, help="folder for gpu.json, raster_cuda.npz, avatar.glb")
    parser.add_argument("--budget", type=float, default=BUDGET_SECONDS, help="seconds for all sections")
    parser.add_argument("--rehearse", action="store_true", help="on the CPU, small")
    chosen = parser.parse_args(words)
    if chosen.carried and not chosen.out:
        parser.error("--carried needs --out")
    return chosen


def prepare(folder: Path) -> int:
    """Make the folder that travels."""
    from gpu import carried

    size = carried.prepare(folder)
    print(f"{folder}: {size / 2**20:.1f} MiB")
    return 0


def check(chosen: argparse.Namespace) -> int:
    """Run every section; 0 only where all passed."""
    stand_ins = stand_in()
    import torch
    from gpu import carried, sections
    from gpu.compiling import Compilation
    from gpu.results import Ledger
    from machine import described

    prepared_on = carried.prepared_on(chosen.carried)
    carried.use_cache(chosen.carried)
    plan = sections.rehearsal() if chosen.rehearse else sections.Plan()
    chosen.out.mkdir(parents=True, exist_ok=True)
    facts = {"rehearsal": chosen.rehearse, "ran_on": described(), "prepared_on": prepared_on, "stand_ins": stand_ins}
    ledger = Ledger(chosen.out / "gpu.json", facts, chosen.budget)
    compilation = None
    if plan.device == "cuda":
        if not torch.cuda.is_available():
            raise UserError("torch finds no CUDA device here; take --rehearse, or see facecraft4d doctor")
        major, minor = torch.cuda.get_device_capability()
        compilation = Compilation(f"{major}.{minor}", chosen.out / "compile.log")
    with tempfile.TemporaryDirectory() as scratch:
        folders = sections.Folders(chosen.carried, chosen.out, Path(scratch))
        try:
            ledger.run(sections.Check(plan, folders, ledger, compilation).sections())
        finally:
            if compilation:
                compilation.stop()
    return 0 if ledger.passed else 1


def main(words: list[str]) -> int:
    """Run the command line and return its exit code."""
    chosen = options(words)
    try:
        return prepare(chosen.prepare) if chosen.prepare else check(chosen)
    except UserError as error:
        print(f"gpu_check: {error}", file=sys.stderr)
        return MISTAKE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
