"""Damaged files for every reader, and every finding of longer runs (`make fuzz`) again."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fuzz.run import _late, examine
from fuzz.targets import TARGETS

CASES = sorted((Path(__file__).parent / "cases").glob("*.*"))
FILES = 100
"""For each target; the same ones each time, however busy the machine is."""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the run takes its time from signals")
def test_damaged_files_are_refused_in_one_line_or_harmless() -> None:
    command = [sys.executable, str(Path(__file__).with_name("run.py")), "--count", str(FILES)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    for target in TARGETS:
        assert f"{target.name:<14} {FILES:>8} files" in result.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="the run takes its time from signals")
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name)
def test_findings_stay_mended(path: Path, tmp_path: Path) -> None:
    (target,) = (each for each in TARGETS if path.name.startswith(each.name.replace(" ", "_")))
    signal.signal(signal.SIGPROF, _late)
    came, why = examine(target, 0, path.read_bytes(), tmp_path)
    assert came != "found", why
