"""The diagnosis covers everything that building and playing use, and never fails itself."""

import sys
from pathlib import Path

import pytest

from facecraft4d import cli
from facecraft4d.toolkit import doctor
from facecraft4d.toolkit.doctor import Finding, State


def test_every_subject_has_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor"]) == 0
    said = capsys.readouterr().out
    for subject in (
        "Python",
        "torch",
        "CUDA",
        "gsplat",
        "OpenGL",
        "display",
        "weights",
        "cache folder",
        "video",
        "speech",
        "numba",
    ):
        assert subject in said


def test_what_is_missing_comes_with_advice() -> None:
    for finding in doctor.diagnose(print):
        assert finding.detail
        assert finding.state is State.WORKS or finding.advice


def test_playing_is_impossible_without_what_it_needs() -> None:
    good = Finding("a", State.WORKS, "x", needed_to_play=True)
    bad = Finding("b", State.BROKEN, "x", "do", needed_to_play=True)
    other = Finding("c", State.MISSING, "x", "do")
    assert doctor.can_play((good, other)) and not doctor.can_play((good, bad))


def test_no_display_is_advice_and_not_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("displays are found through variables on Linux only")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    found = {finding.name: finding for finding in doctor.diagnose(print)}
    assert found["display"].state is State.MISSING and "--record" in found["display"].advice
    assert doctor.can_play(tuple(found.values()))


def test_absent_weights_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FACECRAFT4D_CACHE", str(tmp_path))
    found = {finding.name: finding for finding in doctor.diagnose(print)}
    assert "face_landmarker" in found["weights"].detail and "isnet" not in found["weights"].detail
    assert list(tmp_path.iterdir()) == [], "looking changes nothing"
