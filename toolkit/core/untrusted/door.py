"""The one door for files from elsewhere: a regular file, of a size that was agreed on, that takes no more memory than its size allows, and
whatever is wrong with it is one line (docs/security.md)."""

import math
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.text import shown

BUDGET_TIMES = 32
"""Bytes of memory for each byte of a file: a sparse morph target grows the most of what we write, by a factor of 20."""
LEAST_BUDGET, MOST_BUDGET = 16 << 20, 2 << 30
"""Bytes: what no machine minds, and what none of our files needs."""


FILLED_AT_ONCE = 1 << 20
"""Bytes that are asked for at a time: an unpacking stream holds as many once more."""


class Budget:
    """The memory that what is read of one file may take; it is spent before each allocation."""

    def __init__(self, file_bytes: int, most: int = MOST_BUDGET) -> None:
        """BUDGET_TIMES the file's size, but LEAST_BUDGET at least and `most` at most."""
        self.total = min(max(BUDGET_TIMES * file_bytes, LEAST_BUDGET), most)
        self._left = self.total

    def spend(self, count: int, what: str) -> None:
        """Take `count` bytes for `what`. ValueError where they are not left."""
        if not 0 <= count <= self._left:
            raise ValueError(f"{what} would take {count:,} bytes where {self._left:,} of {self.total:,} are left")
        self._left -= count

    def spend_array(self, shape: tuple[int, ...], dtype: DTypeLike, what: str) -> None:
        """Take what an array needs. ValueError where it is not left, or for a negative side."""
        if any(side < 0 for side in shape):
            raise ValueError(f"{what} cannot have the shape {shape}")
        self.spend(math.prod(shape) * np.dtype(dtype).itemsize, what)


@contextmanager
def open_untrusted(path: Path, what: str, most_bytes: int, advice: str = "") -> Iterator[BinaryIO]:
    """A file that somebody else made, open for reading. `what` names it in messages ("a clip as CSV"), `advice` says what to do if it is too
    large.

    Nothing is opened of a folder, a device or a pipe. Raises UserError.
    """
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            raise UserError(f"{path}: expected {what}, found {'a folder' if path.is_dir() else 'no regular file'}")
        stream = path.open("rb")
    except FileNotFoundError:
        raise UserError(f"{path}: expected {what}, found no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path}: expected {what}, found a file that cannot be read: {reason}") from None
    with stream:
        if facts.st_size > most_bytes:
            raise _too_large(path, what, most_bytes, f"{facts.st_size >> 20} MiB", advice)
        yield stream


def read_untrusted(path: Path, what: str, most_bytes: int, advice: str = "") -> bytes:
    """The content of a file that somebody else made, as `open_untrusted` gives it; never more than `most_bytes` + 1 are read."""
    with open_untrusted(path, what, most_bytes, advice) as stream:
        try:
            size = os.fstat(stream.fileno()).st_size
            content = stream.read(min(size, most_bytes) + 1)  # this much memory is taken at once
            if len(content) > size:  # it grew, or does not tell its size
                content += stream.read(max(most_bytes + 1 - len(content), 0))
        except OSError as error:
            raise UserError(
                f"{path}: expected {what}, found a file that cannot be read: {error.strerror or error}"
            ) from None
    if len(content) > most_bytes:
        raise _too_large(path, what, most_bytes, "more", advice)
    return content


def _too_large(path: Path, what: str, most_bytes: int, found: str, advice: str) -> UserError:
    return UserError(
        f"{path}: expected {what} of at most {most_bytes >> 20} MiB, found {found}{advice and '; '}{advice}"
    )


def fill(array: np.ndarray, stream: Any) -> None:
    """Read the array's bytes, as they lie in memory, from a stream. EOFError where it ends early."""
    target, done = array.reshape(-1, order="A").view(np.uint8), 0
    while done < len(target):
        count = stream.readinto(target[done : done + FILLED_AT_ONCE])
        if not count:
            raise EOFError("it ends early")
        done += count


@contextmanager
def at_the_border(name: object, expected: str, advice: str = "") -> Iterator[None]:
    """Whatever reading `name` raises within becomes a UserError: expected what, found what, what to do.

    A hostile file may make a decoder raise anything, so everything is caught: only here, where a file of that name is being read.
    """
    try:
        with np.errstate(all="ignore"):  # numbers that are none are found by checks, not by warnings
            yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{name}: expected {expected}, found {told(error)}{advice and '; '}{advice}") from error


def told(error: BaseException) -> str:
    """What an exception says, in one short line, or its name where it says nothing."""
    text = shown(error, 200)
    return text if isinstance(error, ValueError) and text else f"{type(error).__name__} {text}".strip()
