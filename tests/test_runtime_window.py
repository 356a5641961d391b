"""The player: its state by itself, and the whole window under Xvfb, driven by xdotool."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import av
import glfw
import numpy as np
import pytest
from PIL import Image

from facecraft4d.exporters import load
from facecraft4d.runtime.screen import text_panel
from facecraft4d.runtime.viewer import FADE_SECONDS, Viewer
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.datatypes import Motion

TINY = Path(__file__).parents[1] / "samples" / "tiny_avatar.glb"
JAW = ARKIT_NAMES.index("jawOpen")


def constant(name: str, jaw: float) -> Motion:
    """A second of an open jaw."""
    weights = np.zeros((10, 52), np.float32)
    weights[:, JAW] = jaw
    return Motion(
        name, 10.0, ARKIT_NAMES, weights, ("neck",), np.zeros((10, 1, 3), np.float32), np.zeros((10, 3), np.float32)
    )


@pytest.fixture
def viewer() -> Viewer:
    return Viewer(load(TINY), (constant("half", 0.5), constant("full", 1.0)))


def test_clips_lead_over_to_each_other(viewer: Viewer) -> None:
    assert viewer.pose().expression[JAW] == 0.5
    viewer.key(glfw.KEY_2)
    assert np.isclose(viewer.pose().expression[JAW], 0.5)
    viewer.advance(FADE_SECONDS / 2)
    assert np.isclose(viewer.pose().expression[JAW], 0.75)
    viewer.advance(FADE_SECONDS)
    assert viewer.pose().expression[JAW] == 1 and "full" in viewer.title()
    viewer.key(glfw.KEY_9)
    assert "full" in viewer.title()
    viewer.key(glfw.KEY_0)
    viewer.advance(FADE_SECONDS)
    assert not viewer.pose().expression.any() and "at rest" in viewer.title()


def test_time_runs_unless_paused(viewer: Viewer) -> None:
    viewer.advance(0.4)
    viewer.key(glfw.KEY_SPACE)
    viewer.advance(5.0)
    assert viewer.seconds == 0.4 and "paused" in viewer.title()
    viewer.key(glfw.KEY_PERIOD)
    assert np.isclose(viewer.seconds, 0.5)
    viewer.key(glfw.KEY_COMMA)
    viewer.key(glfw.KEY_SPACE)
    viewer.advance(0.1)
    assert np.isclose(viewer.seconds, 0.5)


def test_camera_follows_mouse_and_keys(viewer: Viewer) -> None:
    home = viewer.orbit
    viewer.drag(10.0, 0.0)
    assert viewer.orbit.yaw_degrees < 0 < viewer.orbit.pitch_degrees + 1
    viewer.drag(0.0, 10_000.0)
    assert viewer.orbit.pitch_degrees == 89
    viewer.wheel(3.0)
    assert viewer.orbit.distance < home.distance
    for key in (glfw.KEY_LEFT, glfw.KEY_RIGHT, glfw.KEY_UP, glfw.KEY_DOWN, glfw.KEY_EQUAL, glfw.KEY_MINUS):
        before = viewer.orbit
        viewer.key(key)
        assert viewer.orbit != before or key == glfw.KEY_UP
    viewer.key(glfw.KEY_HOME)
    assert viewer.orbit == home


def test_wishes_and_help(viewer: Viewer) -> None:
    for key in (glfw.KEY_S, glfw.KEY_R, glfw.KEY_H, glfw.KEY_F12):
        viewer.key(key)
    assert viewer.wishes == {"picture", "video"} and not viewer.help and not viewer.closing
    viewer.key(glfw.KEY_ESCAPE)
    assert viewer.closing


def test_player_without_clips() -> None:
    viewer = Viewer(load(TINY), ())
    assert len(viewer.help_lines()) == 3
    viewer.advance(1.0)
    viewer.step(1)
    viewer.choose(1)
    assert not viewer.pose().expression.any()


def test_help_text_is_drawn() -> None:
    panel = text_panel(Viewer(load(TINY), (constant("nod", 0.5),)).help_lines())
    assert panel.shape[2] == 4 and panel[..., 0].min() < 60 < 200 < panel[..., 0].max()


def run_player(folder: Path, display: str | None, hardware: bool = False) -> subprocess.Popen[str]:
    """A player window of 320 pixels in a process of its own; `hardware` makes it take the path of a graphics card."""
    environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    if display is not None:
        environment["DISPLAY"] = display
    pretend = "screen.EMULATORS = ();" if hardware else ""
    code = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from facecraft4d.runtime import screen, PlayOptions, play
from facecraft4d.exporters import load
from facecraft4d.toolkit.core.checks import UserError
from test_runtime_window import constant; {pretend}
try:
    play(load(Path({str(TINY)!r})), (constant("half", 0.5), constant("full", 1.0)), PlayOptions(size=320, seconds=60.0))
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


def wait_for(path: Path, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path.name} did not appear"
        time.sleep(0.05)


@pytest.mark.parametrize("hardware", [False, True])
def test_window_reacts(tmp_path: Path, display: str, hardware: bool) -> None:
    """Keys turn, pause, save and record; the mouse turns; Escape closes it well."""
    player = run_player(tmp_path, display, hardware)
    try:
        window = xdotool(display, "search", "--sync", "--onlyvisible", "--name", "facecraft4d").split()[0]
        xdotool(display, "windowfocus", "--sync", window)

        def press(key: str) -> None:
            xdotool(display, "keydown", key)
            time.sleep(0.1)
            xdotool(display, "keyup", key)

        press("s")
        wait_for(tmp_path / "picture_001.png")
        for _ in range(4):
            press("Right")
        press("s")
        wait_for(tmp_path / "picture_002.png")
        xdotool(display, "mousemove", "--window", window, "160", "160", "mousedown", "1")
        time.sleep(0.4)
        xdotool(display, "mousemove", "--window", window, "60", "160")
        time.sleep(0.4)
        xdotool(display, "mouseup", "1")
        press("s")
        wait_for(tmp_path / "picture_003.png")
        press("r")
        time.sleep(1.0)
        press("r")
        wait_for(tmp_path / "video_001.mp4")
        press("Escape")
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
