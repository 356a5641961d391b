"""Folders that are ours: a marker file says so, and nothing without one is ever deleted. A user's folder may be called build, too."""

import json
import shutil
from contextlib import suppress
from pathlib import Path

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.files import write_whole

MARKER = "facecraft4d.json"
"""The file that makes a folder ours: that of all stages, and that of each result, ``<folder>/<stage>/<key>``."""
FORMAT = 1
"""Version of what the marker stands for."""
TIMING = "timing.json"
"""What the stages took, beside them."""
BESIDE_STAGES = (TIMING, f".{Path(TIMING).stem}.*", f".{Path(MARKER).stem}.*", ".lock")
"""Our files beside the stages, with what a killed process leaves of them and the lock of earlier versions."""
KEY_DIGITS = 16
"""Digits of the key that name a result's folder."""


def mark(folder: Path) -> None:
    """Make a folder ours. Raises UserError where it cannot be written."""
    write_whole(folder / MARKER, json.dumps({"made_by": "facecraft4d", "format": FORMAT}).encode())


def is_ours(folder: Path) -> bool:
    """Whether the folder carries our marker."""
    return (folder / MARKER).is_file()


def claim(folder: Path) -> None:
    """Make `folder` ours, to keep results in: a new or empty one, one with our marker, or one that an earlier version made without markers.

    UserError for any other: what lies there is not ours.
    """
    if is_ours(folder):
        return
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: expected a folder for what the stages make, found a file; choose another --out")
    earlier = any(_is_key(file.parent.name) for file in folder.glob("*/*/stage.json"))
    foreign = next((path for path in folder.rglob("*") if not path.is_dir() and path.name != ".lock"), None)
    if foreign and not earlier:
        raise UserError(
            f"{folder}: expected a folder of facecraft4d or an empty one, found {foreign.relative_to(folder)} and no {MARKER}; "
            "choose another --out"
        )
    for home in folder.glob("*/*/") if earlier else ():
        if _is_key(home.name):
            mark(home)
    mark(folder)


def remove(folder: Path) -> None:
    """Delete the results in a folder that is ours, then what we wrote beside them; anything else stays, and the folder with it."""
    if not is_ours(folder):
        return
    for marker in folder.glob(f"*/*/{MARKER}"):
        remove_result(marker.parent)
    for stage in (path for path in folder.iterdir() if path.is_dir()):
        with suppress(OSError):
            stage.rmdir()
    for pattern in BESIDE_STAGES:
        for file in folder.glob(pattern):
            file.unlink()
    (folder / MARKER).unlink()  # last: a removal that was killed goes on
    with suppress(OSError):
        folder.rmdir()


def remove_result(home: Path) -> None:
    """Delete the folder of one result, which is ours as a whole."""
    for entry in home.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != MARKER:
            entry.unlink()
    (home / MARKER).unlink()  # last: a removal that was killed goes on
    home.rmdir()


def _is_key(name: str) -> bool:
    return len(name) == KEY_DIGITS and not set(name) - set("0123456789abcdef")
