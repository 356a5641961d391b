"""facecraft4d capture: a video of a talking face to a clip."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from facecraft4d.cli_common import parse, say
from facecraft4d.cli_progress import shown_progress
from facecraft4d.toolkit.core.stages import Progress


@dataclass(frozen=True)
class CaptureCommand:
    """Turn a video of a talking face into a clip: 52 expressions and the turns of the head. Needs the extra [toolkit].

    examples:
      facecraft4d capture talk.mp4 --out talk.csv
      facecraft4d capture talk.mov --out talk.csv --raw
      facecraft4d play my_head/avatar.glb --clip talk.csv
    """

    video: Annotated[Path, tyro.conf.Positional]
    """A video with one face, seen from the front: .mp4, .mov, .mkv, .webm, .avi."""
    out: Path = Path("capture.csv")
    """The clip to write: .csv, or .json for LAM_Audio2Expression's form."""
    raw: bool = False
    """As the network sees it: not counted from the face's own rest, not smoothed."""


def main(arguments: list[str]) -> int:
    """Run the command."""
    options = parse(CaptureCommand, "capture", arguments)
    from facecraft4d.exporters.motions import write_motion  # --help need not wait for them
    from facecraft4d.runtime.drivers.shaping import settled
    from facecraft4d.toolkit.capture import SIDE, tracked
    from facecraft4d.toolkit.core.untrusted.media import video_frames

    with shown_progress() as report:
        track = tracked(video_frames(options.video, SIDE), options.video.name, report)
        if track.note:
            report(Progress("capture", 0, 0, notes=(track.note,)))
    clip = track.motion if options.raw else settled(track.motion)
    write_motion(options.out, clip)
    say(f"{options.out}  ({len(clip.expressions):,} frames, {clip.duration:.1f} s, {clip.fps:g} frames a second)")
    return 0
