"""Faces that are watched instead of heard."""

import time
from collections.abc import Iterator

import pytest
from places import TINY

from facecraft4d.exporters import load
from facecraft4d.runtime.drivers.live import Live
from facecraft4d.runtime.drivers.reading import Reading
from facecraft4d.runtime.drivers.watching import Watcher
from facecraft4d.toolkit.core.checks import UserError

RIG = load(TINY).rig


def test_the_newest_face_moves_the_head_and_empty_frames_are_counted() -> None:
    faces: list[Reading | None] = [None, Reading({"jawOpen": 0.2}), None, Reading({"jawOpen": 0.7})]
    watcher = Watcher(iter(faces))
    while watcher.seen + watcher.empty < 4:
        time.sleep(0.01)
    pose = Live(watcher, RIG).pose(0.0)
    watcher.close()
    assert pose is not None and pose.expression[RIG.expression_names.index("jawOpen")] == pytest.approx(0.7)
    assert (watcher.seen, watcher.empty) == (2, 2)


def test_a_camera_that_is_not_there_is_said_at_once_and_one_that_goes_ends_the_watching() -> None:
    def gone(before: int) -> Iterator[Reading]:
        for _ in range(before):
            yield Reading({"jawOpen": 0.5})
        raise UserError("no camera answers")

    with pytest.raises(UserError, match="no camera answers"):
        Watcher(gone(0))
    watcher = Watcher(gone(3))
    watcher.close()
    assert watcher.seen >= 1 and watcher.latest()[0] is not None
