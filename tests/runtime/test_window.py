"""The whole window under Xvfb, driven by xdotool."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from places import ROOT, TINY


def run_player(folder: Path, display: str | None, hardware: bool = False) -> subprocess.Popen[str]:
    """A player window of 320 pixels in a process of its own; `hardware` makes it take the path of a graphics card."""
    environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    if display is not None:
        environment["DISPLAY"] = display
    pretend = "screen.is_emulated = lambda context: False;" if hardware else ""
    code = f"""
import sys; sys.path.insert(0, {str(ROOT / "tests")!r})
from pathlib import Path
from facecraft4d.runtime import screen, PlayOptions, clip_sources, play
from facecraft4d.exporters import load
from facecraft4d.toolkit.core.checks import UserError
from clip_cases import constant; {pretend}
import numpy
def show(self, background, shown=screen.Screen.show):
    # the window's own pixels in window.npy, whenever a file named grab lies there
    shown(self, background)
    if Path("grab").exists():
        width, height = self._picture.size
        pixels = numpy.frombuffer(self._context.screen.read((0, 0, width, height)), numpy.uint8)
        numpy.save("window.npy.part.npy", pixels.reshape(height, width, 3)[::-1])
        Path("window.npy.part.npy").rename("window.npy"); Path("grab").unlink()
screen.Screen.show = show
try:
    avatar = load(Path({str(TINY)!r}))
    clips = clip_sources((constant("half", 0.5), constant("full", 1.0)), avatar.rig)
    play(avatar, clips, PlayOptions(window=(320, 320), seconds=60.0, panel=False))
except UserError as error:
    sys.exit(str(error))
"""
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=folder, env=environment, stderr=subprocess.PIPE, text=True
    )


def test_without_a_display_it_names_record(tmp_path: Path) -> None:
    player = run_player(tmp_path, None)
    _, message = player.communicate(timeout=60)
    assert player.returncode == 1 and "cannot open a window" in message and "--record clip.mp4" in message
    assert "Traceback" not in message and len(message.strip().splitlines()) == 1


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    for tool in ("Xvfb", "xdotool"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed, so no window can be opened and driven")
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "800x600x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as pipe:
        number = pipe.readline().strip()
    yield f":{number}"
    server.terminate()
    server.wait()


def xdotool(display: str, *arguments: str) -> str:
    environment = {**os.environ, "DISPLAY": display}
    return subprocess.run(
        ["xdotool", *arguments], env=environment, capture_output=True, text=True, check=True, timeout=60
    ).stdout


def press(display: str, key: str) -> None:
    """As a finger does, long enough for a slow frame."""
    xdotool(display, "keydown", key)
    time.sleep(0.1)
    xdotool(display, "keyup", key)


def wait_for(path: Path, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path.name} did not appear"
        time.sleep(0.05)


@pytest.mark.parametrize("hardware", [False, True])
@pytest.mark.slow
def test_window_reacts(tmp_path: Path, display: str, hardware: bool) -> None:
    """Keys turn, pause, save and record; the mouse turns; Escape closes it well."""
    player = run_player(tmp_path, display, hardware)
    try:
        window = xdotool(display, "search", "--sync", "--onlyvisible", "--name", "facecraft4d").split()[0]
        xdotool(display, "windowfocus", "--sync", window)

        press(display, "s")
        wait_for(tmp_path / "picture_001.png")
        for _ in range(4):
            press(display, "Right")
        press(display, "s")
        wait_for(tmp_path / "picture_002.png")
        xdotool(display, "mousemove", "--window", window, "160", "160", "mousedown", "1")
        time.sleep(0.4)
        xdotool(display, "mousemove", "--window", window, "60", "160")
        time.sleep(0.4)
        xdotool(display, "mouseup", "1")
        press(display, "s")
        wait_for(tmp_path / "picture_003.png")
        press(display, "r")
        time.sleep(1.0)
        press(display, "r")
        wait_for(tmp_path / "video_001.mp4")
        press(display, "Escape")
        _, message = player.communicate(timeout=30)
        assert player.returncode == 0, message
    finally:
        player.kill()
    pictures = [np.asarray(Image.open(tmp_path / f"picture_00{i}.png")).astype(int) for i in (1, 2, 3)]
    assert pictures[0].shape == (320, 320, 3) and (pictures[0][5, 300] == 255).all()
    assert np.abs(pictures[0] - pictures[1]).max() > 60 and np.abs(pictures[1] - pictures[2]).max() > 60
    with av.open(str(tmp_path / "video_001.mp4")) as container:
        assert 15 < sum(1 for _ in container.decode(video=0)) < 150
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "picture_001.png",
        "picture_002.png",
        "picture_003.png",
        "video_001.mp4",
    ]


@pytest.mark.parametrize("hardware", [False, True])
@pytest.mark.slow
def test_a_resized_window_shows_the_whole_picture(tmp_path: Path, display: str, hardware: bool) -> None:
    """To another shape, to almost nothing and back: the window holds what the renderer drew, undistorted."""
    player = run_player(tmp_path, display, hardware)
    try:
        window = xdotool(display, "search", "--sync", "--onlyvisible", "--name", "facecraft4d").split()[0]
        xdotool(display, "windowfocus", "--sync", window)
        press(display, "0")  # at rest nothing moves, however often a slow machine repeats the key
        for width, height in ((240, 400), (1, 1), (500, 300)):
            xdotool(display, "windowsize", "--sync", window, str(width), str(height))
            time.sleep(1.0)
            if (width, height) == (1, 1):
                continue
            for picture in tmp_path.glob("picture_*.png"):
                picture.unlink()
            press(display, "s")
            wait_for(tmp_path / "picture_001.png")
            (tmp_path / "grab").touch()
            wait_for(tmp_path / "window.npy")
            time.sleep(0.3)
            seen = np.load(tmp_path / "window.npy").astype(int)
            drawn = np.asarray(Image.open(tmp_path / "picture_001.png")).astype(int)
            assert seen.shape == drawn.shape == (height, width, 3)
            assert np.abs(seen - drawn).mean() < 1
            (tmp_path / "window.npy").unlink()
        press(display, "Escape")
        player.communicate(timeout=30)  # its window is gone before the next one is looked for
    finally:
        player.kill()
