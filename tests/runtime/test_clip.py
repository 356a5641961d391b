"""Clips on a rig: found, read between their frames, led over."""

from pathlib import Path

import numpy as np
import pytest
from head_cases import random_pose

from facecraft4d.runtime import find_motion
from facecraft4d.runtime.animate import Animator
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Motion
from facecraft4d.toolkit.core.motion import builtin_clips, on_rig


def ramp(frames: int = 5, fps: float = 10.0) -> Motion:
    """jawOpen and the neck rise with time; one expression and one joint that no rig has."""
    time = np.arange(frames, dtype=np.float32)
    expressions = np.stack([time, -time], -1)
    rotations = np.stack([np.outer(time, [0.1, 0, 0]), np.outer(time, [9, 9, 9])], 1).astype(np.float32)
    return Motion(
        "ramp", fps, ("jawOpen", "unknown"), expressions, ("neck", "tail"), rotations, np.zeros((frames, 3), np.float32)
    )


def test_clip_on_a_rig(tiny_avatar: Avatar) -> None:
    motion = on_rig(ramp(), tiny_avatar.rig)
    jaw, neck = tiny_avatar.rig.expression_names.index("jawOpen"), tiny_avatar.rig.joint_names.index("neck")
    assert motion.duration == 0.5
    for seconds, value in ((0.0, 0.0), (0.1, 1.0), (0.25, 2.5), (0.5, 0.0), (0.65, 1.5), (-0.1, 4.0), (0.45, 2.0)):
        pose = motion.at(seconds)
        assert np.isclose(pose.expression[jaw], value, atol=1e-4) and np.isclose(
            pose.expression.sum(), value, atol=1e-4
        )
        assert np.allclose(pose.joint_rotations[neck], [0.1 * value, 0, 0], atol=1e-5)
        assert np.count_nonzero(pose.joint_rotations) <= 1


def test_blend_meets_both_ends() -> None:
    rng = np.random.default_rng(3)
    a, b = random_pose(rng), random_pose(rng)
    for weight, end in ((0.0, a), (1.0, b)):
        for name in ("expression", "joint_rotations", "translation"):
            assert np.allclose(getattr(a.towards(b, weight), name), getattr(end, name))


def test_builtin_clips_are_found_and_play(tiny_avatar: Avatar) -> None:
    animator = Animator(tiny_avatar)
    for name in builtin_clips():
        motion = on_rig(find_motion(name), tiny_avatar.rig)
        splats = animator.splats(motion.at(motion.duration / 3))
        assert motion.duration > 0 and np.isfinite(splats.means).all()


def test_unknown_clips_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no clip is called dancing: there are"):
        find_motion("dancing")
    with pytest.raises(UserError, match="no such clip"):
        find_motion(str(tmp_path / "none.csv"))
