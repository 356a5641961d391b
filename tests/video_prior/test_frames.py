"""Frames on disk: which views are animated, and a killed run goes on."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from head_cases import painted_head

from facecraft4d.toolkit import video_prior
from facecraft4d.toolkit.config import FaceModelConfig, VideoPriorConfig
from facecraft4d.toolkit.core.datatypes import ViewSet
from facecraft4d.toolkit.core.geometry import orbit_camera
from facecraft4d.toolkit.core.stages import Progress, StageContext
from facecraft4d.toolkit.video_prior.frames import frontal_indices
from facecraft4d.toolkit.video_prior.made import FILE_NAME


def test_frontal_views_are_those_nearest_to_the_face() -> None:
    view = painted_head(32).views.views[0]

    def orbit(first: float) -> ViewSet:
        yaws = tuple(15.0 * index for index in range(24))
        return ViewSet(tuple(replace(view, camera=orbit_camera(first + yaw, 0.0, 1.5, 32)) for yaw in yaws), yaws)

    assert frontal_indices(orbit(0.0), 11) == (0, 1, 2, 3, 4, 5, 6, 19, 20, 21, 22, 23)
    assert frontal_indices(orbit(30.0), 5) == (0, 1, 20, 21, 22, 23)
    with pytest.raises(ValueError, match="frontal_views"):
        frontal_indices(orbit(0.0), 24)


@pytest.mark.slow
def test_set_on_disk_and_resume(tmp_path: Path) -> None:
    coarse = painted_head(64)
    head = coarse.head
    config = VideoPriorConfig(frontal_views=2, frames=8, size=48)
    said: list[Progress] = []
    frames = video_prior.run(
        head, coarse.views, config, FaceModelConfig(), StageContext(0, "cpu", tmp_path, said.append)
    )
    assert frames.view_indices == (0, 1, 4) and len(frames.cameras) == 3 and said[-1].step == said[-1].total == 24
    assert frames.cameras[0].width == 48 and frames.track.expressions.shape == (8, 52)
    pictures = {path: path.read_bytes() for path in sorted(tmp_path.rglob("*.png"))}
    assert [path.relative_to(tmp_path).as_posix() for path in pictures][8] == "view_01/frame_0000.png"
    rgba = cv2.imread(str(tmp_path / "view_04" / "frame_0007.png"), cv2.IMREAD_UNCHANGED)
    assert rgba is not None and rgba.shape == (48, 48, 4) and rgba.dtype == np.uint8

    removed, kept = list(pictures)[5], list(pictures)[6]
    stamp = kept.stat().st_mtime_ns
    removed.unlink()
    video_prior.run(head, coarse.views, config, FaceModelConfig(), StageContext(0, "cpu", tmp_path, said.append))
    assert kept.stat().st_mtime_ns == stamp
    assert {path: path.read_bytes() for path in sorted(tmp_path.rglob("*.png"))} == pictures

    video_prior.run(
        head, coarse.views, replace(config, frames=4), FaceModelConfig(), StageContext(0, "cpu", tmp_path, said.append)
    )
    assert len(list(tmp_path.rglob("*.png"))) == 12


@pytest.mark.slow
def test_what_is_taken_up_is_as_it_was_written(tmp_path: Path) -> None:
    """Torn by a power cut, replaced, linked, a pipe, strange, or not in the list: drawn anew or thrown away; the rest stays as it is."""
    coarse = painted_head(64)
    config = VideoPriorConfig(frontal_views=1, frames=8, size=48)
    context = StageContext(0, "cpu", tmp_path, lambda _: None)
    run = lambda: video_prior.run(coarse.head, coarse.views, config, FaceModelConfig(), context)  # noqa: E731
    run()
    first = {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()}
    pictures = [path for path in first if path.suffix == ".png"]
    times = {path: path.stat().st_mtime_ns for path in pictures[6:]}
    pictures[0].write_bytes(b"")
    pictures[1].write_bytes(first[pictures[2]])
    pictures[2].write_bytes(first[pictures[2]][:-9])
    for path, make in (
        (pictures[3], Path.mkdir),
        (pictures[4], getattr(os, "mkfifo", Path.mkdir)),
        (pictures[5], lambda p: p.symlink_to(pictures[6])),
    ):
        path.unlink()
        make(path)
    (pictures[0].parent / ".frame_0000.0123abcd.partial.png").write_bytes(b"half")
    (pictures[0].parent / "frame_9999.png").write_bytes(b"strange")
    with (tmp_path / FILE_NAME).open("a") as lines:
        lines.write("0123 half a li")
    run()
    assert {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()} == first
    assert {path: path.stat().st_mtime_ns for path in pictures[6:]} == times
    for content in (b"", b"\xff", b"f" * 64 + b"\n"):
        (tmp_path / FILE_NAME).write_bytes(content)
        run()
        assert {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()} == first


@pytest.mark.slow
def test_a_link_in_place_of_a_view_is_cut(tmp_path: Path) -> None:
    coarse = painted_head(64)
    config = VideoPriorConfig(frontal_views=1, frames=2, size=48)
    context = StageContext(0, "cpu", tmp_path / "files", lambda _: None)
    frames = video_prior.run(coarse.head, coarse.views, config, FaceModelConfig(), context)
    view = frames.path(0, 0).parent
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "photo.jpg").write_bytes(b"mine")
    shutil.rmtree(view)
    view.symlink_to(tmp_path / "mine", target_is_directory=True)
    video_prior.run(coarse.head, coarse.views, config, FaceModelConfig(), context)
    assert not view.is_symlink() and len(list(view.iterdir())) == 2
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["photo.jpg"]
