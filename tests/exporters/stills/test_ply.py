"""PLY: what was written is read again, by us and by others; poses, sequences, frames, words."""

import re
from dataclasses import replace
from pathlib import Path

import gsply
import numpy as np
import pytest
from clip_cases import constant
from hypothesis import example, given, settings
from hypothesis import strategies as st
from splat_cases import LEAST, Case, assert_same_splats, avatar_of, cases

from facecraft4d import cli
from facecraft4d.exporters import ExportOptions, export, load_splats
from facecraft4d.exporters.formats import PLY, SPZ
from facecraft4d.exporters.options import Frame, PlyOptions
from facecraft4d.exporters.order import splat_order
from facecraft4d.exporters.stills import frames as stills
from facecraft4d.exporters.stills.frames import placed
from facecraft4d.exporters.stills.ply import half_turned, ply_files
from facecraft4d.exporters.stills.ply_reading import read_ply
from facecraft4d.toolkit.core.asset import Avatar, Provenance
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Motion
from facecraft4d.toolkit.core.geometry import rotation_from_wxyz
from facecraft4d.toolkit.core.ingredients import Commercial, Ingredient
from facecraft4d.toolkit.core.motion import on_rig
from facecraft4d.toolkit.core.rigging import neutral_pose, pose_from_weights

DOWN = ExportOptions(ply=PlyOptions(ply_frame=Frame.Y_DOWN))
MOST_HEADER = 10_000
"""Bytes in which some viewers look for the header's end."""


def written(avatar: Avatar, options: ExportOptions = ExportOptions()) -> bytes:  # noqa: B008  (frozen)
    ((name, data),) = ply_files(avatar, "head.ply", options)
    assert name == "head.ply"
    return data


@pytest.mark.slow
@settings(deadline=None, max_examples=40)
@given(cases(), st.floats(-0.5, 1.5))
@example(LEAST, 1.0)
def test_what_is_written_is_read(case: Case, weight: float) -> None:
    avatar = avatar_of(case)
    options = ExportOptions(expressions=dict.fromkeys(avatar.rig.expression_names, weight))
    found = read_ply(written(avatar, options), "a.ply")
    pose = pose_from_weights(avatar.rig, dict(options.expressions))
    assert_same_splats(found.splats, placed(avatar, pose))
    assert found.sh_degree == 0 and found.order == splat_order(avatar.splats)


@pytest.mark.slow
@settings(deadline=None, max_examples=20)
@given(cases())
def test_y_down_is_half_a_turn_about_x(case: Case) -> None:
    avatar = avatar_of(case)
    found, placed_up = read_ply(written(avatar, DOWN), "a.ply").splats, placed(avatar, neutral_pose(avatar.rig))
    assert_same_splats(half_turned(found), placed_up)
    turn = np.diag([1, -1, -1])
    assert np.array_equal(found.means, placed_up.means @ turn.astype(np.float32))
    matrices = [rotation_from_wxyz(each.rotations_wxyz.astype(np.float64)) for each in (found, placed_up)]
    assert np.allclose(matrices[0], turn @ matrices[1], atol=1e-5)


@pytest.mark.slow
@settings(deadline=None, max_examples=40)
@given(cases(), st.text(max_size=40), st.text(max_size=40))
def test_the_header_is_plain_lines_whatever_the_texts_say(case: Case, title: str, creator: str) -> None:
    data = written(avatar_of(case), ExportOptions(title=title, creator=creator))
    header = data[: data.index(b"end_header\n")]
    assert header.isascii() and all(line.decode().isprintable() for line in header.splitlines())
    words = [line.split(b" ")[0] for line in header.splitlines()]
    assert set(words) == {b"ply", b"format", b"comment", b"element", b"property"} and words.count(b"element") == 1
    notes = read_ply(data, "a.ply").notes
    names = ["generator", "order", "title", "creator", "source", "license", "rights", "frame"]
    assert [each.split(":")[0] for each in notes] == names


def test_endless_licences_leave_the_header_short(tiny_avatar: Avatar) -> None:
    ingredients = tuple(Ingredient("n" * 400, "r" * 90, f"L{i}" * 90, Commercial.NO, "", "") for i in range(200))
    data = written(replace(tiny_avatar, provenance=Provenance(ingredients)))
    assert data.index(b"end_header\n") < MOST_HEADER


def test_rights_and_frame_stand_in_the_header(tiny_avatar: Avatar) -> None:
    notes = read_ply(written(tiny_avatar, replace(DOWN, title="Größe\n\x1b[2J", creator="Ada")), "a.ply").notes
    assert "title: Gr\\xf6\\xdfe \\x1b[2J" in notes and "creator: Ada" in notes and "license: CC0-1.0" in notes
    assert any(each.startswith("rights: commercial use: yes") for each in notes)
    assert notes[-1].startswith("frame: y-down; +Y down, the face looks along -Z")


