"""A viewer that knows glTF alone shows a clip as our player does."""

from dataclasses import replace

import numpy as np
import pytest
from avatar_cases import random_avatar, random_motion
from gltf_play import Viewer
from hypothesis import given, settings
from hypothesis import strategies as st
from places import TINY

from facecraft4d.exporters import ExportOptions
from facecraft4d.exporters.gltf.reading import read_gltf
from facecraft4d.exporters.gltf.writing import export_gltf
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.motion import GREETING, builtin_clip, on_rig
from facecraft4d.toolkit.core.rigging import pose_vertices

MOST_FOR_THE_GREETING = 60_000
"""Bytes that the built-in clip may add to a file."""


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), frames=st.integers(1, 9), expressions=st.integers(0, 3))
def test_the_viewer_and_the_player_show_the_same(seed: int, frames: int, expressions: int) -> None:
    """At every key, at the loop's end, and between keys where no joint turns (there axis-angle vectors and quaternions part ways)."""
    avatar = random_avatar(seed, expressions, 3)
    moves = [random_motion(avatar.rig, frames, seed + each, fps) for each, fps in enumerate((25.0, 7.5))]
    clips = [replace(move, name=name) for move, name in zip(moves, ("größe", "表情"), strict=True)]
    still = replace(clips[1], joint_rotations=np.zeros_like(clips[1].joint_rotations))
    viewer = Viewer(export_gltf(avatar, ExportOptions(clips=(clips[0], still))))
    assert [each["name"] for each in viewer.document["animations"]] == ["größe", "表情"]
    for index, clip in enumerate((clips[0], still)):
        keys = np.arange(frames + 1) / clip.fps
        for seconds in keys if index == 0 else np.append(keys, (keys[:-1] + keys[1:]) / 2):
            expected = pose_vertices(avatar.rig, clip.at(seconds))
            found = viewer.vertices(viewer.sampled(index, float(np.float32(seconds))))
            np.testing.assert_allclose(found[: len(expected)], expected, atol=2e-5)


def test_the_greeting_between_its_keys_is_the_players(tiny_avatar: Avatar) -> None:
    viewer, clip = Viewer(TINY.read_bytes()), on_rig(builtin_clip(GREETING), tiny_avatar.rig)
    assert [each["name"] for each in viewer.document["animations"]] == [GREETING]
    for seconds in np.random.default_rng(0).uniform(0, clip.duration, 30):
        expected = pose_vertices(tiny_avatar.rig, clip.at(seconds))
        found = viewer.vertices(viewer.sampled(0, seconds))[: len(expected)]
        np.testing.assert_allclose(found, expected, atol=2e-5)


def test_channels_share_their_times_and_those_at_rest_are_left_out(tiny_avatar: Avatar) -> None:
    clip = builtin_clip("visemes")
    clips = (clip, replace(clip, name="again"), builtin_clip("brows"))
    viewer = Viewer(export_gltf(tiny_avatar, ExportOptions(clips=clips)))
    first, second, brows = viewer.document["animations"]
    moved = {(channel["target"]["node"], channel["target"]["path"]) for channel in first["channels"]}
    assert moved == {(0, "weights"), (3, "rotation")}  # the neck alone; jaw, eyes and root rest
    assert [channel["target"] for channel in brows["channels"]] == [{"node": 0, "path": "weights"}]
    assert len({sampler["input"] for each in (first, second) for sampler in each["samplers"]}) == 1
    times = viewer.values(first["samplers"][0]["input"])[:, 0]
    assert len(times) == len(clip.expressions) + 1 and times[-1] == pytest.approx(clip.duration)


def test_readers_pass_over_animations(tiny_avatar: Avatar) -> None:
    data = export_gltf(tiny_avatar, ExportOptions(clips=(builtin_clip("face_cap"), builtin_clip("jaw"))))
    found = read_gltf(data, "test")
    assert np.array_equal(found.rig.expression_deltas, tiny_avatar.rig.expression_deltas)
    assert np.array_equal(found.splats.means, tiny_avatar.splats.means)


def test_a_clip_that_moves_nothing_is_no_animation(tiny_avatar: Avatar) -> None:
    names = tuple(f"other_{k}" for k in range(52))
    joints = tuple(f"bone_{j}" for j in range(5))
    rig = replace(tiny_avatar.rig, expression_names=names, joint_names=joints)
    viewer = Viewer(export_gltf(replace(tiny_avatar, rig=rig), ExportOptions(clips=(builtin_clip("brows"),))))
    assert "animations" not in viewer.document


def test_the_greeting_is_short_and_small(tiny_avatar: Avatar) -> None:
    clip = builtin_clip(GREETING)
    assert 3.5 <= clip.duration <= 4.5
    used = {name for name, weights in zip(clip.expression_names, clip.expressions.T, strict=True) if weights.any()}
    assert {"eyeBlinkLeft", "eyeBlinkRight", "mouthSmileLeft", "jawOpen", "mouthFunnel"} <= used
    turns = np.abs(clip.joint_rotations[:, clip.joint_names.index("neck")]).max()
    assert 0.1 < turns < 0.25
    nothing = replace(
        clip,
        expressions=clip.expressions * 0,
        joint_rotations=clip.joint_rotations * 0,
        translations=clip.translations * 0,
    )
    added = len(export_gltf(tiny_avatar)) - len(export_gltf(tiny_avatar, ExportOptions(clips=(nothing,))))
    assert 0 < added < MOST_FOR_THE_GREETING
