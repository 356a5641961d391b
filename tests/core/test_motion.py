"""Clips: one reader, clear refusals, and built-in clips that cover the whole face smoothly."""

import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from places import ROOT

from facecraft4d.toolkit.core.arkit import ARKIT_NAMES, JOINT_NAMES
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Motion
from facecraft4d.toolkit.core.motion import builtin_clip, builtin_clips, read_clip, write_clip

OWN = ("blinks_gaze", "brows", "cheeks_nose", "greeting", "head_turns", "jaw", "smiles_frowns", "visemes")
SCRIPT = ROOT / "samples" / "clips" / "make_clips.py"


def test_nine_clips_are_built_in() -> None:
    assert builtin_clips() == tuple(sorted((*OWN, "face_cap")))
    for name in builtin_clips():
        clip = builtin_clip(name)
        assert clip.fps == 30 and clip.name == name
        assert 3 <= len(clip.expressions) / 30 <= 12
        assert clip.expressions.min() >= 0 and clip.expressions.max() <= 1


def test_face_cap_is_the_whole_recording() -> None:
    clip = builtin_clip("face_cap")
    assert clip.expressions.shape == (335, 52)
    assert clip.expressions[:, ARKIT_NAMES.index("jawOpen")].max() == 1
    assert 5 < np.degrees(np.abs(clip.joint_rotations[:, JOINT_NAMES.index("neck")]).max()) < 15


def test_own_clips_reach_every_expression_and_joint() -> None:
    clips = [builtin_clip(name) for name in OWN]
    peaks = np.max([clip.expressions.max(0) for clip in clips], 0)
    assert [name for name, peak in zip(ARKIT_NAMES, peaks, strict=True) if peak < 0.8] == []
    reach = np.max([np.abs(clip.joint_rotations).max((0, 2)) for clip in clips], 0)
    assert (reach > 0.05).all()
    assert max(np.abs(clip.translations).max() for clip in clips) > 0.003


@pytest.mark.parametrize("name", OWN)
def test_own_clips_are_smooth_and_loop(name: str) -> None:
    clip = builtin_clip(name)
    for channel in (clip.expressions, clip.joint_rotations.reshape(-1, 15), clip.translations):
        assert np.abs(channel[[0, -1]]).max() == 0
    # A blink closes in about four frames, everything else is slower.
    blinks = [ARKIT_NAMES.index("eyeBlinkLeft"), ARKIT_NAMES.index("eyeBlinkRight")]
    assert np.abs(np.diff(clip.expressions[:, blinks], axis=0)).max() < 0.5
    assert np.abs(np.diff(np.delete(clip.expressions, blinks, 1), axis=0)).max() < 0.5
    assert np.abs(np.diff(clip.joint_rotations, axis=0)).max() < 0.1


@pytest.mark.slow
def test_script_makes_the_committed_files(tmp_path: Path) -> None:
    script = runpy.run_path(str(SCRIPT))
    for name in OWN:
        write_clip(tmp_path / f"{name}.csv", script["make_clip"](name))
        assert (tmp_path / f"{name}.csv").read_bytes() == (SCRIPT.parent / f"{name}.csv").read_bytes()


def test_round_trip(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    whole = builtin_clip("head_turns")
    clip = Motion(
        "noise",
        24.0,
        whole.expression_names,
        rng.random((7, 52)).round(5).astype(np.float32),
        whole.joint_names,
        rng.normal(size=(7, 5, 3)).round(5).astype(np.float32),
        rng.normal(size=(7, 3)).round(5).astype(np.float32),
    )
    write_clip(tmp_path / "noise.csv", clip)
    back = read_clip(tmp_path / "noise.csv")
    assert back.fps == pytest.approx(24, abs=0.002)
    np.testing.assert_array_equal(back.expressions, clip.expressions)
    np.testing.assert_array_equal(back.joint_rotations, clip.joint_rotations)
    np.testing.assert_array_equal(back.translations, clip.translations)
    with pytest.raises(ValueError, match="smirk"):
        write_clip(tmp_path / "wrong.csv", replace(clip, expression_names=(*ARKIT_NAMES[:-1], "smirk")))


def test_missing_columns_are_zero_and_uneven_times_are_interpolated(tmp_path: Path) -> None:
    file = tmp_path / "few.csv"
    file.write_text("time,jawOpen,neck_y\n0.5,0,0\n1.0,0.5,0.1\n2.5,1,0.4\n")
    clip = read_clip(str(file))
    assert clip.fps == 1
    np.testing.assert_allclose(clip.expressions[:, ARKIT_NAMES.index("jawOpen")], [0, 0.5 + 0.5 / 3, 1], atol=1e-6)
    np.testing.assert_allclose(clip.joint_rotations[:, 1, 1], [0, 0.2, 0.4], atol=1e-6)
    assert np.count_nonzero(clip.expressions) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"time,jawOpen,smirk\n0,0,0\n1,0,0\n", "smirk"),
        (b"jawOpen\n0\n1\n", "no time"),
        (b"time,jawOpen,jawOpen\n0,0,0\n1,0,0\n", "repeated"),
        (b"time,jawOpen\n0,0\n", "two frames"),
        (b"time,jawOpen\n0,0\n1\n", "row 2"),
        (b"time,jawOpen\n0,0\n1,wide\n", "number"),
        (b"time,jawOpen\n0,0\n1,nan\n", "row 3"),
        (b"time,jawOpen\n0,0\n0,1\n", "increase"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "binary"),
        (b"time," + b"x" * 200_000, "CSV"),
        (b"", "no time"),
        (b"time,jawOpen\n0,0\n1,1e39\n", "row 3: expected jawOpen within 10, found 1e\\+39"),
        (b"time,neck_y\n0,0\n1,90\n", "neck_y within 6.28319 radians, found 90"),
        (b"time,translation_x\n0,170\n1,0\n", "translation_x within 100 metres"),
        (b"time,jawOpen\n0,0\n33,1\n66,0\n", "found 0.0303; the column time is in seconds"),
        (b"time,jawOpen\n0,0\n0.000001,1\n", "1 to 1000 frames a second, found 1e\\+06"),
        (b"time,jawOpen\n" + b"\n" * 1_000_001, "at most 1,000,000 rows"),
        (b"time,jawOpen\n0,0\n1,\xff\n", "binary"),
    ],
)
def test_bad_files_are_refused_by_name(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "bad.csv"
    file.write_bytes(content)
    with pytest.raises(UserError, match=message) as refusal:
        read_clip(file)
    assert "bad.csv" in str(refusal.value)


def test_unknown_names_and_missing_files() -> None:
    with pytest.raises(UserError, match="face_cap"):
        builtin_clip("dance")
    with pytest.raises(UserError, match=r"nowhere\.csv"):
        read_clip("nowhere.csv")
