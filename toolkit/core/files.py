"""Files appear whole or not at all: the one way in which this project replaces a file."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facecraft4d.toolkit.core.checks import UserError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary name beside `path` (same suffix) to write to; it takes the place of `path` when the block ends well.

    A reader sees the old file or the new one, never half. Makes missing folders. Raises UserError where the system does not let us write.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}") from error


def write_whole(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_bytes(data)
