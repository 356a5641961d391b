"""What a finished build kept, and whether it belongs together: stages of one head, and the avatar that they made."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from facecraft4d.toolkit import cache
from facecraft4d.toolkit.cache import Stored, digest_of, part_of
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Coarse, FrameSet, Head, Tracked, ViewSet
from facecraft4d.toolkit.core.trained import TrainedHead
from facecraft4d.toolkit.owned import STAGES

T = TypeVar("T")

UNCHANGED = ("means", "rotations_wxyz", "log_scales", "opacity_logits", "triangles")
"""What baking leaves of splats as training made it: it changes their colours."""


class Kept(NamedTuple):
    """Results of a build's stages, each made of the ones before it."""

    views: ViewSet
    """The image prior's."""
    frames: FrameSet
    head: Head
    trained: TrainedHead


def kept_stages(folder: Path) -> Kept:
    """What a finished build kept; UserError where the folder does not hold it, or where stages of two builds are in it."""
    stages = folder / STAGES
    coarse = _stored(folder, "shape_prior", Coarse)
    views, frames = _stored(folder, "image_prior", ViewSet), _stored(folder, "video_prior", FrameSet)
    trained, head = _stored(folder, "training", TrainedHead), part_of(coarse, coarse.result.head)
    tracked = None if frames.result.track is not None else _stored(folder, "tracking", Tracked)
    moving, moved = with_track(frames, tracked, head)
    made_of = {
        "image_prior": (views.inputs, (part_of(coarse, coarse.result.views).digest,)),
        "video_prior": (frames.inputs, (head.digest, views.digest)),
        "training": (trained.inputs, (views.digest, moving.digest, moved.digest)),
    }
    if tracked is not None:
        made_of["tracking"] = (tracked.inputs, (views.digest, frames.digest, head.digest))
    for name, (inputs, expected) in made_of.items():
        if inputs != expected:
            raise UserError(
                f"{stages}: expected the stages of one build, found that {name} was made of other things than lie there now: "
                "a build was stopped; build again"
            )
    return Kept(views.result, moving.result, moved.result, trained.result)


def with_track(
    frames: Stored[FrameSet], tracked: Stored[Tracked] | None, head: Stored[Head]
) -> tuple[Stored[FrameSet], Stored[Head]]:
    """Frames that have a track, and the head that it moves: as they are where the video prior knew its motion, else as tracking found them."""
    if tracked is None:
        return frames, head
    moving = replace(frames.result, track=tracked.result.track)
    digest = digest_of(frames.digest, tracked.digest)
    return Stored(moving, digest, 0.0, 0, cached=True), part_of(tracked, tracked.result.head)


def check_made_of(avatar: Avatar, kept: Kept, folder: Path) -> None:
    """UserError unless the whole avatar is, but for its colours, bit for bit what the stages in the build's folder made."""
    pairs = [(getattr(avatar.splats, name), getattr(kept.trained.splats, name)) for name in UNCHANGED]
    pairs += [(getattr(avatar.rig, name), getattr(kept.head.rig, name)) for name in ("vertices", "triangles")]
    if not all(np.array_equal(found, made) for found, made in pairs):
        raise UserError(
            f"{folder}: expected an avatar that was made by the stages in {folder / STAGES}, found another; build again, or give "
            "pictures with --truth"
        )


def _stored(folder: Path, name: str, kind: type[T]) -> Stored[T]:
    stored = cache.found(folder / STAGES, name, kind)
    if stored is None:
        raise UserError(
            f"{folder}: expected a finished build with its stages in {folder / STAGES}, found no such; name the folder that "
            "facecraft4d build --out wrote, or give pictures with --truth"
        )
    return stored
