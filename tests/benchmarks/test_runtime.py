"""The players' benchmark: every part of a frame is counted once, the head stays itself with more splats, the table says who was how quick."""

from itertools import pairwise

import numpy as np
import pytest
from bench_runtime import ratios, table
from runtime_scene import Course, with_splats
from runtime_tiers import NAMES, Stopwatch, timed_frames, ways

from facecraft4d.runtime.software import draw_splats
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.rigging import place_splats

SIZE = (96, 64)
WORKING = {"pose", "project", "sort", "draw"}
"""What every way of drawing does."""


@pytest.mark.slow
@pytest.mark.parametrize("way", ways(), ids=lambda way: way.name)
def test_parts_are_the_frame(way, tiny_avatar: Avatar) -> None:
    frames = timed_frames(way, tiny_avatar, SIZE, 8)
    for frame in frames:
        assert sum(frame[name] for name in NAMES) == pytest.approx(frame["frame"])
        assert all(frame[name] > 0 for name in WORKING), "a function that PARTS names has moved"
    # between two parts another program may have the core: in the median of the frames it has not
    assert np.median([frame["other"] / frame["frame"] for frame in frames]) < 0.5


def test_what_is_within_is_not_counted_twice() -> None:
    watch = Stopwatch()
    watch.timed("draw", lambda: watch.timed("sort", lambda: sum(range(200_000)), lambda: None), lambda: None)
    assert watch.parts["sort"] > 0 and watch.parts["draw"] < watch.parts["sort"]


@pytest.mark.parametrize("factor", [1.0, 3.0])
def test_more_splats_are_the_same_head(factor: float, tiny_avatar: Avatar) -> None:
    count = round(factor * len(tiny_avatar.splats.means))
    head = with_splats(tiny_avatar, count)
    assert len(head.splats.means) == count
    _, camera = Course(tiny_avatar, 128, 128, 8).frame(4)
    one, other = (
        draw_splats(place_splats(each.splats, each.rig.vertices, each.rig), camera) for each in (tiny_avatar, head)
    )
    assert np.abs(one - other).mean() < 0.03
    assert np.count_nonzero(other[..., 3] > 0.5) == pytest.approx(np.count_nonzero(one[..., 3] > 0.5), rel=0.1)


def test_no_two_frames_are_alike(tiny_avatar: Avatar) -> None:
    course = Course(tiny_avatar, *SIZE, 4)
    frames = [course.frame(index) for index in range(4)]
    for (pose, camera), (later, there) in pairwise(frames):
        assert not np.array_equal(pose.expression, later.expression)
        assert not np.array_equal(camera.camera_from_world, there.camera_from_world)


def test_a_still_head_is_only_turned_around(tiny_avatar: Avatar) -> None:
    course = Course(tiny_avatar, *SIZE, 4, still=True)
    (pose, camera), (later, there) = course.frame(0), course.frame(1)
    assert np.array_equal(pose.expression, later.expression)
    assert not np.array_equal(camera.camera_from_world, there.camera_from_world)


def test_the_table_compares_with_the_quickest_viewer() -> None:
    parts = dict.fromkeys(NAMES, 1.0) | {"frame": 6.0}
    found = {
        "splats": 20_000, "width": 512, "height": 512, "viewers": {"one": 24.0, "other": 12.0}, "moving": {"one": 40.0}, "rest": {"processor": 6.0, "OpenGL, upload": 9.0, "OpenGL, compute": 30.0}, "medians": {"processor": 10.0, "OpenGL, upload": 20.0, "OpenGL, compute": 40.0},
        "ours": {"processor": parts, "OpenGL, upload": parts | {"frame": 11.0}, "OpenGL, compute": parts | {"frame": 30.0}},
    }  # fmt: skip
    assert ratios(found) == {"OpenGL": 0.75, "processor": 0.5}
    rows = table({"cases": [found], "memory": {}, "machine": "here"}).splitlines()
    assert len({row.count("|") for row in rows[:7]}) == 1
    assert "| 11 | 9 | 0.75 |" in rows[3] and "| 24 | 2.00 |" in rows[5]
    assert "processor 10 (0.25), OpenGL, upload 20 (0.50)" in rows[-3]
