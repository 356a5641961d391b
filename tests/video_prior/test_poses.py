"""The track that drives a head: it reaches everything, and poses are distinct."""

from dataclasses import replace

import numpy as np
import pytest
from head_cases import painted_head

from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.motion import builtin_clip, builtin_clips
from facecraft4d.toolkit.video_prior.poses import ALONE, driving_track, spread_poses

SIZE = 128


@pytest.mark.slow
def test_track_reaches_all_expressions_and_keeps_the_photographs_neck() -> None:
    coarse = painted_head(SIZE, jawOpen=0.2)
    head = coarse.head
    head.pose.joint_rotations[1] = [0.0, 0.3, 0.0]
    track, starts = driving_track(head.rig, head.pose, 64, np.random.default_rng(0))
    reach = track.expressions.max(0)
    assert [name for name, value in zip(ARKIT_NAMES, reach, strict=True) if value < 0.8] == []
    np.testing.assert_array_equal(track.joint_rotations[:, 1], np.tile(np.array([0, 0.3, 0], np.float32), (64, 1)))
    assert (np.abs(track.joint_rotations[:, 2:]).max((0, 2)) > 0.2).all()
    assert not track.expressions.any(1).all() and not track.translations.any()
    runs = zip(starts, (*starts[1:], 64), strict=True)
    clips = [{tuple(row) for row in builtin_clip(name).expressions.tolist()} for name in builtin_clips()]
    for first, end in runs:
        rows = [tuple(row) for row in track.expressions[first:end].tolist()]
        assert any(clip.issuperset(rows) for clip in clips), "what stands between two starts comes from one clip"
    assert starts[0] == 0 and list(starts) == sorted(set(starts)) and len(starts) > 4
    again, _ = driving_track(head.rig, head.pose, 64, np.random.default_rng(0))
    np.testing.assert_array_equal(track.expressions, again.expressions)


def test_short_track_shows_what_opens_and_closes() -> None:
    coarse = painted_head(SIZE)
    head = coarse.head
    track, _ = driving_track(head.rig, head.pose, 32, np.random.default_rng(1))
    for name in ALONE:
        assert track.expressions[:, ARKIT_NAMES.index(name)].max() > 0.95
    assert (track.expressions.max(0) >= 0.8).sum() >= 44
    strangers = replace(head.rig, expression_names=tuple(f"flame_expr_{index:03d}" for index in range(52)))
    with pytest.raises(ValueError, match="ARKit"):
        driving_track(strangers, head.pose, 8, np.random.default_rng(0))


def test_spread_poses_are_distinct() -> None:
    features = builtin_clip("visemes").expressions
    chosen = spread_poses(features, [ARKIT_NAMES.index("jawOpen")], 20, np.random.default_rng(0))
    assert len(set(chosen)) == 20 and chosen == sorted(chosen)
