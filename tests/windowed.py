"""A player's window in a process of its own, and a hand on its mouse and keys (xdotool)."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from places import ROOT, TINY

AT_THE_START = f"""
import sys; sys.path.insert(0, {str(ROOT / "tests")!r})
import json, glfw, numpy
from pathlib import Path
from facecraft4d.runtime import screen, PlayOptions, clip_sources, play
from facecraft4d.runtime.viewer import loop
from facecraft4d.exporters import load
from facecraft4d.toolkit.core.checks import UserError
from clip_cases import constant

def show(self, background, shown=screen.Screen.show):
    # the window's own pixels in window.npy, whenever a file named grab lies there
    shown(self, background)
    if Path("grab").exists():
        width, height = self._picture.size
        pixels = numpy.frombuffer(self._context.screen.read((0, 0, width, height)), numpy.uint8)
        numpy.save("window.npy.part.npy", pixels.reshape(height, width, 3)[::-1])
        Path("window.npy.part.npy").rename("window.npy"); Path("grab").unlink()
screen.Screen.show = show

places = {{}}
def widgets():
    # where each widget lies, in widgets.json
    from imgui_bundle import imgui
    for name in ("slider_float", "input_text_with_hint", "button"):
        def noted(label, *arguments, widget=getattr(imgui, name)):
            result, low, high = widget(label, *arguments), imgui.get_item_rect_min(), imgui.get_item_rect_max()
            places[label] = low.x, low.y, high.x, high.y
            return result
        setattr(imgui, name, noted)

def poll(polled=glfw.poll_events):
    polled()
    if Path("where").exists() and places:
        Path("where").unlink(); Path("widgets.part").write_text(json.dumps(places)); Path("widgets.part").rename("widgets.json")
glfw.poll_events = poll
"""

PLAYED = f"""
try:
    avatar = load(Path({str(TINY)!r}))
    clips = clip_sources((constant("half", 0.5), constant("full", 1.0)), avatar.rig)
    play(avatar, clips, PlayOptions(window=size, seconds=90.0, panel=panel), loop.Setup(path=path))
except UserError as error:
    sys.exit(str(error))
"""

HARDWARE = "screen.is_emulated = lambda context: False"
"""Take the path of a graphics card."""


def run_player(
    folder: Path, display: str | None, prepare: str = "", size: tuple[int, int] = (320, 320), panel: bool = False,
    avatar: Path | None = None,
) -> subprocess.Popen[str]:  # fmt: skip
    """A window of that size; `prepare` is run before it opens, the avatar is read again when the file at `avatar` changes."""
    environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    if display is not None:
        environment["DISPLAY"] = display
    path = "None" if avatar is None else f"Path({str(avatar)!r})"
    code = f"{AT_THE_START}\n{prepare}\nsize, panel, path = {size}, {panel}, {path}\nif panel: widgets()\n{PLAYED}"
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=folder, env=environment, stderr=subprocess.PIPE, text=True
    )


def wait_for(path: Path, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path.name} did not appear"
        time.sleep(0.05)


class Hand:
    """Finds the window and does to it what a user does, slowly enough for a slow frame."""

    def __init__(self, display: str, folder: Path) -> None:
        self._display, self._folder, self._pictures = display, folder, 0
        self.window = self.xdotool("search", "--sync", "--onlyvisible", "--name", "facecraft4d").split()[0]
        self.xdotool("windowfocus", "--sync", self.window)
        self.picture()  # it draws

    def xdotool(self, *arguments: str) -> str:
        environment = {**os.environ, "DISPLAY": self._display}
        return subprocess.run(
            ["xdotool", *arguments], env=environment, capture_output=True, text=True, check=True, timeout=60
        ).stdout

    def press(self, key: str) -> None:
        self.xdotool("keydown", key)
        time.sleep(0.1)
        self.xdotool("keyup", key)

    def drag(self, start: tuple[int, int], end: tuple[int, int], button: str = "1") -> None:
        self.xdotool("mousemove", "--window", self.window, *map(str, start))
        time.sleep(0.4)
        self.xdotool("mousedown", button)
        time.sleep(0.4)
        self.xdotool("mousemove", "--window", self.window, *map(str, end))
        time.sleep(0.4)
        self.xdotool("mouseup", button)
        time.sleep(0.4)

    def drop(self, *files: Path) -> None:
        """Drag files from another program onto the window."""
        words = [sys.executable, str(ROOT / "tests" / "xdnd.py"), self.window, *map(str, files)]
        dragged = subprocess.run(
            words, env={**os.environ, "DISPLAY": self._display}, capture_output=True, text=True, timeout=30, check=False
        )
        assert dragged.returncode == 0, dragged.stderr

    def click(self, place: tuple[int, int]) -> None:
        self.drag(place, place)

    def picture(self) -> np.ndarray:
        """What the key S saves: RGB as numbers."""
        self._pictures += 1
        path = self._folder / f"picture_{self._pictures:03d}.png"
        self.press("s")
        wait_for(path)
        time.sleep(0.1)
        for later in self._folder.glob("picture_*.png"):  # a slow machine repeats the key
            self._pictures = max(self._pictures, int(later.stem[-3:]))
        return np.asarray(Image.open(path)).astype(int)

    def until(self, shown: Callable[[np.ndarray], object], seconds: float = 30.0) -> np.ndarray:
        """The first picture for which that holds: a slow machine has slow frames."""
        end = time.monotonic() + seconds
        while not shown(seen := self.picture()):
            assert time.monotonic() < end, "the picture did not become what was waited for"
        return seen

    def place(self, label: str, across: float = 0.5) -> tuple[int, int]:
        """Where a widget is."""
        (self._folder / "widgets.json").unlink(missing_ok=True)
        (self._folder / "where").touch()
        wait_for(self._folder / "widgets.json")
        left, top, right, bottom = json.loads((self._folder / "widgets.json").read_text())[label]
        return round(left + across * (right - left)), round((top + bottom) / 2)

    def size(self) -> tuple[int, int]:
        lines = dict(line.split("=") for line in self.xdotool("getwindowgeometry", "--shell", self.window).splitlines())
        return int(lines["WIDTH"]), int(lines["HEIGHT"])
