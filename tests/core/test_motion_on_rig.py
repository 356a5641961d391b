"""A motion laid out for a rig: by name, in the rig's order, the same however often it is done."""

from pathlib import Path

import numpy as np
import pytest

from facecraft4d.exporters.motions import find_motion
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Motion
from facecraft4d.toolkit.core.motion import builtin_clip, on_rig, write_clip


def shuffled(motion: Motion, rng: np.random.Generator) -> Motion:
    """The same motion with its names in another order."""
    columns, joints = rng.permutation(len(motion.expression_names)), rng.permutation(len(motion.joint_names))
    return Motion(
        motion.name, motion.fps,
        tuple(motion.expression_names[i] for i in columns), motion.expressions[:, columns],
        tuple(motion.joint_names[i] for i in joints), motion.joint_rotations[:, joints], motion.translations,
    )  # fmt: skip


def test_the_order_of_names_does_not_matter(tiny_avatar: Avatar) -> None:
    clip, rig = builtin_clip("face_cap"), tiny_avatar.rig
    laid, again = on_rig(clip, rig), on_rig(shuffled(clip, np.random.default_rng(0)), rig)
    assert laid.expression_names == rig.expression_names and laid.joint_names == rig.joint_names
    for motion in (again, on_rig(laid, rig)):
        assert np.array_equal(motion.expressions, laid.expressions)
        assert np.array_equal(motion.joint_rotations, laid.joint_rotations)
        assert (motion.name, motion.fps, motion.duration) == (clip.name, clip.fps, clip.duration)


def test_at_a_frames_time_is_that_frame(tiny_avatar: Avatar) -> None:
    motion = on_rig(builtin_clip("jaw"), tiny_avatar.rig)
    for frame in (0, 7, len(motion.expressions) - 1):
        pose, found = motion.pose(frame), motion.at(frame / motion.fps)
        np.testing.assert_allclose(found.expression, pose.expression, atol=1e-5)
        np.testing.assert_allclose(found.joint_rotations, pose.joint_rotations, atol=1e-5)


@pytest.mark.parametrize("name", ["moves\\dance", "moves/dance", "dance.CSV"])
def test_what_looks_like_a_path_is_one(name: str) -> None:
    """On every system: a Windows path is not taken for the name of a clip that does not exist."""
    with pytest.raises(UserError, match="no such clip file"):
        find_motion(name)


def test_a_path_is_read(tmp_path: Path) -> None:
    write_clip(tmp_path / "mine.csv", builtin_clip("jaw"))
    assert find_motion(str(tmp_path / "mine.csv")).name == "mine"
