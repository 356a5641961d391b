"""Sounds and videos of strangers: what was put in comes out, and nothing else is read."""

from pathlib import Path

import numpy as np
import pytest
from film_cases import write_video
from places import DATA

from facecraft4d.runtime.speech.sounds import written_wav
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Sound
from facecraft4d.toolkit.core.untrusted import media
from facecraft4d.toolkit.core.untrusted.media import read_sound, video_frames


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (22050, 2), (48000, 1)])
def test_a_sound_comes_back_to_the_bit(rate: int, channels: int, tmp_path: Path) -> None:
    samples = np.random.default_rng(rate).integers(-30000, 30000, (rate // 2, channels)).astype(np.int16)
    (tmp_path / "a.wav").write_bytes(written_wav(Sound(samples, rate)))
    found = read_sound(tmp_path / "a.wav")
    assert found.rate == rate and np.array_equal(found.samples, samples) and found.duration == 0.5


@pytest.mark.slow
def test_what_is_too_fast_is_heard_at_48000(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(written_wav(Sound(np.zeros((96000, 1), np.int16), 96000)))
    found = read_sound(tmp_path / "a.wav")
    assert found.rate == 48000 and found.duration == pytest.approx(1, abs=0.01)


@pytest.mark.slow
def test_the_frames_of_a_video_with_their_times(tmp_path: Path) -> None:
    pictures = np.repeat(np.arange(0, 200, 20, dtype=np.uint8), 64 * 96 * 3).reshape(10, 64, 96, 3)
    write_video(tmp_path / "a.mp4", pictures)
    found = list(video_frames(tmp_path / "a.mp4", 48))
    assert [seconds for seconds, _ in found] == pytest.approx([frame / 25 for frame in range(10)])
    assert found[0][1].shape == (32, 48, 3)
    assert [frame.mean() for _, frame in found] == pytest.approx([picture.mean() for picture in pictures], abs=3)
    with pytest.raises(UserError, match="found one without sound"):
        read_sound(tmp_path / "a.mp4")


@pytest.mark.slow
@pytest.mark.parametrize(
    "content", [b"", b"no sound", b"RIFF\0\0\0\0WAVE", b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", b"ffconcat version 1.0\nfile /etc/passwd\n"]
)  # fmt: skip
def test_what_is_none_is_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    for read in (read_sound, lambda path: list(video_frames(path, 64))):
        with pytest.raises(UserError) as told:
            read(path)
        assert str(path) in str(told.value) and "\n" not in str(told.value)


@pytest.mark.slow
def test_a_sound_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "SOUND_SECONDS", 1.0)
    with pytest.raises(UserError, match="longer than 1 seconds"):
        read_sound(DATA / "five_brave_mothers.flac")


def test_a_child_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "PATIENCE_SECONDS", 0.01)
    with pytest.raises(UserError, match="takes too long"):
        read_sound(DATA / "five_brave_mothers.flac")
