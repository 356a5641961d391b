"""facecraft4d speak, play --speak, tables and cameras, as commands."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from absent import absent
from places import DATA, TINY

from facecraft4d.cli import MISTAKE, main
from facecraft4d.exporters.motions import find_motion
from facecraft4d.runtime.speech import synthesis
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.untrusted.media import read_sound

VOICE = str(DATA / "five_brave_mothers.flac")
TEXT = "Five brave mothers found the moon. Papa may vote."
JAW = ARKIT_NAMES.index("jawOpen")


@pytest.mark.slow
def test_a_voice_becomes_a_clip_that_every_player_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, wav = tmp_path / "line.csv", tmp_path / "line.wav"
    assert main(["speak", VOICE, "--text", TEXT, "--out", str(out), "--wav", str(wav), "--mood", "happy"]) == 0
    clip, sound = find_motion(str(out)), read_sound(Path(VOICE))
    assert clip.duration == pytest.approx(sound.duration, abs=0.01) and clip.expressions[:, JAW].max() > 0.3
    assert clip.expressions[:, ARKIT_NAMES.index("mouthSmileLeft")].min() > 0.2
    assert np.array_equal(read_sound(wav).samples, sound.samples)
    assert "60 frames a second" in capsys.readouterr().out


@pytest.mark.slow
def test_a_recording_carries_the_voice(tmp_path: Path) -> None:
    video = tmp_path / "talk.mp4"
    assert main(["play", str(TINY), "--speak", VOICE, "--text", TEXT, "--record", str(video), "--size", "64"]) == 0
    original, carried = read_sound(Path(VOICE)), read_sound(video)
    assert carried.rate == original.rate and carried.duration == pytest.approx(original.duration, abs=0.1)
    count = min(len(original.samples), len(carried.samples))
    a, b = (each.samples[:count, 0].astype(float) for each in (original, carried))
    assert np.corrcoef(a, b)[0, 1] > 0.95, "in step to the sample"


@pytest.mark.slow
def test_a_text_alone_is_said_by_espeak(tmp_path: Path) -> None:
    if shutil.which(synthesis.PROGRAM) is None:
        absent(f"{synthesis.PROGRAM} is not installed")
    out = tmp_path / "line.csv"
    assert main(["speak", "--text", "Good evening, papa.", "--out", str(out), "--wav", str(tmp_path / "a.wav")]) == 0
    assert find_motion(str(out)).duration == pytest.approx(read_sound(tmp_path / "a.wav").duration, abs=0.01)


@pytest.mark.slow
def test_a_table_changes_a_recorded_clip(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("from,to,gain\njawOpen,jawOpen,0\n", encoding="utf-8")
    sheets = []
    for name, options in (("as it is", []), ("still", ["--retarget", str(table)])):
        folder = tmp_path / name
        words = ["play", str(TINY), "--clip", "jaw", "--record", str(folder), "--size", "64", "--fps", "5", *options]
        assert main(words) == 0
        sheets.append((folder / "frame_0003.png").read_bytes())
    assert sheets[0] != sheets[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["speak"], "expected a sound, --text, or both"),
        (["speak", "none.wav"], "none.wav: expected a sound"),
        (["speak", VOICE, "--text", "In 1952"], "numbers as they are said, found 1952"),
        (["speak", VOICE, "--out", "a.glb"], "belongs to a head"),
        (["speak", "--text", "Hm", "--rate", "5"], "rate"),
        (["speak", "--text", "Hm", "--voice", "a b"], "--voice: expected a name"),
        (["play", str(TINY), "--text", "Hello"], "--text needs --speak"),
        (["play", str(TINY), "--retarget", "none.csv"], "none.csv: expected a retarget table"),
        (["play", str(TINY), "--live", "webcam:none.mp4"], "none.mp4: expected a video"),
        (["capture", "none.mp4"], "none.mp4: expected a video"),
    ],
)
def test_mistakes_are_one_line(
    words: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(synthesis.shutil, "which", lambda name: "/bin/true")
    assert main(words) == MISTAKE
    error = capsys.readouterr().err
    assert told in error and len(error.strip().splitlines()) == 1 and not list(tmp_path.iterdir())


def test_without_espeak_it_is_said_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(synthesis.shutil, "which", lambda name: None)
    assert main(["speak", "--text", "Hello"]) == MISTAKE
    assert "apt install espeak-ng" in capsys.readouterr().err


@pytest.mark.slow
def test_without_the_extra_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    assert main(["speak", VOICE, "--text", TEXT, "--out", str(tmp_path / "a.csv")]) == MISTAKE
    assert 'pip install "facecraft4d[speech]"' in capsys.readouterr().err
