"""Children that decode sounds and videos, quick to start: each is forked from a process that has imported all there is to import.

A file still has a process of its own with bounds of its own, which runs media_child's own `main`; only Python's start is shared.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import BinaryIO
from unittest.mock import patch

from facecraft4d.toolkit.core.untrusted import media, media_child
from facecraft4d.toolkit.core.untrusted.limits import child_environment

MOST_REQUEST = 1 << 16
"""Bytes of a request's words."""
NUMBER_BYTES = 8
"""Of a pid, and of an exit code."""
MOST_HANDLES = 64
"""More than the nursery has open."""


@contextmanager
def forked() -> Iterator[None]:
    """Sounds and videos are decoded by such children."""
    with patch.object(media, "_child", _nursery().child):
        yield


class Child(subprocess.Popen[bytes]):
    """What media.py uses of a Popen, for a process that the nursery started."""

    def __init__(self, pid: int, stdout: BinaryIO, ends: socket.socket) -> None:  # Popen's own would start one
        self.stdout, self.returncode = stdout, 0
        self._pid, self._ends, self._waited = pid, ends, False

    def kill(self) -> None:
        """As Popen's. Until it was waited for, the pid is its own."""
        if not self._waited:
            os.kill(self._pid, signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """As Popen's."""
        if not self._waited:
            self.returncode, self._waited = _heard(self._ends), True
            self._ends.sendall(b"!")
        return self.returncode


class Nursery:
    """The process that they are forked from; one child at a time."""

    def __init__(self) -> None:
        self._ends, theirs = socket.socketpair()
        command = [sys.executable, "-P", __file__, str(theirs.fileno())]
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=child_environment())
        theirs.close()

    def child(self, stream: BinaryIO, request: dict[str, object]) -> Child:
        """In place of media.py's `_child`."""
        reading, writing = os.pipe()
        words = json.dumps([str(media.MEMORY_BYTES), json.dumps(request)]).encode()
        socket.send_fds(self._ends, [words], [stream.fileno(), writing])
        os.close(writing)
        return Child(_heard(self._ends), open(reading, "rb"), self._ends)


@cache
def _nursery() -> Nursery:
    return Nursery()


def _heard(ends: socket.socket) -> int:
    return int.from_bytes(ends.recv(NUMBER_BYTES, socket.MSG_WAITALL), signed=True)


def _tell(ends: socket.socket, number: int) -> None:
    ends.sendall(number.to_bytes(NUMBER_BYTES, signed=True))


def _serve(ends: socket.socket) -> None:
    """Fork a child for each request, tell its pid and, once it is over, how it ended."""
    while True:
        words, handles, _, _ = socket.recv_fds(ends, MOST_REQUEST, 2)
        if not words:
            return
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                _decode(json.loads(words), *handles)
                code = 0
            finally:
                os._exit(code)
        for handle in handles:
            os.close(handle)
        _tell(ends, pid)
        end = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert end is not None
        _tell(ends, end.si_status if end.si_code == os.CLD_EXITED else -end.si_status)
        ends.recv(1)
        os.waitpid(pid, 0)


def _decode(words: list[str], stream: int, answers: int) -> None:
    """media_child as if it had been started with these words, this input and this output."""
    os.dup2(stream, 0)
    os.dup2(answers, 1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    os.closerange(3, MOST_HANDLES)
    sys.argv = ["media_child", *words]
    sys.stdin, sys.stdout = open(0), open(1, "w")
    media_child.main()
    sys.stdout.flush()


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
