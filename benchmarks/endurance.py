"""Does a build survive what machines do? Killed at random moments, a disk that is full, flipped bytes in every kept stage.

    python benchmarks/endurance.py --kills 20 --full 10 --out build/endurance

One build is left in peace; every other one must end with the same avatar.glb, byte by byte, or say in one line what is missing. Full disks are
file systems in memory of random sizes (Linux, as root). Prints a line for each trial and writes endurance.json.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from machine import described

ROOT = Path(__file__).parents[1]
PORTRAIT = ROOT / "samples" / "portraits" / "grace_hopper.jpg"
SMALL = (
    "--device", "cpu", "--splats", "3000", "--preprocess.size", "256", "--shape-prior.views", "24",
    "--shape-prior.parametric.latent-iterations", "3", "--shape-prior.parametric.pivotal-iterations", "3",
    "--shape-prior.parametric.texture-size", "256", "--video-prior.size", "128", "--video-prior.frames", "24",
    "--training.resolution", "128", "--training.coarse-resolution", "96", "--training.static-iterations", "120",
    "--training.coin-iterations", "120", "--training.checkpoint-every", "40",
)  # fmt: skip
"""A head that nobody would show, in a minute."""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
"""Sums in one order, on every machine."""
PATIENCE_SECONDS = 1200.0


@dataclass(frozen=True)
class Trial:
    """What was done to a build, and what came of it."""

    what: str
    ended: str
    """same, other, or the one line that the build said."""
    passed: bool


def command(out: Path) -> list[str]:
    return [sys.executable, "-m", "facecraft4d.cli", "build", str(PORTRAIT), "--out", str(out), *SMALL]


def start(out: Path) -> "subprocess.Popen[str]":
    environment = os.environ | ONE_THREAD
    return subprocess.Popen(command(out), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment)


def build(out: Path) -> tuple[int, str]:
    """Run to the end: the exit code, and the last line of the standard error."""
    process = start(out)
    _, said = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, said


def sha256(out: Path) -> str:
    return hashlib.sha256((out / "avatar.glb").read_bytes()).hexdigest()


def judged(what: str, out: Path, wanted: str) -> Trial:
    """Build on, and compare."""
    code, said = build(out)
    same = code == 0 and sha256(out) == wanted
    left = [path.name for path in out.rglob(".*.partial*")]
    ended = "same" if same else "other" if code == 0 else said.strip().splitlines()[-1]
    return Trial(what, ended if not left else f"{ended}, {left} is left", same and not left)


def killed(out: Path, kills: int, seconds: float, wanted: str, dice: random.Random) -> list[Trial]:
    """One build, killed again and again; another where it ended before that."""
    done, builds = 0, 0
    while done < kills:
        process, moment = start(out), dice.uniform(0.5, 0.5 * seconds)
        try:
            process.communicate(timeout=moment)
            builds += 1
            if process.returncode or sha256(out) != wanted:
                return [Trial(f"killed {done} times", "other", passed=False)]
            shutil.rmtree(out)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            done += 1
            print(f"killed after {moment:.1f} s", flush=True)
    return [judged(f"killed {done} times at random moments of {builds + 1} builds", out, wanted)]


def full_disk(folder: Path, size: int, wanted: str) -> Trial:
    """A build on a disk of so many bytes, which then grows."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        code, said = build(folder / "head")
        lines = [line for line in said.splitlines() if line.startswith("facecraft4d:")]
        honest = code == 0 or (code == 2 and len(lines) == 1 and "Traceback" not in said)
        subprocess.run(["mount", "-o", "remount,size=4g", str(folder)], check=True)
        trial = judged(f"disk of {size >> 20} MiB: {lines[-1] if lines else 'enough'}", folder / "head", wanted)
        return Trial(trial.what, trial.ended, trial.passed and honest)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def flipped(out: Path, path: Path, wanted: str, dice: random.Random) -> Trial:
    """A byte of a kept file is another."""
    data = bytearray(path.read_bytes())
    place = dice.randrange(len(data))
    data[place] ^= 1 << dice.randrange(8)
    path.write_bytes(data)
    return judged(f"{path.relative_to(out)}: byte {place} flipped", out, wanted)


def one_of_each(out: Path, dice: random.Random) -> list[Path]:
    """For every stage its result, its facts, its marker, and one of its pictures."""
    chosen = []
    for home in sorted((out / "build").glob("*/*/")):
        chosen += [path for path in sorted(home.iterdir()) if path.is_file()]
        pictures = sorted(path for path in home.rglob("files/**/*") if path.is_file())
        chosen += [dice.choice(pictures)] if pictures else []
    return chosen


def main(words: list[str]) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--full", type=int, default=10, help="disks that are full at some moment")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("build/endurance"))
    chosen = parser.parse_args(words)
    dice, trials = random.Random(chosen.seed), list[Trial]()
    shutil.rmtree(chosen.out, ignore_errors=True)
    peace = chosen.out / "peace"
    build(chosen.out / "warm")  # weights, kernels
    begun = time.monotonic()
    code, said = build(peace)
    seconds = time.monotonic() - begun
    if code:
        print(said, file=sys.stderr)
        return 1
    wanted, size = sha256(peace), sum(path.stat().st_size for path in peace.rglob("*") if path.is_file())
    print(f"in peace: {seconds:.0f} s, {size >> 20} MiB, {wanted[:16]}", flush=True)

    def add(trial: Trial) -> None:
        trials.append(trial)
        print(f"{'passed' if trial.passed else 'FAILED'}: {trial.what}: {trial.ended}", flush=True)
        facts = {"ran_on": described(), "seconds": seconds, "trials": [asdict(each) for each in trials]}
        (chosen.out / "endurance.json").write_text(json.dumps(facts, indent=1))

    if chosen.kills:
        for trial in killed(chosen.out / "killed", chosen.kills, seconds, wanted, dice):
            add(trial)
    for path in one_of_each(peace, dice):
        add(flipped(peace, path, wanted, dice))
    for _ in range(chosen.full):
        add(full_disk(chosen.out / "disk", dice.randrange(1 << 18, size), wanted))
    return 0 if all(trial.passed for trial in trials) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