def test_an_independent_reader_finds_the_same(tiny_avatar: Avatar, tmp_path: Path) -> None:
    (path,) = export(tiny_avatar, tmp_path / "head.ply")
    ours, theirs = load_splats(path).splats, gsply.plyread(path)
    assert np.array_equal(theirs.means, ours.means)
    assert np.allclose(theirs.scales, np.log(ours.scales), atol=1e-5)
    assert np.allclose(theirs.quats, ours.rotations_wxyz, atol=1e-6)
    assert np.allclose(1 / (1 + np.exp(-theirs.opacities)), ours.opacities, atol=1e-6)
    assert np.allclose(0.28209479177387814 * theirs.sh0 + 0.5, ours.colors, atol=1e-6)


def test_opaque_and_vanishing_splats_stay_finite(tiny_avatar: Avatar) -> None:
    count = len(tiny_avatar.splats.means)
    logits = np.resize(np.array([100, -100, 17, 0], np.float32), count)
    scales = np.resize(np.array([[-30.0], [5.0]], np.float32), (count, 3))
    avatar = replace(
        tiny_avatar, splats=replace(tiny_avatar.splats, opacity_logits=logits, log_scales=np.sort(scales, 1))
    )
    found = read_ply(written(avatar), "a.ply").splats
    assert_same_splats(found, placed(avatar, neutral_pose(avatar.rig)))


def test_a_clip_is_a_numbered_file_for_each_frame(tiny_avatar: Avatar, tmp_path: Path) -> None:
    ramp = np.linspace(0, 1, 10, dtype=np.float32)[:, None]
    clip = constant("open wide/é", 1)
    clip = replace(clip, expressions=clip.expressions * ramp)
    options = ExportOptions(clips=(clip,), expressions={"jawOpen": 0.1})
    paths = export(tiny_avatar, tmp_path / "head.ply", options=options)
    assert [path.name for path in paths] == [f"head_open_wide_é_{frame:04d}.ply" for frame in range(10)]
    motion, held = on_rig(clip, tiny_avatar.rig), pose_from_weights(tiny_avatar.rig, {"jawOpen": 0.1})
    for frame, path in enumerate(paths):
        found, pose = load_splats(path), motion.pose(frame)
        pose = replace(pose, expression=pose.expression + held.expression)
        assert_same_splats(found.splats, placed(tiny_avatar, pose))
        assert found.order == splat_order(tiny_avatar.splats)
        assert f"clip: frame {frame} of 10 at 10 frames a second; open wide/\\xe9" in found.notes
    assert "a sequence of stills" in PLY.loses(tiny_avatar, options)
    assert "a still" in PLY.loses(tiny_avatar, ExportOptions()) and "rounded" in SPZ.loses(tiny_avatar, options)


def test_frames_are_made_one_at_a_time(tiny_avatar: Avatar, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(stills, "placed", lambda avatar, pose: made.append(pose) or placed(avatar, pose))
    for number, _ in enumerate(ply_files(tiny_avatar, "a.ply", ExportOptions(clips=(constant("still", 0.5),)))):
        assert len(made) == number + 1
    assert len(made) == 10


def test_long_clips_have_longer_numbers(tiny_avatar: Avatar) -> None:
    still = constant("long", 0.5)
    count = 10_001
    long = Motion(
        "long", 30.0, still.expression_names, np.zeros((count, 52), np.float32), (), np.zeros((count, 0, 3), np.float32), np.zeros((count, 3), np.float32)
    )  # fmt: skip
    name, _ = next(iter(ply_files(tiny_avatar, "a.ply", ExportOptions(clips=(long,)))))
    assert name == "a_long_00000.ply"


def test_mistakes_are_one_line(tiny_avatar: Avatar, tmp_path: Path) -> None:
    twice = ExportOptions(clips=(constant("a b", 0.1), constant("a/b", 0.2)))
    with pytest.raises(UserError, match="two clips of one name would replace each other's files: a_b, a_b"):
        export(tiny_avatar, tmp_path / "head.ply", options=twice)
    with pytest.raises(UserError, match="this avatar has no expression jawWide"):
        export(tiny_avatar, tmp_path / "head.ply", options=ExportOptions(expressions={"jawWide": 1.0}))
    with pytest.raises(UserError, match=re.escape("expected a file of splats (.ply, .spz), found another suffix")):
        load_splats(tmp_path / "head.splat")
    assert not list(tmp_path.iterdir())


def test_equal_avatars_give_equal_bytes(tiny_avatar: Avatar) -> None:
    assert written(tiny_avatar) == written(tiny_avatar)


def test_the_command_writes_both_formats_and_says_what_they_lose(
    tiny_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "export",
        str(tiny_path),
        "--to",
        "ply",
        "--to",
        "spz",
        "--expression",
        "jawOpen=0.7",
        "--ply-frame",
        "y-down",
    ]
    assert cli.main([*words, "--out", str(tmp_path / "out")]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"tiny_avatar.ply", "tiny_avatar.spz"}
    said = capsys.readouterr().err
    assert said.count("ply: a still: the rig") == said.count("spz: a still: the rig") == 1
    ply, spz = (load_splats(tmp_path / "out" / f"tiny_avatar.{suffix}").splats for suffix in ("ply", "spz"))
    assert np.allclose(half_turned(ply).means, spz.means, atol=2e-6)
