"""Every engine on one avatar: a table, a sheet of pictures. `make engines` runs it.

    python samples/engines/overview.py AVATAR.glb OUTDIR [--publish]

Runs the run.py of every folder beside it and goes on where one fails; ends with 1 where one that could run failed. --publish also
writes the sheet and the table into docs/.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from facecraft4d import exporters
from facecraft4d.samples.engines.common import own
from facecraft4d.samples.engines.common.places import ENGINES, NOT_RUN, REPOSITORY
from facecraft4d.samples.engines.common.poses import NAMES
from facecraft4d.samples.engines.common.sheet import write_sheet
from facecraft4d.samples.engines.common.tables import frames_table, main_table, replaced

ORDER = (
    own.NAME,
    "web",
    "spark",
    "playcanvas",
    "babylon",
    "three",
    "three_mesh",
    "lam",
    "vrm",
    "blender",
    "usd",
    "godot3",
)
"""Rows of table and sheet; engines that are not named here follow."""
SECONDS = 1800.0
"""For one engine to be installed and looked at."""
DOCUMENT = REPOSITORY / "docs" / "engines.md"
SHEET = REPOSITORY / "docs" / "images" / "engines.png"


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("avatar", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--publish", action="store_true", help="write docs/images/engines.png and the tables of docs/engines.md"
    )
    options = parser.parse_args()
    own.write_own(exporters.load(options.avatar), options.out)
    failed = [engine for engine in engines() if not ran(engine, options.avatar, options.out)]
    reports = gathered(options.out)
    print(main_table(reports))
    write_sheet(rows(reports, options.out), options.out / "engines.png")
    if options.publish:
        SHEET.write_bytes((options.out / "engines.png").read_bytes())
        text = DOCUMENT.read_text(encoding="utf-8")
        text = replaced(text, "engines", main_table(reports))
        DOCUMENT.write_text(replaced(text, "frames", frames_table(reports)), encoding="utf-8")
    if failed:
        print(f"not as they should be: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def engines() -> list[str]:
    """Folders that have a run.py, in the order of the table."""
    found = sorted(path.parent.name for path in ENGINES.glob("*/run.py"))
    return sorted(found, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))


def ran(engine: str, avatar: Path, out: Path) -> bool:
    """Whether an engine's sample is as it should be, or lacks what this machine does not have. Its old reports go first."""
    for old in out.glob(f"{engine}*.json"):
        old.unlink()
    print(f"== {engine}", flush=True)
    script = ENGINES / engine / "run.py"
    try:
        status = subprocess.run([sys.executable, script, avatar, out], timeout=SECONDS).returncode
    except subprocess.TimeoutExpired:
        print(f"{engine} took more than {SECONDS:.0f} seconds", file=sys.stderr)
        return False
    return status in (0, NOT_RUN)


def gathered(out: Path) -> dict[str, dict[str, Any]]:
    """The reports in a folder by their names, in the order of the table."""
    found = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(out.glob("*.json"))}
    order = sorted(found, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))
    return {name: found[name] for name in order}


def rows(reports: dict[str, dict[str, Any]], out: Path) -> list[tuple[str, list[Path | None]]]:
    """Rows of the sheet: the engine's name, and its pictures where there are any."""
    found: list[tuple[str, list[Path | None]]] = []
    for name, report in reports.items():
        files = [out / f"{name}_{pose}.png" for pose in NAMES]
        if any(file.is_file() for file in files):
            found.append((report["engine"].replace(", ", ",\n"), [file if file.is_file() else None for file in files]))
    return found


if __name__ == "__main__":
    sys.exit(main())
