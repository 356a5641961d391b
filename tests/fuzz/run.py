"""Fuzzing: damaged files to every reader, counted. `python tests/fuzz/run.py --help`; `make fuzz` is the long run.

A reader may accept a file (or a packet) or refuse it with a UserError. Anything else that it raises, more than five seconds or more than 256 MiB is a
finding: the file is kept, the exit code is 1.
"""

import argparse
import os
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import NoReturn

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz.targets import TARGETS, Target, UserError, inputs

MOST_SECONDS, MOST_BYTES = 5.0, 256 << 20
PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


class TooSlow(BaseException):
    """Nothing that reads files catches it."""


def examine(target: Target, number: int, data: bytes, folder: Path) -> tuple[str, str]:
    """What came of a file: accepted, refused or found; with found, what was raised."""
    path = folder / f"{target.name.replace(' ', '_')}{target.suffix}"
    path.write_bytes(data)
    before, started = _reset_peak(), time.process_time()
    signal.setitimer(signal.ITIMER_PROF, 2 * MOST_SECONDS)
    try:
        target.read(path)
        came = "accepted", ""
    except UserError as refusal:
        came = "refused", str(refusal)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        came = "found", "".join(traceback.format_exception(error))[-1500:]
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    seconds, grown = time.process_time() - started, _peak() - before
    if seconds > MOST_SECONDS:
        came = "found", f"took {seconds:.1f} s"
    if grown > MOST_BYTES:
        came = "found", f"took {grown >> 20} MiB"
    if came[0] == "refused" and not (came[1].isprintable() and len(came[1]) <= 2000):
        came = "found", f"a message that is no line: {came[1]!r}"
    return came


def _reset_peak() -> int:
    """The resident size in bytes, from which the next peak is counted where the system can (Linux)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass
    return _peak()


def _peak() -> int:
    try:
        found = PEAK.search(Path("/proc/self/status").read_text())
    except OSError:
        found = None
    return int(found[1]) << 10 if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def _late(number: int, frame: object) -> NoReturn:
    raise TooSlow


def run(target: Target, seed: int, count: int, seconds: float, keep: Path | None) -> Counter[str]:
    """Up to `count` files or `seconds`; findings are kept in a folder."""
    signal.signal(signal.SIGPROF, _late)
    counts: Counter[str] = Counter()
    ends = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        for sound in sorted(target.sound()):
            examine(target, -1, sound, Path(folder))  # kernels are compiled, weights and children come up
            came, why = examine(target, -1, sound, Path(folder))
            assert came == "accepted", f"{target.name}: a sound file was {came}: {why}"
        for number, data in inputs(target, seed):
            if number >= count or time.monotonic() > ends:
                break
            came, why = examine(target, number, data, Path(folder))
            counts[came] += 1
            if came == "found":
                print(f"{target.name} {seed} {number}: {why}", flush=True)
                if keep:
                    keep.mkdir(parents=True, exist_ok=True)
                    (keep / f"{target.name.replace(' ', '_')}_{seed}_{number}{target.suffix}").write_bytes(data)
    return counts


def main(words: list[str]) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", action="append", choices=[target.name for target in TARGETS], help="default: all")
    parser.add_argument("--count", type=int, default=sys.maxsize, help="files for each target")
    parser.add_argument("--seconds", type=float, default=sys.maxsize, help="time for each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("build/fuzz"), help="folder for findings")
    chosen = parser.parse_args(words)
    if chosen.count == chosen.seconds == sys.maxsize:
        parser.error("give --count or --seconds")
    found = 0
    for target in TARGETS:
        if chosen.target and target.name not in chosen.target:
            continue
        started = time.monotonic()
        counts = run(target, chosen.seed, chosen.count, chosen.seconds, chosen.keep)
        found += counts["found"]
        told = ", ".join(f"{counts[name]:,} {name}" for name in ("accepted", "refused", "found"))
        print(
            f"{target.name:<14} {sum(counts.values()):>8,} files in {time.monotonic() - started:>5.0f} s: {told}",
            flush=True,
        )
    return 1 if found else 0


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main(sys.argv[1:]))
