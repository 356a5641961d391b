"""Children with bounds: processes of ours that decode strangers' files, and limit themselves before they begin."""

import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


def child_command(module: str, *arguments: object) -> list[str]:
    """The command that runs a module of ours in a process of its own."""
    return [sys.executable, "-P", "-m", module, *map(str, arguments)]


def child_environment() -> Mapping[str, str]:
    """The environment in which a child finds the modules that this process finds, and takes no more address space than it uses."""
    places = os.pathsep.join(place or os.getcwd() for place in sys.path)
    return {**os.environ, "PYTHONPATH": places, "MALLOC_ARENA_MAX": "1"}


def limit_memory(count: int) -> None:
    """Let this process take at most so many bytes of address space, where the platform can."""
    _lower("RLIMIT_AS", count)


def limit_seconds(seconds: float) -> None:
    """Let the system end this process when it has used so much more processor time, where the platform can."""
    _lower("RLIMIT_CPU", math.ceil(time.process_time() + seconds))


def ended_by(code: int) -> str:
    """Why a child ended, by its exit code, in words that follow "found one that"."""
    if -code in {getattr(signal, name, None) for name in ("SIGXCPU", "SIGKILL")}:
        return "takes too long"
    return f"ends its process (code {code})"


@contextmanager
def ended_after(process: "subprocess.Popen[bytes]", seconds: float) -> Iterator[None]:
    """Kill the child when what stands within takes longer, by the clock."""
    timer = threading.Timer(seconds, process.kill)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _lower(name: str, soft: int) -> None:
    try:
        import resource

        kind = getattr(resource, name)
        resource.setrlimit(kind, (soft, resource.getrlimit(kind)[1]))
    except (ImportError, AttributeError, ValueError, OSError):
        return
