"""Clips of other programs: written ones come back, those of the programs themselves are read by name, damaged ones are one line."""

import json
from pathlib import Path

import numpy as np
import pytest
from clip_cases import JAW, constant
from places import TINY

from facecraft4d.exporters import load
from facecraft4d.exporters.gltf.writing import export_gltf
from facecraft4d.exporters.motions import MOTION_FORMATS, find_motion, write_motion
from facecraft4d.exporters.options import ExportOptions
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Motion
from facecraft4d.toolkit.core.motion import builtin_clip, on_rig

HEADER = (
    "Timecode,BlendShapeCount,EyeBlinkLeft,JawForward,JawRight,JawLeft,JawOpen,HeadYaw,HeadPitch,HeadRoll,LeftEyeYaw"
)


@pytest.fixture
def clip() -> Motion:
    """A clip with every expression and a turning head."""
    chance = np.random.default_rng(1)
    turns = 0.1 * chance.standard_normal((40, 1, 3)).astype(np.float32)
    weights = chance.random((40, 52)).astype(np.float32)
    return Motion("all", 30.0, ARKIT_NAMES, weights, ("neck",), turns, np.zeros((40, 3), np.float32))


@pytest.mark.parametrize("kind", [name for name, each in MOTION_FORMATS.items() if each.write])
def test_what_is_written_comes_back(kind: str, clip: Motion, tmp_path: Path) -> None:
    path = tmp_path / f"take{MOTION_FORMATS[kind].suffixes[0]}"
    write_motion(path, clip, kind)
    back = find_motion(str(path))
    assert back.fps == 30 and np.allclose(back.expressions, clip.expressions, atol=2e-5)
    if kind != "audio2expression":
        neck = back.joint_rotations[:, back.joint_names.index("neck")]
        assert np.allclose(neck, clip.joint_rotations[:, 0], atol=2e-5)


def test_an_animation_of_our_own_file_is_its_clip(tmp_path: Path) -> None:
    avatar = load(TINY)
    clips = builtin_clip("visemes"), builtin_clip("greeting")
    path = tmp_path / "head.glb"
    path.write_bytes(export_gltf(avatar, ExportOptions(clips=clips)))
    for clip, name in zip(clips, (str(path), f"{path}#greeting"), strict=True):
        back, wanted = on_rig(find_motion(name), avatar.rig), on_rig(clip, avatar.rig)
        assert back.name == clip.name and back.fps == pytest.approx(clip.fps, abs=0.01)
        assert np.allclose(back.expressions, wanted.expressions, atol=1e-4)
        assert np.allclose(back.joint_rotations, wanted.joint_rotations, atol=1e-4)


def test_a_take_of_the_app_is_read_by_name(tmp_path: Path) -> None:
    rows = [f"10:00:{59 + f // 60:02d}:{f % 60:02d}.250,61,0.5,0,0.1,0.2,0.3,0.4,0.1,-0.2,0" for f in range(60)]
    rows[20] = "10:00:59:20.250,0,,,,,,,,,"
    path = tmp_path / "MySlate_3_iPhone.csv"
    path.write_text("\n".join([HEADER, *rows]))
    take = find_motion(str(path))
    assert take.fps == 60 and len(take.expressions) == 60, "a frame in which nobody was seen is filled"
    found = dict(zip(ARKIT_NAMES, take.expressions[30], strict=True))
    assert (found["jawRight"], found["jawLeft"], found["jawOpen"]) == pytest.approx((0.1, 0.2, 0.3))
    assert take.joint_rotations[30, 0] == pytest.approx([-0.1, 0.4, -0.2])


def test_midnight_is_passed(tmp_path: Path) -> None:
    path = tmp_path / "night.csv"
    codes = [f"23:59:59:{f:02d}" for f in range(30)] + [f"00:00:00:{f:02d}" for f in range(30)]
    path.write_text("\n".join(["Timecode,BlendShapeCount,JawOpen", *(f"{code},61,0.5" for code in codes)]))
    assert find_motion(str(path)).fps == 30


def test_a_file_may_have_a_number_sign_of_its_own(tmp_path: Path) -> None:
    """Behind which else stands the name of a clip in a glTF file."""
    path = tmp_path / "take #2.csv"
    path.write_text("\n".join(["Timecode,BlendShapeCount,JawOpen", *(f"10:00:00:{f:02d},61,0.5" for f in range(30))]))
    assert find_motion(str(path)).fps == 30


def test_audio2expression_of_the_program(tmp_path: Path) -> None:
    path = tmp_path / "bs.json"
    path.write_text(
        json.dumps({"names": ["jawOpen", "mouthSmile_L", "tail"], "frames": [{"weights": [0.2, 0.4, 1]}] * 3})
    )
    clip = find_motion(str(path))
    assert clip.fps == 30 and clip.expressions[1, JAW] == pytest.approx(0.2)
    assert clip.expressions[1, ARKIT_NAMES.index("mouthSmileLeft")] == pytest.approx(0.4)
    assert clip.expressions.sum() == pytest.approx(3 * 0.6, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.csv", "Timecode,BlendShapeCount,JawOpen\nlater,61,0.1\nlater,61,0.2\n", "expected timecodes such as"),
        ("a.csv", "Timecode,BlendShapeCount,JawOpen\n0:0:0:0,61,0.1\n", "at least two frames"),
        ("a.csv", "Timecode,BlendShapeCount,JawOpen\n0:0:0:0,61,x\n0:0:0:1,61,1\n", "must be a number"),
        ("a.csv", "Timecode,BlendShapeCount,JawOpen\n0:0:0:0,61,1e9\n0:0:0:1,61,1\n", "expected jawOpen within 10"),
        ("a.csv", "Timecode,BlendShapeCount,Jaw\n0:0:0:0,61,1\n", "expected the columns Timecode"),
        ("a.csv", "Timecode,BlendShapeCount,JawOpen\n0:0:0:500,61,1\n0:0:0:1,61,1\n", "at most 120 frames a second"),
        ("a.json", "[]", "expected a clip"),
        ("a.json", '{"names": ["jawOpen"], "frames": [{"weights": [1]}]}', "expected 2 to"),
        (
            "a.json",
            '{"names": ["jawOpen"], "frames": [{"weights": [1]}, {"weights": [1, 2]}]}',
            "every frame must hold 1",
        ),
        ("a.json", '{"names": ["jawOpen"], "frames": [{"weights": [1]}, {"weights": [1e9]}]}', "within 10"),
        ("a.json", '{"names": 3, "frames": [{"weights": [1]}, {"weights": [1]}]}', "expected names, a list"),
        ("a.json", "[" * 100_000, "expected a clip"),
        ("a.glb", "glTF", ""),
        ("a.txt", "hello", "expected a clip"),
    ],
)
def test_what_is_no_clip_is_one_line(name: str, text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(UserError) as told:
        find_motion(str(path))
    assert words in str(told.value) and name in str(told.value) and "\n" not in str(told.value)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(UserError, match=r"no clip is called talk: there are .*visemes"):
        find_motion("talk")
    with pytest.raises(UserError, match=r"talk\.json: no such clip file"):
        find_motion("talk.json")


def test_a_glb_without_animations_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no animation|has no animation"):
        find_motion(f"{TINY}#nothing")
    with pytest.raises(UserError, match="belongs to a head"):
        write_motion(tmp_path / "a.glb", constant("jaw", 1.0))
    with pytest.raises(UserError, match="--to bvh: expected one of csv, livelink"):
        write_motion(tmp_path / "a.csv", constant("jaw", 1.0), "bvh")
