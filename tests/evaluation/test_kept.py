"""Pictures of a build are compared with the avatar that came of them, never with another's."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kept_build import KEY, keep_stages

from facecraft4d.toolkit import cache
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Coarse, FrameSet
from facecraft4d.toolkit.core.motion import builtin_clip, on_rig
from facecraft4d.toolkit.evaluation.kept import check_made_of, kept_stages


@pytest.fixture
def place(tmp_path: Path, tiny_coarse: Coarse, tiny_avatar: Avatar) -> Path:
    """The folder of a finished build of `tiny_avatar`."""
    frames = FrameSet(
        tmp_path / "build" / "video_prior" / KEY[:16] / "files",
        (),
        (),
        on_rig(builtin_clip("blinks_gaze"), tiny_avatar.rig),
    )
    keep_stages(tmp_path / "build", tiny_coarse, frames, tiny_avatar)
    return tmp_path


@pytest.mark.slow
def test_stages_and_avatar_of_one_build_belong_together(place: Path, tiny_avatar: Avatar) -> None:
    """Baking changes colours alone: they do not count."""
    check_made_of(tiny_avatar, kept_stages(place), place)


@pytest.mark.slow
@pytest.mark.parametrize("part", ["views", "head"])
def test_stages_of_two_builds_are_refused(place: Path, tiny_coarse: Coarse, part: str) -> None:
    """A new photograph is being built, or its build was stopped: the shape prior has run, the stages after it have not."""
    views = replace(tiny_coarse.views, yaws_degrees=tuple(yaw + 1 for yaw in tiny_coarse.views.yaws_degrees))
    pose = replace(tiny_coarse.head.pose, translation=np.ones(3, np.float32))
    head = replace(tiny_coarse.head, pose=pose)
    newer = replace(tiny_coarse, views=views) if part == "views" else replace(tiny_coarse, head=head)
    cache.stage(place / "build", "shape_prior", "e" * 64, Coarse, lambda _: newer)
    first = {"views": "image_prior", "head": "video_prior"}[part]
    with pytest.raises(UserError, match=f"found that {first} was made of other things.*build again"):
        kept_stages(place)


@pytest.mark.slow
@pytest.mark.parametrize("part", ["means", "triangles", "log_scales", "opacity_logits", "rig", "fewer"])
def test_another_avatar_is_refused(place: Path, tiny_avatar: Avatar, part: str) -> None:
    """The smallest difference counts: a bit, a splat, a vertex."""
    splats, rig = tiny_avatar.splats, tiny_avatar.rig
    if part == "rig":
        other = replace(tiny_avatar, rig=replace(rig, vertices=np.nextafter(rig.vertices, np.float32(1))))
    elif part == "fewer":
        other = tiny_avatar.level(len(splats.means) - 1)
    else:
        array = getattr(splats, part).copy()
        array[-1] = np.nextafter(array[-1], np.float32(9)) if array.dtype.kind == "f" else array[-1] + 1
        other = replace(tiny_avatar, splats=replace(splats, **{part: array}))
    with pytest.raises(UserError, match=r"expected an avatar that was made by the stages in .*; build again"):
        check_made_of(other, kept_stages(place), place)


@pytest.mark.slow
def test_a_missing_stage_is_no_finished_build(place: Path) -> None:
    (place / "build" / "training" / KEY[:16] / "stage.json").unlink()
    with pytest.raises(UserError, match="expected a finished build"):
        kept_stages(place)


def test_an_earlier_version_knows_no_inputs(place: Path) -> None:
    (place / "build" / "image_prior" / KEY[:16] / "stage.json").write_text(
        '{"digest": "", "seconds": 0, "peak_bytes": 0}'
    )
    with pytest.raises(
        UserError, match=r"found no digest, seconds, peak_bytes, device_peak_bytes, inputs alone.*; build again"
    ):
        kept_stages(place)
