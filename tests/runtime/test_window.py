"""The whole window under Xvfb, driven by xdotool."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
import xvfb
from absent import absent
from clip_cases import constant
from places import ROOT, TINY
from windowed import HARDWARE, Hand, run_player, wait_for
from xvfb import Display

from facecraft4d.exporters import export, load
from facecraft4d.runtime.window import MOST_PIXELS_PER_UNIT, Window
from facecraft4d.toolkit.core.motion import written_clip

WIDE = 760, 560
"""A window with a panel."""

Opened = Callable[..., Hand]


@pytest.mark.slow
def test_without_a_display_it_names_record(tmp_path: Path) -> None:
    player = run_player(tmp_path, None)
    _, message = player.communicate(timeout=60)
    assert player.returncode == 1 and "cannot open a window" in message and "--record clip.mp4" in message
    assert "Traceback" not in message and len(message.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("pixels", "size", "density"), [((800, 600), (400, 300), 2.0), ((240, 400), (1, 1), MOST_PIXELS_PER_UNIT), ((1, 1), (240, 400), 1.0), ((0, 0), (0, 0), 1.0)]
)  # fmt: skip
def test_density_is_that_of_a_screen_whichever_of_two_sizes_is_older(
    monkeypatch: pytest.MonkeyPatch, pixels: tuple[int, int], size: tuple[int, int], density: float
) -> None:
    monkeypatch.setattr(Window, "pixels", pixels)
    monkeypatch.setattr(Window, "size", size)
    assert Window.__new__(Window).density == density


@pytest.fixture(scope="module")
def display() -> Iterator[Display]:
    if shutil.which("xdotool") is None:
        absent("xdotool is not installed, so no window can be driven")
    with xvfb.display() as running:
        yield running


@pytest.fixture
def opened(tmp_path: Path, display: Display) -> Iterator[Opened]:
    """Opens a player; afterwards it must end well, and its window be gone before the next one is looked for."""
    players = []

    def open_player(**options: object) -> Hand:
        players.append(run_player(tmp_path, display.name, **options))
        return Hand(display.name, tmp_path)

    yield open_player
    for player in players:
        try:
            if player.poll() is None:
                subprocess.run(["xdotool", "key", "Escape"], env=display.environment, check=True)
            _, message = player.communicate(timeout=30)
            assert player.returncode == 0, message
        finally:
            player.kill()


def frames(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


@pytest.mark.parametrize(
    "prepare", ["", HARDWARE, "loop.find_spec = lambda name: None"], ids=["cpu", "card", "no imgui"]
)
@pytest.mark.slow
def test_window_reacts(tmp_path: Path, opened: Opened, prepare: str) -> None:
    """Keys turn, save and record; the mouse turns and moves."""
    hand = opened(prepare=prepare)
    hand.press("0")
    time.sleep(1.0)  # the clip fades out
    pictures = [hand.picture()]
    for _ in range(4):
        hand.press("Right")
    pictures.append(hand.picture())
    hand.drag((160, 160), (60, 160))
    pictures.append(hand.picture())
    hand.drag((160, 160), (220, 160), "3")
    pictures.append(hand.picture())
    hand.press("r")
    time.sleep(1.0)
    hand.press("r")
    wait_for(tmp_path / "video_001.mp4")
    assert 15 < frames(tmp_path / "video_001.mp4") < 150
    assert pictures[0].shape == (320, 320, 3) and (pictures[0][5, 300] == 255).all()
    for before, after in pairwise(pictures):
        assert np.abs(before - after).max() > 60
    columns = [np.flatnonzero((picture < 250).any((0, 2))).mean() for picture in pictures[2:]]
    assert columns[1] - columns[0] > 40


@pytest.mark.parametrize("prepare", ["", HARDWARE], ids=["cpu", "card"])
@pytest.mark.slow
def test_a_resized_window_shows_the_whole_picture(tmp_path: Path, opened: Opened, prepare: str) -> None:
    """To another shape, to almost nothing, to nothing and back: the window holds what the renderer drew, undistorted."""
    nothing = 'real = glfw.get_framebuffer_size; glfw.get_framebuffer_size = lambda window: (0, 0) if Path("nothing").exists() else real(window)'
    hand = opened(prepare=f"{prepare}\n{nothing}")
    hand.press("0")  # at rest nothing moves
    for width, height in ((240, 400), (1, 1), (0, 0), (500, 300)):
        if width:
            hand.xdotool("windowsize", "--sync", hand.window, str(width), str(height))
        else:  # as a window that is minimised says
            (tmp_path / "nothing").touch()
        time.sleep(1.0)
        (tmp_path / "nothing").unlink(missing_ok=True)
        if width <= 1:
            continue
        drawn = hand.picture()
        (tmp_path / "grab").touch()
        wait_for(tmp_path / "window.npy")
        time.sleep(0.3)
        seen = np.load(tmp_path / "window.npy").astype(int)
        assert seen.shape == drawn.shape == (height, width, 3)
        assert np.abs(seen - drawn).mean() < 1
        (tmp_path / "window.npy").unlink()


@pytest.mark.parametrize("scale", [1.0, 1.5])
@pytest.mark.slow
def test_a_slider_moves_the_mouth(opened: Opened, scale: float) -> None:
    """On a screen with larger text too."""
    dense = f"glfw.get_window_content_scale = lambda window: ({scale}, {scale})"
    hand = opened(prepare=dense, size=WIDE, panel=True)
    hand.press("0")
    time.sleep(1.0)
    before = hand.picture()
    hand.click(hand.place("##search"))
    for letter in "jawopen":
        hand.press(letter)  # S and the like are letters here, not keys
    time.sleep(0.5)
    hand.drag(hand.place("jawOpen###jawOpen", 0.05), hand.place("jawOpen###jawOpen", 0.5))
    hand.click((60, 60))  # out of the search
    after = hand.picture()
    height, width, _ = before.shape
    assert width == WIDE[0] - 340 * scale and height == WIDE[1]
    moved = np.abs(after - before).max(2) > 40
    rows = np.flatnonzero(moved.any(1))
    head = np.flatnonzero((before < 250).any((1, 2)))
    assert moved.sum() > 50 and rows.min() > head.min() + 0.4 * (head.max() - head.min())  # the lower face alone


@pytest.mark.slow
def test_the_panel_gives_way_to_the_head(opened: Opened) -> None:
    hand = opened(size=WIDE, panel=True)
    assert hand.picture().shape[1] == WIDE[0] - 340
    hand.press("Tab")
    time.sleep(0.5)
    assert hand.picture().shape[1] == WIDE[0]
    hand.press("F11")
    time.sleep(1.0)
    assert hand.picture().shape[:2] == (600, 800)
    hand.press("F11")
    time.sleep(1.0)
    assert hand.picture().shape[:2] == WIDE[::-1] == hand.size()[::-1]


@pytest.mark.slow
def test_what_is_dropped_plays_and_what_is_rebuilt_is_shown(tmp_path: Path, opened: Opened) -> None:
    """A true drag of files from another program (XDND), of names that an address must escape."""
    avatar = load(TINY)
    path = tmp_path / "avatar.glb"
    path.write_bytes(TINY.read_bytes())
    hand = opened(avatar=path)
    hand.press("0")
    time.sleep(1.0)
    at_rest = hand.picture()
    shut, wide = tmp_path / "to & fro 100 %.csv", tmp_path / "weit offen, größer #2.csv"
    for clip, opened_by in ((wide, 1.0), (shut, 0.0)):
        clip.write_bytes(written_clip(constant(clip.stem, opened_by)))
        hand.drop(clip)
        seen = hand.until(lambda now, moves=clip is wide: (np.abs(now - at_rest).max() > 40) == moves)
    export(replace(avatar, splats=avatar.level(20).splats), path)
    rebuilt = hand.until(lambda now: np.abs(now - seen).mean() > 1)
    hand.drop(shut, TINY)
    hand.until(lambda now: np.abs(now - seen).mean() < 0.3 * np.abs(rebuilt - seen).mean())


@pytest.mark.slow
def test_closing_during_a_recording_leaves_a_whole_file(tmp_path: Path, opened: Opened) -> None:
    hand = opened()
    hand.press("r")
    time.sleep(1.0)
    assert not (tmp_path / "video_001.mp4").exists()
    hand.press("Escape")
    wait_for(tmp_path / "video_001.mp4")
    assert frames(tmp_path / "video_001.mp4") > 10


@pytest.mark.slow
def test_the_first_words_come_before_anything_is_compiled(tmp_path: Path, display: Display) -> None:
    """On a machine where no kernel was ever compiled."""
    environment = display.environment | {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "XDG_CONFIG_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "facecraft4d.cli", "play", str(TINY), "--window", "400", "300"]
    start = time.monotonic()
    player = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        words = False
        while not words and time.monotonic() - start < 30:
            time.sleep(0.05)
            assert player.poll() is None, player.communicate()[1]
            corner = display.pixels()[..., 1]
            words = corner[150, 200] == 255 and corner[:60, :200].min() < 60
        assert words
        assert not list((tmp_path / "cache").rglob("*blend*"))
    finally:
        player.kill()
        player.communicate()
