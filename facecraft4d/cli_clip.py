"""facecraft4d clip: clips of one program for another."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from facecraft4d.cli_common import parse, say


@dataclass(frozen=True)
class ClipCommand:
    """Turn a clip of one program into one of another: ours, Live Link Face's, LAM_Audio2Expression's; glTF animations are read.

    examples:
      facecraft4d clip MySlate_3_iPhone.csv take.csv
      facecraft4d clip visemes visemes.csv --to livelink
      facecraft4d clip character.glb#Talking talking.csv
      facecraft4d clip line.json line.csv
    """

    source: Annotated[str, tyro.conf.Positional]
    """A clip that comes with the package, or a file: .csv (ours, Live Link Face), .json (LAM_Audio2Expression), .glb or .glb#NAME."""
    target: Annotated[Path, tyro.conf.Positional]
    """File to write: .csv or .json."""
    to: str | None = None
    """Format, where the suffix does not tell: csv (ours, the default for .csv), livelink, audio2expression."""


def main(arguments: list[str]) -> int:
    """Run the command."""
    options = parse(ClipCommand, "clip", arguments)
    from facecraft4d.exporters.motions import find_motion, write_motion  # --help need not wait for them

    clip = find_motion(options.source)
    write_motion(options.target, clip, options.to)
    say(f"{options.target}  ({len(clip.expressions):,} frames, {clip.duration:.1f} s, {clip.fps:g} frames a second)")
    return 0
