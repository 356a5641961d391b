"""facecraft4d play: a window, or a recording."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from facecraft4d.cli_common import load_avatar, parse, say
from facecraft4d.cli_progress import shown_progress
from facecraft4d.runtime import PlayOptions, RecordOptions
from facecraft4d.toolkit.core.motion import builtin_clips, find_clip


@dataclass(frozen=True)
class PlayCommand:
    """Play an avatar in a window, or record it to a file.

    examples:
      facecraft4d play my_head/avatar.glb
      facecraft4d play my_head/avatar.glb --clip visemes
      facecraft4d play my_head/avatar.glb --record clip.mp4 --clip face_cap --size 512
      facecraft4d play my_head/avatar.glb --record frames --background transparent
      facecraft4d play my_head/avatar.glb --splats 5000
    """

    avatar: Annotated[Path, tyro.conf.Positional]
    """An avatar.glb."""
    record: Path | None = None
    """Write an MP4, or PNG files into a folder, instead of opening a window; needs no display."""
    clip: str = "face_cap"
    """A clip that comes with the package, or the path of a CSV file."""
    seconds: float = float("inf")
    """Close the window after this time."""
    splats: int | None = None
    """Draw at most so many splats: a level of detail (facecraft4d inspect lists those that the avatar has); default: all."""
    view: Annotated[RecordOptions, tyro.conf.arg(name="")] = field(default_factory=RecordOptions)


def main(arguments: list[str]) -> int:
    """Run the command."""
    options = parse(PlayCommand, "play", arguments)
    from facecraft4d.runtime import clip_sources, play, record  # --help need not wait for them

    clip = find_clip(options.clip)
    avatar = load_avatar(options.avatar, options.splats)
    if options.record is None:
        others = tuple(find_clip(name) for name in builtin_clips() if name != clip.name)
        chosen = PlayOptions(options.view.size, options.view.background, options.seconds)
        play(avatar, clip_sources((clip, *others), avatar.rig), chosen)
        return 0
    with shown_progress() as report:
        who = record(avatar, clip, options.record, options.view, report)
    say(f"{options.record}  ({who})")
    return 0
