"""Formats without a rig: splats in one pose, or a numbered file for each frame of a clip."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from facecraft4d.exporters.format import File
from facecraft4d.exporters.options import ExportOptions
from facecraft4d.exporters.stills.notes import note, notes_of
from facecraft4d.toolkit.core.asset import Avatar, check_avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Motion, Pose, Splats
from facecraft4d.toolkit.core.motion import on_rig
from facecraft4d.toolkit.core.rigging import place_splats, pose_from_weights, pose_vertices

Encode = Callable[[Splats, tuple[str, ...]], bytes]
"""A file's bytes of splats in the world frame and of notes about them."""
DIGITS = 4
"""Of a frame's number at least; all of a clip have as many."""


def still_files(avatar: Avatar, name: str, options: ExportOptions, encode: Encode) -> Iterator[File]:
    """The file `name` with the splats in the pose of the options; or, of each clip, a file for each of its frames, made when it is asked for.

    The order of splats is the avatar's in all. A clip's pose is added to that of the options. Raises ValueError for an unsound avatar,
    UserError for expressions that it lacks and for two clips of one name.
    """
    check_avatar(avatar)
    held, notes = pose_from_weights(avatar.rig, dict(options.expressions)), notes_of(avatar, options)
    if not options.clips:
        yield name, encode(placed(avatar, held), notes)
    for clip, stem in zip(options.clips, _stems(options.clips), strict=True):
        motion = on_rig(clip, avatar.rig)
        count, path = len(motion.expressions), Path(name)
        for frame in range(count):
            pose = motion.pose(frame)
            pose = replace(pose, expression=pose.expression + held.expression)
            where = note("clip", f"frame {frame} of {count} at {clip.fps:g} frames a second; {clip.name}")
            number = f"{frame:0{max(DIGITS, len(str(count - 1)))}d}"
            yield f"{path.stem}_{stem}_{number}{path.suffix}", encode(placed(avatar, pose), (*notes, where))


def placed(avatar: Avatar, pose: Pose) -> Splats:
    """The avatar's splats in a pose of its rig, in the world frame."""
    return place_splats(avatar.splats, pose_vertices(avatar.rig, pose), avatar.rig)


def lost_in_stills(options: ExportOptions) -> str:
    """What of the avatar is not in such files, in words."""
    shows = "a sequence of stills" if options.clips else "a still"
    return f"{shows}: the rig, its expressions and joints, the binding of splats to triangles, texture and levels of detail are not in it"


def _stems(clips: tuple[Motion, ...]) -> list[str]:
    """What stands for each clip in the names of its files. UserError where two would be the same."""
    stems = [re.sub(r"[^\w.-]", "_", clip.name) for clip in clips]
    if len(set(stems)) < len(stems):
        raise UserError(f"two clips of one name would replace each other's files: {', '.join(stems)}")
    return stems
