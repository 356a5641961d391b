"""Names and places that no file should have: each is one line and exit code 2, at once."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from places import PORTRAITS, TINY

from facecraft4d import cli

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes, devices and links of POSIX")

LONG, PHOTO = "n" * 300, str(PORTRAITS / "grace_hopper.jpg")
LINES = [
    ["build", f"{LONG}.jpg"], ["build", PHOTO, "--out", LONG], ["build", "dangling"], ["build", "loop"], ["build", "pipe"], ["build", "/dev/zero"],
    ["build", "."], ["build", PHOTO, "--out", "loop"], ["build", PHOTO, "--out", "pipe"], ["build", PHOTO, "--out", "/dev/zero/x"],
    ["inspect", LONG], ["inspect", "dangling"], ["inspect", "loop"], ["inspect", "pipe"], ["inspect", "/dev/zero"], ["inspect", "."],
    ["inspect", "caf\udce9.glb"], ["inspect", "\x1b[2J"], ["render", str(TINY), "--out", f"{LONG}.png"], ["render", str(TINY), "--out", "pipe"],
    ["render", str(TINY), "--expression", "\x1b[2J=1"], ["play", str(TINY), "--record", "a.mp4", "--turns", "nan"],
    ["play", str(TINY), "--record", "a.mp4", "--clip", "./pipe"], ["play", str(TINY), "--record", "a.mp4", "--clip", "/dev/zero"],
    ["play", str(TINY), "--record", "pipe"], ["evaluate", LONG], ["evaluate", "pipe"], ["evaluate", str(TINY), "--truth", "pipe"],
    ["evaluate", str(TINY), "--truth", "."], ["\x1b[2J"],
]  # fmt: skip


@pytest.mark.parametrize("words", LINES, ids=lambda words: ascii(" ".join(words))[:60])
def test_odd_places_are_refused_in_one_line(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dangling").symlink_to("nowhere")
    Path("loop").symlink_to("loop")
    os.mkfifo("pipe")
    assert cli.main(words) == cli.MISTAKE
    said = capsys.readouterr().err.rstrip("\n")
    assert said.startswith("facecraft4d: ") and said.isprintable() and len(said) < 2100
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dangling", "loop", "pipe"]


@pytest.mark.slow
def test_who_is_asked_to_end_leaves_nothing_half_written(tmp_path: Path) -> None:
    """SIGTERM in the middle of a recording."""
    command = [
        sys.executable,
        "-m",
        "facecraft4d.cli",
        "play",
        str(TINY),
        "--record",
        str(tmp_path / "a.mp4"),
        "--size",
        "512",
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not list(tmp_path.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.terminate()
    assert process.wait(30) == cli.TERMINATED
    assert list(tmp_path.iterdir()) == []
