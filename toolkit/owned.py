"""Folders that are ours: a marker file says so, and nothing without one is ever deleted. A user's folder may be called build, too."""

import json
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.files import PARTIAL, write_whole

MARKER = "facecraft4d.json"
"""The file that makes a folder ours: that of all stages, and that of each result, ``<folder>/<stage>/<key>``."""
FORMAT = 1
"""Version of what the marker stands for."""
TIMING = "timing.json"
"""What the stages took, beside them."""
RESULT, FACTS, OWN = "result.npz", "stage.json", "files"
"""What lies in the folder of a result: its content, what is known of it, and the stage's own folder. With FACTS it is complete."""
BESIDE_STAGES = re.compile(
    rf"{TIMING}|\.lock|\.({Path(TIMING).stem}|{Path(MARKER).stem})\.([0-9]+|[0-9a-f]{{8}}\.partial)\.json"
)
"""Our files beside the stages, with what a killed process leaves of them and the lock and partial files of earlier versions."""
STAGES = "build"
"""The folder of all stages, in that of a build's results."""
KEY_DIGITS = 16
"""Digits of the key that name a result's folder."""
KEY = re.compile(f"[0-9a-f]{{{KEY_DIGITS}}}")
"""Names of results' folders."""
LITTER = frozenset({".ds_store", "thumbs.db", "desktop.ini"})
"""Names, in small letters, of files that operating systems strew into folders that somebody looks at."""


def mark(folder: Path) -> None:
    """Make a folder ours. Raises UserError where it cannot be written."""
    write_whole(folder / MARKER, json.dumps({"made_by": "facecraft4d", "format": FORMAT}).encode())


def is_ours(folder: Path) -> bool:
    """Whether the folder carries our marker."""
    return (folder / MARKER).is_file()


def is_own_result(home: Path) -> bool:
    """Whether the folder, no link to one, carries our marker."""
    return not home.is_symlink() and is_ours(home)


def is_litter(name: str) -> bool:
    """Whether a file of that name is nobody's: it stops nothing and goes with the folder that it lies in."""
    return name.lower() in LITTER


def complete(stage: Path) -> list[Path]:
    """The folders of a stage's complete results, sorted; none where the stage has no folder."""
    homes = sorted(stage.iterdir()) if stage.is_dir() else []
    return [
        home
        for home in homes
        if KEY.fullmatch(home.name) and not home.is_symlink() and home.is_dir() and os.path.lexists(home / FACTS)
    ]


def claim(folder: Path) -> None:
    """Make `folder` ours, to keep results in: a new or empty one, one with our marker, or one that an earlier version made without markers.

    UserError for any other: what lies there is not ours.
    """
    if is_ours(folder):
        return
    if os.path.lexists(folder) and not folder.is_dir():
        what = "a link that leads nowhere" if folder.is_symlink() else "a file"
        raise UserError(f"{folder}: expected a folder for what the stages make, found {what}; choose another --out")
    stages = [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    earlier = any(map(complete, stages))
    foreign = next((path for path in folder.rglob("*") if not path.is_dir() and not _is_nobodys(path.name)), None)
    if foreign and not earlier:
        raise UserError(
            f"{folder}: expected a folder of facecraft4d or an empty one, found {foreign.relative_to(folder)} and no {MARKER}; "
            "choose another --out"
        )
    for home in (home for stage in stages for home in stage.iterdir() if earlier):
        if KEY.fullmatch(home.name) and home.is_dir() and not home.is_symlink():
            mark(home)
    mark(folder)


def remove(folder: Path) -> None:
    """Delete the results in a folder that is ours, then what we wrote beside them; anything else stays, and the folder with it.

    Of a link to such a folder the link goes, and the empty folder stays.
    """
    if not is_ours(folder):
        return
    for marker in folder.glob(f"*/*/{MARKER}"):
        if is_own_result(marker.parent):
            remove_result(marker.parent)
    for stage in (path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()):
        _remove_empty(stage)
    for file in folder.iterdir():
        if BESIDE_STAGES.fullmatch(file.name) and (file.is_symlink() or not file.is_dir()):
            file.unlink()
    (folder / MARKER).unlink()  # last: a removal that was killed goes on
    _remove_empty(folder)


def remove_result(home: Path) -> None:
    """Delete what makes up the folder of one result, and the folder unless somebody put something else into it. Links are cut, not followed."""
    for entry in home.iterdir():
        if entry.is_symlink() or entry.name in (RESULT, FACTS, OWN) or PARTIAL.fullmatch(entry.name):
            discard(entry)
    discard(home / MARKER)  # last: a removal that was killed goes on
    _remove_empty(home)


def discard(path: Path) -> None:
    """Delete a file, a link or a folder with all that is in it; nothing where there is nothing."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _is_nobodys(name: str) -> bool:
    return is_litter(name) or name == ".lock" or PARTIAL.fullmatch(name) is not None


def _remove_empty(folder: Path) -> None:
    """Remove a folder, or a link to one, in which there is nothing but litter."""
    with suppress(OSError):
        names = [path.name for path in folder.iterdir()]
        if all(map(is_litter, names)):
            for name in names:
                (folder / name).unlink()
            folder.unlink() if folder.is_symlink() else folder.rmdir()
