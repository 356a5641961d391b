"""Compiled kernels are kept, and it is known beforehand whether they are."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_a_machine_without_compiled_kernels_is_told_so(tmp_path: Path) -> None:
    """Before the first call a fresh cache says no, afterwards yes, in the next process too."""
    (tmp_path / "tiny.py").write_text(
        "from facecraft4d.toolkit.splatting.compiling import serial\n@serial\ndef double(x):\n    return 2 * x\n"
    )
    code = "import tiny, sys\nfrom facecraft4d.toolkit.splatting.compiling import is_kept as kept\n"
    code += "print(kept(tiny.double), tiny.double(3), kept(tiny.double))"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    for before in (False, True):
        found = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        )
        assert found.stdout.split() == [str(before), "6", "True"]
