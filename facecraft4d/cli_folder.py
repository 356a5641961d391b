"""The folder that a build works in: one build at a time, and a good one is kept until a new one has begun well."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.locks import lock, still_there
from facecraft4d.toolkit.owned import MARKER, claim, is_ours, remove

STAGES, BEFORE = "build", "build.before"
"""What the stages made, and what they had made before a fresh start, until that has got past preprocessing."""
LOCK = ".facecraft4d.lock"


@contextmanager
def working_folder(out: Path, fresh: bool) -> Iterator[Path]:
    """The folder of stages in `out`, held for one build; a `fresh` one is new, and what was there comes back if it fails in preprocessing.

    UserError if another build has it, or if what lies there is not ours.
    """
    folder = out / STAGES
    with alone_in(out):
        settle(out)
        claim(folder)
        if fresh:
            set_aside(out)
        try:
            yield folder
        finally:
            settle(out)
            drop_empty(folder)


@contextmanager
def alone_in(out: Path) -> Iterator[None]:
    """Hold a folder of results; UserError if another build has it. The lock falls with the process, however that ends."""
    made, path = not out.exists(), out / LOCK
    out.mkdir(parents=True, exist_ok=True)
    try:
        with _held(path):
            try:
                yield
            finally:
                with suppress(OSError):
                    path.unlink()
    finally:
        if sys.platform == "win32":  # an open file stays there until it is closed
            with suppress(OSError):
                path.unlink()
        if made:
            with suppress(OSError):
                out.rmdir()


def _held(path: Path) -> TextIO:
    """The locked file. Whoever held it before may have removed it in between; then a new one is taken."""
    while True:
        file = path.open("a")
        if not lock(file):
            file.close()
            raise UserError(f"{path.parent}: another build is running there; wait for it, or choose another --out")
        if still_there(file, path):
            return file
        file.close()


def set_aside(out: Path) -> None:
    """Keep the stages' folder under another name."""
    if (out / BEFORE).exists():
        raise UserError(
            f"{out / BEFORE}: expected nothing here, to keep the earlier build, found what is not ours; move it, or choose another --out"
        )
    (out / STAGES).rename(out / BEFORE)


def settle(out: Path) -> None:
    """Decide between a fresh build and the one before it, also after a process was killed: a fresh one that has got past preprocessing
    stays, any other makes room for the one before."""
    folder, before = out / STAGES, out / BEFORE
    if not is_ours(before):
        return
    if any((folder / "preprocess").glob("*/stage.json")):
        remove(before)
        return
    remove(folder)
    if folder.exists():
        raise UserError(
            f"{folder}: expected nothing here, to put back {before}, found what is not ours; move it, and build again"
        )
    before.rename(folder)


def drop_empty(folder: Path) -> None:
    """Leave nothing of a build that made nothing: a refused photograph costs no folder."""
    if not any(path.is_file() and path.name != MARKER for path in folder.rglob("*")):
        remove(folder)
