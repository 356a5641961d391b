"""What a benchmark ran on, in one line: commit, processor, cores, versions."""

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

PACKAGES = ("numpy", "numba", "torch")


def described() -> str:
    """Commit (with "+" where the tree has changed since), processor, cores, Python and packages."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    return f"commit {_commit()}, {_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, {versions}"


def _commit() -> str:
    def git(*words: str) -> str:
        run = subprocess.run(["git", *words], cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
        return run.stdout.strip()

    try:
        return git("rev-parse", "--short", "HEAD") + "+" * bool(git("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _processor() -> str:
    """Linux has the name in a file; elsewhere the architecture must do."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()
