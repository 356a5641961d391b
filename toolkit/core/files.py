"""Files appear whole or not at all: the one way in which this project replaces a file."""

import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.locks import lock, still_there

PARTIAL = re.compile(r"\..*\.[0-9a-f]{8}\.partial(\.[^.]*)?", re.DOTALL)
"""Names of files that are being written, and of those that a killed process left."""
WRITING = "writing"
"""File in a scratch folder that its writer holds."""
KEPT_LETTERS = 40
"""Letters of a file's name in the name of its partial: no file system's limit is reached where the name itself is within."""
SECONDS_UNTOUCHED = 86_400
"""After this time a partial file counts as left behind where no lock can tell (Windows)."""


@contextmanager
def whole_file(path: Path, durable: bool = True) -> Iterator[Path]:
    """A temporary name beside `path` (same suffix) to write to; it takes the place of `path` when the block ends well.

    A reader sees the old file or the new one, never half; two writers do not meet. `durable` waits for the disk, so that a power cut leaves
    one of them too, and removes what killed processes left in the folder. Makes missing folders. Raises UserError where the system does
    not let us write.
    """
    if "\0" in str(path):
        raise UserError(f"{path}: cannot be written: a name cannot hold a NUL")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if durable:
            sweep(path.parent)
        with _partial(path) as temporary:
            yield temporary
            if durable:
                _to_disk(temporary)
            temporary.replace(path)
            if durable:
                _to_disk(path.parent)
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}") from error


def write_whole(path: Path, data: bytes, durable: bool = True) -> None:
    """Write a file whole or not at all."""
    with whole_file(path, durable) as temporary:
        temporary.write_bytes(data)


@contextmanager
def scratch_folder(beside: Path) -> Iterator[Path]:
    """A new hidden folder beside a path, for files that appear there later all together; it is gone when the block ends.

    Makes missing folders. Raises UserError where the system does not let us write.
    """
    try:
        beside.parent.mkdir(parents=True, exist_ok=True)
        sweep(beside.parent)
        folder = _partial_name(beside.with_suffix(""))
        folder.mkdir()
        try:
            with (folder / WRITING).open("x") as held:
                lock(held)
                yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        raise UserError(f"{beside}: cannot be written: {error.strerror or error}") from error


def place_all(folder: Path, names: Iterable[str], destination: Path) -> tuple[Path, ...]:
    """Move finished files of a scratch folder into a destination beside it, by their names there; returns where they are now.

    Each replaces a file of its name. All are on the disk before the first is moved. Raises UserError where the system does not let us.
    """
    places = [(folder / name, destination / name) for name in names]
    for source, _ in places:
        _to_disk(source)
    for source, target in places:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            source.replace(target)
        except OSError as error:
            raise UserError(f"{target}: cannot be written: {error.strerror or error}") from error
    for parent in {target.parent for _, target in places}:
        _to_disk(parent)
    return tuple(target for _, target in places)


def sweep(folder: Path) -> None:
    """Remove the partial files and scratch folders in a folder whose writers are gone."""
    for path in folder.iterdir():
        if PARTIAL.fullmatch(path.name) and not path.is_symlink():
            with suppress(OSError):  # gone meanwhile, or not ours to touch
                if path.is_file():
                    _remove_abandoned(path, path.unlink)
                elif (path / WRITING).is_file():
                    _remove_abandoned(path / WRITING, lambda: shutil.rmtree(path))  # noqa: B023  (called at once)


@contextmanager
def _partial(path: Path) -> Iterator[Path]:
    """A new file beside `path`, locked as long as it is written, and gone afterwards."""
    while True:
        temporary = _partial_name(path)
        with temporary.open("x") as held:
            if not (lock(held) and still_there(held, temporary)):
                continue  # somebody swept it before it was locked
            try:
                if sys.platform == "win32":
                    held.close()  # an open file cannot be replaced there
                yield temporary
                return
            finally:
                temporary.unlink(missing_ok=True)


def _partial_name(path: Path) -> Path:
    return path.with_name(f".{path.stem[:KEPT_LETTERS]}.{secrets.token_hex(4)}.partial{path.suffix}")


def _remove_abandoned(held: Path, remove: Callable[[], None]) -> None:
    """Call `remove` where nobody holds the file any more."""
    if sys.platform == "win32":
        if time.time() - held.stat().st_mtime > SECONDS_UNTOUCHED:
            remove()
        return
    with held.open() as file:
        if lock(file):  # and keep it until all is gone: nobody begins to write
            remove()


def _to_disk(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on the disk. Windows keeps no folder open."""
    if sys.platform == "win32" and path.is_dir():
        return
    handle = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
