"""Stills: the pose and view that were asked for, and clear refusals."""

import signal
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facecraft4d.runtime import Backend, RenderOptions, pose_from_weights, render_image, render_still
from facecraft4d.runtime.still import option_camera
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.geometry import project
from facecraft4d.toolkit.core.rigging import neutral_pose, place_splats


def test_zoom_enlarges_about_the_middle(tiny_avatar: Avatar) -> None:
    means = place_splats(tiny_avatar.splats, tiny_avatar.rig.vertices, tiny_avatar.rig).means
    plain, large = (
        project(option_camera(tiny_avatar, RenderOptions(zoom=zoom, fov=40.0)).camera(100, 100), means)[0]
        for zoom in (1.0, 2.5)
    )
    assert np.allclose(large - 50, 2.5 * (plain - 50), atol=1e-6)


def test_expressions_by_name(tiny_avatar: Avatar) -> None:
    pose = pose_from_weights(tiny_avatar.rig, {"jawOpen": 0.5})
    assert (
        pose.expression[tiny_avatar.rig.expression_names.index("jawOpen")] == 0.5
        and np.count_nonzero(pose.expression) == 1
    )
    with pytest.raises(UserError, match="no expression jawopen; it has jawOpen"):
        pose_from_weights(tiny_avatar.rig, {"jawopen": 0.5})


def test_expression_moves_only_its_region(tiny_avatar: Avatar) -> None:
    options = RenderOptions(size=96)
    rest = render_image(tiny_avatar, neutral_pose(tiny_avatar.rig), options).astype(int)
    opened = render_image(tiny_avatar, pose_from_weights(tiny_avatar.rig, {"jawOpen": 1.0}), options).astype(int)
    moved = np.abs(opened - rest).max(-1) > 2
    assert moved[55:].any() and not moved[:45].any()
    blinked = render_image(tiny_avatar, pose_from_weights(tiny_avatar.rig, {"eyeBlinkLeft": 1.0}), options).astype(int)
    columns = np.flatnonzero((np.abs(blinked - rest).max(-1) > 2).any(0))
    assert columns.min() > 48  # the subject's left is on the right of the picture


def test_stills(tiny_avatar: Avatar, tmp_path: Path) -> None:
    pose, clear = neutral_pose(tiny_avatar.rig), RenderOptions(size=64, background="transparent")
    render_still(tiny_avatar, pose, tmp_path / "new" / "still.png", clear)
    image = np.asarray(Image.open(tmp_path / "new" / "still.png"))
    assert image.shape == (64, 64, 4) and image[0, 0, 3] == 0 and image[32, 32, 3] == 255
    render_still(tiny_avatar, pose, tmp_path / "still.jpg", RenderOptions(size=64, background="#00ff00"))
    assert np.abs(np.asarray(Image.open(tmp_path / "still.jpg"))[2, 2].astype(int) - [0, 255, 0]).max() < 8
    for path, options, message in (
        ("still.gif", clear, "must end in .png"),
        ("still.jpg", clear, "JPEG cannot be transparent"),
        ("still.png", replace(clear, size=8), "size must be between 16 and 8192, got 8"),
        ("still.png", replace(clear, pitch=95.0), "pitch must be between"),
        ("still.png", replace(clear, zoom=0.0), "zoom must be between"),
        ("still.png", replace(clear, yaw=float("nan")), "yaw must be between"),
        ("still.png", replace(clear, background="pink"), "background must be"),
    ):
        with pytest.raises(UserError, match=message):
            render_still(tiny_avatar, pose, tmp_path / path, options)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["new", "still.jpg"]


@pytest.mark.skipif(sys.platform == "win32", reason="the limit is of POSIX")
@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_a_disk_that_is_full_leaves_no_half_picture(
    name: str, tiny_avatar: Avatar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system may take the first part of what is written; Pillow, writing past Python, does not notice."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        with pytest.raises(UserError, match="cannot be written"):
            render_still(tiny_avatar, neutral_pose(tiny_avatar.rig), tmp_path / name, RenderOptions(size=256))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert list(tmp_path.iterdir()) == []


def test_who_draws_is_told_before_the_picture(tiny_avatar: Avatar) -> None:
    heard: list[str] = []
    options = RenderOptions(size=32, backend=Backend.SOFTWARE)
    render_image(tiny_avatar, neutral_pose(tiny_avatar.rig), options, heard.append)
    assert len(heard) == 1 and heard[0].startswith("drawing on the processor")
