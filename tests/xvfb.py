"""A display without a screen, and what is seen on it."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from absent import absent

WIDTH, HEIGHT = 800, 600


@dataclass(frozen=True)
class Display:
    """A running X server."""

    name: str
    """For the environment variable DISPLAY."""
    memory: Path

    @property
    def environment(self) -> dict[str, str]:
        """Of a program that opens its windows here."""
        return {key: value for key, value in os.environ.items() if key != "WAYLAND_DISPLAY"} | {"DISPLAY": self.name}

    def pixels(self) -> np.ndarray:
        """RGB [h, w, 3] of all that is on it: the file holds a header, and then four bytes a pixel, blue first."""
        data = np.frombuffer(self.memory.read_bytes(), np.uint8)
        return data[-4 * WIDTH * HEIGHT :].reshape(HEIGHT, WIDTH, 4)[..., 2::-1]


@contextmanager
def display() -> Iterator[Display]:
    """While it lasts; skips the test where there is no Xvfb, but never in CI."""
    if shutil.which("Xvfb") is None:
        absent("Xvfb is not installed, so no window can be opened")
    with TemporaryDirectory() as folder:
        read, write = os.pipe()
        screen = f"{WIDTH}x{HEIGHT}x24"
        command = [
            "Xvfb",
            "-displayfd",
            str(write),
            "-screen",
            "0",
            screen,
            "-fbdir",
            folder,
            "-nolisten",
            "tcp",
            "-noreset",
        ]
        server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as pipe:
            number = pipe.readline().strip()
        try:
            yield Display(f":{number}", Path(folder) / "Xvfb_screen0")
        finally:
            server.terminate()
            server.wait()
