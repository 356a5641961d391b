"""Reads files in a process of its own that has little memory and a clock: what hostile files are given to."""

import json
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

SECONDS = 5


class Late(BaseException):
    """Nothing that reads files catches it."""


def read_each(reader: Callable[[Path], Any], paths: list[str], most_bytes: int) -> None:
    """Read file after file with `most_bytes` of memory beyond what the process has; print what came of it and the seconds, one JSON list."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + most_bytes
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    signal.signal(signal.SIGALRM, _late)
    found = []
    for path in paths:
        start = time.monotonic()
        signal.alarm(SECONDS)
        try:
            reader(Path(path))
            said = "read"
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        signal.alarm(0)
        found.append((said, time.monotonic() - start))
    json.dump(found, sys.stdout)


def _late(number: int, frame: FrameType | None) -> NoReturn:
    raise Late
