"""Frames on disk: which views are animated, and a killed run goes on."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from head_cases import painted_head

from facecraft4d.toolkit import video_prior
from facecraft4d.toolkit.config import VideoPriorConfig
from facecraft4d.toolkit.core.datatypes import ViewSet
from facecraft4d.toolkit.core.geometry import orbit_camera
from facecraft4d.toolkit.core.stages import Progress, StageContext
from facecraft4d.toolkit.video_prior.mesh.frames import frontal_indices


def test_frontal_views_are_those_nearest_to_the_face() -> None:
    view = painted_head(32).views.views[0]

    def orbit(first: float) -> ViewSet:
        yaws = tuple(15.0 * index for index in range(24))
        return ViewSet(tuple(replace(view, camera=orbit_camera(first + yaw, 0.0, 1.5, 32)) for yaw in yaws), yaws)

    assert frontal_indices(orbit(0.0), 11) == (0, 1, 2, 3, 4, 5, 6, 19, 20, 21, 22, 23)
    assert frontal_indices(orbit(30.0), 5) == (0, 1, 20, 21, 22, 23)
    with pytest.raises(ValueError, match="frontal_views"):
        frontal_indices(orbit(0.0), 24)


def test_set_on_disk_and_resume(tmp_path: Path) -> None:
    coarse = painted_head(64)
    head = coarse.head
    config = VideoPriorConfig(frontal_views=2, frames=8, size=48)
    said: list[Progress] = []
    frames = video_prior.run(head, coarse.views, config, StageContext(0, "cpu", tmp_path, said.append))
    assert frames.view_indices == (0, 1, 4) and len(frames.cameras) == 3 and said[-1].step == said[-1].total == 24
    assert frames.cameras[0].width == 48 and frames.track.expressions.shape == (8, 52)
    pictures = {path: path.read_bytes() for path in sorted(tmp_path.rglob("*.png"))}
    assert [path.relative_to(tmp_path).as_posix() for path in pictures][8] == "view_01/frame_0000.png"
    rgba = cv2.imread(str(tmp_path / "view_04" / "frame_0007.png"), cv2.IMREAD_UNCHANGED)
    assert rgba is not None and rgba.shape == (48, 48, 4) and rgba.dtype == np.uint8

    removed, kept = list(pictures)[5], list(pictures)[6]
    stamp = kept.stat().st_mtime_ns
    removed.unlink()
    video_prior.run(head, coarse.views, config, StageContext(0, "cpu", tmp_path, said.append))
    assert kept.stat().st_mtime_ns == stamp
    assert {path: path.read_bytes() for path in sorted(tmp_path.rglob("*.png"))} == pictures

    video_prior.run(head, coarse.views, replace(config, frames=4), StageContext(0, "cpu", tmp_path, said.append))
    assert len(list(tmp_path.rglob("*.png"))) == 12
