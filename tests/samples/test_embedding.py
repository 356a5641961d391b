"""The samples of docs/embedding.md run as they stand, and show what they say."""

import runpy
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xvfb
from absent import absent
from PIL import Image
from places import ROOT, TINY

from facecraft4d.toolkit.core.geometry import project

EMBEDDING = ROOT / "samples" / "embedding"
BACKGROUND = (38, 41, 51)
"""What window.py clears to."""


def run_sample(name: str, arguments: list[object], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names of a sample's script after it has run in this process."""
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    found = runpy.run_path(str(EMBEDDING / name), run_name="__main__")
    found["context"].release()
    return found


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"), np.int16)


def test_ten_lines_draw_a_still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = tmp_path / "still.png"
    player = run_sample("still.py", [TINY, picture], monkeypatch)["player"]
    pixels = read(picture)
    shown = np.abs(pixels - pixels[0, 0]).sum(-1) > 30
    assert pixels.shape == (600, 800, 3) and 0.1 < shown.mean() < 0.7
    assert shown[:, 300:500].sum() > shown[:, :200].sum() + shown[:, 600:].sum(), "the head is in the middle"
    assert player.pose().expression.max() == pytest.approx(0.4)
    code = [line for line in (EMBEDDING / "still.py").read_text().split('"""')[2].splitlines() if line.strip()]
    assert len([line for line in code if "import" not in line]) <= 10


@pytest.mark.slow
def test_a_head_hides_what_is_behind_it_and_is_hidden_by_what_is_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = tmp_path / "behind.png"
    found = run_sample("behind.py", [TINY, picture], monkeypatch)
    pixels = read(picture)

    def bar_pixels(bars: np.ndarray) -> np.ndarray:
        """Whether the picture has the bar's grey in the middle of each of those bars that it shows, on the head's height."""
        middles = bars.reshape(-1, 6, 4).mean(1)
        places, _ = project(found["camera"], middles[:, :3].astype(np.float64))
        seen = (places >= 0).all(-1) & (places < 800).all(-1)
        middles, (columns, rows) = middles[seen], np.floor(places[seen]).astype(int).T
        expected = 255 * np.array([0.35, 0.4, 0.5]) * middles[:, 3:]
        return np.abs(pixels[rows, columns] - expected).max(-1) <= 2

    before, behind = bar_pixels(found["front"]), bar_pixels(found["back"])
    assert len(before) and before.all(), "nothing hides the bars before the head"
    assert len(behind) == 3 and behind.sum() == 2, "the head hides the bar straight behind it, and not those beside it"


@pytest.mark.slow
def test_a_scene_of_moderngl_window(tmp_path: Path) -> None:
    if find_spec("moderngl_window") is None:
        absent("moderngl-window is not installed")
    picture = tmp_path / "scene.png"
    where = ["--window", "headless", "--backend", "egl"] if sys.platform == "linux" else []
    words = [EMBEDDING / "scene.py", "--avatar", TINY, *where, "--size", "640x360", "--picture", picture]
    subprocess.run([sys.executable, *map(str, words)], check=True, capture_output=True, timeout=120)
    pixels = read(picture)
    shown = np.abs(pixels - pixels[0, 0]).sum(-1) > 30
    left, right = shown[:, :320].mean(), shown[:, 320:].mean()
    assert left > 0.05 and right > 0.05, "a head on either side"
    ball = (pixels[..., 0] > 1.5 * pixels[..., 1]) & (pixels[..., 1] > 1.3 * pixels[..., 2])
    assert ball.any()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="Xvfb is a display of Linux")
def test_forty_lines_open_a_window() -> None:
    code = (EMBEDDING / "window.py").read_text().split('"""')[2].splitlines()
    assert len([line for line in code if line.strip()]) <= 40
    with xvfb.display() as display:
        command = [sys.executable, str(EMBEDDING / "window.py"), str(TINY), "8"]
        window = subprocess.Popen(command, env=display.environment, stderr=subprocess.PIPE, text=True)
        shares = []
        while window.poll() is None:
            blank = np.abs(display.pixels().astype(int) - BACKGROUND).max(-1) <= 1
            shares.append((blank.mean(), (~blank & (display.pixels().sum(-1) > 0)).mean()))
            time.sleep(0.2)
        assert window.wait(60) == 0 and not window.communicate()[1]
    background, head = max(shares, key=lambda seen: seen[1] if seen[0] > 0.1 else 0)
    assert background > 0.1 and head > 0.05, "a head before the window's own background"
