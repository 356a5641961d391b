"""facecraft4d play: a window, or a recording."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from facecraft4d import exporters
from facecraft4d.cli_common import SIZES, check_option, check_output, parse
from facecraft4d.toolkit.checks import UserError
from facecraft4d.toolkit.clips import builtin_clip, builtin_clips, read_clip
from facecraft4d.toolkit.datatypes import Clip


@dataclass(frozen=True)
class Options:
    """Play an avatar in a window, or record it to a file.

    examples:
      facecraft4d play my_head/avatar.glb
      facecraft4d play my_head/avatar.glb --clip visemes
      facecraft4d play my_head/avatar.glb --record clip.mp4 --clip face_cap --size 512
    """

    avatar: Annotated[Path, tyro.conf.Positional]
    """An avatar.glb."""
    clip: str = "face_cap"
    """A built-in clip by name, or a CSV file."""
    record: Path | None = None
    """Write an MP4 here instead of opening a window; needs no display."""
    size: int = 512
    """Side of the picture in pixels."""


def main(arguments: list[str]) -> int:
    """Run the command."""
    options = parse(Options, "play", arguments)
    check_option("size", options.size, *SIZES)
    if options.record is not None:
        check_output(options.record, (".mp4",))
    clip = chosen_clip(options.clip)
    avatar = exporters.load(options.avatar)
    from facecraft4d import runtime

    if options.record is None:
        runtime.play(avatar, clip, options.size)
    else:
        runtime.record(avatar, clip, options.record, options.size)
        print(options.record)
    return 0


def chosen_clip(name: str) -> Clip:
    """A built-in clip, or one from a CSV file; UserError if it is neither."""
    if name in builtin_clips():
        return builtin_clip(name)
    if not name.endswith(".csv"):
        raise UserError(f"--clip {name}: expected a CSV file or one of {', '.join(builtin_clips())}")
    return read_clip(name)
