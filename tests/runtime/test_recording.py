"""Recordings: right frames, right colours, same bytes again, nothing half-written."""

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from facecraft4d.runtime import RecordOptions, record
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Motion, Sound
from facecraft4d.toolkit.core.stages import Progress
from facecraft4d.toolkit.core.untrusted.media import read_sound

SMALL = RecordOptions(size=96, background="#3080c0")


@pytest.fixture(scope="module")
def clip() -> Motion:
    """Eight frames in which the mouth opens."""
    weights = np.zeros((8, 52), np.float32)
    weights[:, ARKIT_NAMES.index("jawOpen")] = np.linspace(0, 1, 8)
    still = np.zeros((8, 1, 3), np.float32)
    return Motion("open", 15.0, ARKIT_NAMES, weights, ("neck",), still, still[:, 0])


def decoded(path: Path) -> tuple[list[np.ndarray], av.VideoStream]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)], stream


@pytest.mark.slow
def test_video_shows_the_pictures(tiny_avatar: Avatar, clip: Motion, tmp_path: Path) -> None:
    seen: list[Progress] = []
    note = record(tiny_avatar, clip, tmp_path / "clip.mp4", SMALL, seen.append)
    record(tiny_avatar, clip, tmp_path / "frames", SMALL)
    frames, stream = decoded(tmp_path / "clip.mp4")
    pictures = [np.asarray(Image.open(path)) for path in sorted((tmp_path / "frames").glob("frame_*.png"))]
    assert "drawing" in note and len(frames) == len(pictures) == 16 and stream.average_rate == 30
    assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
    for frame, picture in zip(frames, pictures, strict=True):
        difference = frame.astype(float) - picture
        assert np.abs(difference).mean() < 4 and np.abs(difference.mean((0, 1))).max() < 2
    assert np.abs(pictures[0].astype(int) - pictures[14]).max() > 50
    assert [(p.step, p.total) for p in seen] == [(i, 16) for i in range(17)] and "drawing" in seen[0].message
    data = (tmp_path / "clip.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat"), "the index must come first"


@pytest.mark.slow
def test_same_bytes_again(tiny_avatar: Avatar, clip: Motion, tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        record(tiny_avatar, clip, tmp_path / name, SMALL)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


@pytest.mark.slow
def test_a_voice_goes_along_as_long_as_the_pictures(tiny_avatar: Avatar, clip: Motion, tmp_path: Path) -> None:
    wave = (9000 * np.sin(np.arange(6000) * 0.3)).astype(np.int16)[:, None]
    for name in ("a.mp4", "b.mp4"):
        record(tiny_avatar, clip, tmp_path / name, SMALL, sound=Sound(wave, 16000))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    with av.open(str(tmp_path / "a.mp4")) as container:
        pictures, voice = container.streams.video[0], container.streams.audio[0]
        seconds = [float(stream.duration * stream.time_base) for stream in (pictures, voice)]
        assert seconds == pytest.approx([16 / 30] * 2, abs=0.002) and voice.codec_context.name == "aac"
    heard = read_sound(tmp_path / "a.mp4").samples[:, 0].astype(float)
    assert len(heard) >= round(16 / 30 * 16000)
    assert heard[: len(wave)].std() > 4000 > 400 > heard[len(wave) + 1500 :].std(), "silence behind the voice"
    frames, _ = decoded(tmp_path / "a.mp4")
    record(tiny_avatar, clip, tmp_path / "mute.mp4", SMALL)
    assert all(np.array_equal(a, b) for a, b in zip(frames, decoded(tmp_path / "mute.mp4")[0], strict=True))


def test_numbered_pictures_keep_transparency(tiny_avatar: Avatar, clip: Motion, tmp_path: Path) -> None:
    record(tiny_avatar, clip, tmp_path / "shot_%03d.png", replace(SMALL, background="transparent", fps=15.0, turns=1.0))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"shot_{i:03d}.png" for i in range(8)]
    first, half = (np.asarray(Image.open(tmp_path / name)) for name in (names[0], names[4]))
    assert first.shape == (96, 96, 4) and first[0, 0, 3] == 0
    assert np.abs(first[30:50, 40:56, :3].astype(int) - half[30:50, 40:56, :3]).mean() > 30, (
        "after half a turn: the back"
    )


@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        ("clip.avi", SMALL, "an .mp4, .webp or .gif file, a folder for PNG files"),
        ("clip.png", SMALL, "names such as frame_%04d.png"),
        ("clip.mp4", replace(SMALL, size=97), "MP4 needs even sizes"),
        ("clip.mp4", replace(SMALL, background="transparent"), "MP4 needs opaque backgrounds"),
        ("clip.mp4", replace(SMALL, fps=0.0), "fps must be between"),
        ("clip.mp4", replace(SMALL, size=10**6), "size must be between"),
        ("clip.mp4", replace(SMALL, background="plaid"), "background must be"),
        ("file/clip.mp4", SMALL, "cannot be written"),
        ("file/frames", SMALL, "cannot be written"),
    ],
)
def test_refusals_leave_nothing(
    tiny_avatar: Avatar, clip: Motion, tmp_path: Path, path: str, options: RecordOptions, message: str
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match=message):
        record(tiny_avatar, clip, tmp_path / path, options)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("name", ["clip.mp4", "frames"])
def test_interrupted_recordings_leave_nothing(tiny_avatar: Avatar, clip: Motion, tmp_path: Path, name: str) -> None:
    def stop(progress: Progress) -> None:
        if progress.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record(tiny_avatar, clip, tmp_path / name, SMALL, stop)
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_a_per_cent_sign_in_a_name_is_a_letter(tiny_avatar: Avatar, clip: Motion, tmp_path: Path) -> None:
    record(tiny_avatar, clip, tmp_path / "50%_%04d.png", replace(SMALL, fps=4.0))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["50%_0000.png", "50%_0001.png"]


@pytest.mark.parametrize("options", [RecordOptions(turns=float("nan")), RecordOptions(fps=float("nan"))])
def test_what_is_no_number_is_refused(
    tiny_avatar: Avatar, clip: Motion, tmp_path: Path, options: RecordOptions
) -> None:
    with pytest.raises(UserError, match="must be between"):
        record(tiny_avatar, clip, tmp_path / "a.mp4", options)


@pytest.mark.parametrize("suffix", [".webp", ".gif"])
@pytest.mark.parametrize("background", ["white", "transparent"])
def test_moving_pictures(tiny_avatar: Avatar, clip: Motion, tmp_path: Path, suffix: str, background: str) -> None:
    """All frames at their times, over and over, and nothing where nothing is; the same bytes again."""
    options = RecordOptions(size=64, fps=12.0, background=background)
    path = tmp_path / f"head{suffix}"
    record(tiny_avatar, clip, path, options)
    first = path.read_bytes()
    record(tiny_avatar, clip, path, options)
    assert path.read_bytes() == first
    with Image.open(path) as moving:
        seconds = 0.0
        for frame in range(moving.n_frames):
            moving.seek(frame)
            moving.load()
            seconds += moving.info["duration"] / 1000
        assert moving.size == (64, 64) and moving.info.get("loop") == 0
        assert seconds == pytest.approx(clip.duration, abs=0.1)
        moving.seek(0)
        corner, middle = (np.asarray(moving.convert("RGBA"))[at] for at in ((0, 0), (30, 32)))
        assert middle[3] == 255 and corner[3] == (0 if background == "transparent" else 255)
