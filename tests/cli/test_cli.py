"""The command line as a process: help is quick, packages that are missing are named."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from facecraft4d import cli


def _run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "facecraft4d.cli", *words],
        capture_output=True, text=True, timeout=120, env=os.environ | environment, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_help_is_quick_and_complete() -> None:
    """The help names every command, in half a second: a time that says nothing while other tests run beside it, hence not in the quick lane."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        result = _run("--help")
        times.append(time.perf_counter() - start)
    assert result.returncode == 0 and all(f"  {command} " in result.stdout for command in cli.COMMANDS)
    assert min(times) < 0.5


@pytest.mark.slow
def test_the_process_exits_with_two_and_one_line(tmp_path: Path) -> None:
    result = _run("inspect", str(tmp_path / "nobody.glb"))
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)


@pytest.mark.slow
def test_missing_packages_are_named_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')"
    )
    Image.new("RGB", (64, 64)).save(tmp_path / "photo.png")
    result = _run("build", str(tmp_path / "photo.png"), "--out", str(tmp_path / "out"), PYTHONPATH=str(tmp_path))
    assert result.returncode == 2
    assert result.stderr == 'facecraft4d: build needs torch; install it with: pip install "facecraft4d[toolkit]"\n'


@pytest.mark.slow
def test_playing_imports_no_torch(tiny_path: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from facecraft4d.cli import main; "
        f"assert main(['play', {str(tiny_path)!r}, '--record', {str(tmp_path / 'c.mp4')!r}, '--clip', 'brows', '--size', '32']) == 0; "
        "assert not {'torch', 'cv2', 'pymatting'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert (tmp_path / "c.mp4").stat().st_size > 1000


def test_no_room_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def full(words: list[str]) -> int:
        raise OSError(28, "No space left on device", "out/avatar.glb")

    monkeypatch.setattr(cli, "_dispatch", full)
    assert cli.main(["build"]) == 2
    assert capsys.readouterr().err == "facecraft4d: out/avatar.glb: No space left on device\n"
