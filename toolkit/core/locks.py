"""A lock on an open file that falls with the process, however that ends."""

import os
import sys
from typing import IO, Any


def lock(file: IO[Any]) -> bool:
    """Whether the open file could be locked for this process; False where another holds it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def still_there(file: IO[Any], path: str | os.PathLike[str]) -> bool:
    """Whether the open file is what lies at `path`: whoever held it before may have removed it."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
