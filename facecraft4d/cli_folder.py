"""The folder that a build works in: one build or evaluation at a time, and a good one is kept until a new one has begun well."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TextIO

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.locks import lock, still_there
from facecraft4d.toolkit.owned import MARKER, STAGES, claim, complete, is_litter, is_ours, remove

BEFORE = f"{STAGES}.before"
"""What the stages had made before a fresh start, until that has got past preprocessing."""
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
    """Hold a folder of results; UserError if another build or evaluation has it. The lock falls with the process, however that ends."""
    made, path = not out.exists(), out / LOCK
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{out}: expected a folder, or a place for one ({error.strerror or error}); choose another"
        ) from error
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


@contextmanager
def undisturbed(folder: Path, writes: bool) -> Iterator[None]:
    """Hold a folder while it is read, so that no build changes it meanwhile. Where nobody may write no build does; then it is held only if
    what is done there `writes`."""
    with alone_in(folder) if writes or os.access(folder, os.W_OK) else nullcontext():
        yield


def _held(path: Path) -> TextIO:
    """The locked file. Whoever held it before may have removed it in between; then a new one is taken."""
    while True:
        file = _opened(path)
        if not lock(file):
            file.close()
            raise UserError(
                f"{path.parent}: another build or evaluation is running there; wait for it, or choose another --out"
            )
        if still_there(file, path):
            return file
        file.close()


def _opened(path: Path) -> TextIO:
    """The file that is locked. Opening a pipe would wait for its other end."""
    if os.path.lexists(path) and (path.is_symlink() or not path.is_file()):
        raise UserError(f"{path}: expected a file of facecraft4d or none, found something else; remove it")
    try:
        return path.open("a")
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error}); choose another --out") from error


def set_aside(out: Path) -> None:
    """Keep the stages' folder under another name."""
    if os.path.lexists(out / BEFORE):
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
    if complete(folder / "preprocess"):
        remove(before)
        return
    remove(folder)
    if os.path.lexists(folder):
        raise UserError(
            f"{folder}: expected nothing here, to put back {before}, found what is not ours; move it, and build again"
        )
    before.rename(folder)


def drop_empty(folder: Path) -> None:
    """Leave nothing of a build that made nothing: a refused photograph costs no folder."""
    if all(path.name == MARKER or is_litter(path.name) for path in folder.rglob("*") if path.is_file()):
        remove(folder)
