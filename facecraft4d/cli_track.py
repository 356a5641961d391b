"""facecraft4d track: films of a face by fixed cameras to a clip."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from facecraft4d.cli_common import check_option, parse, readable_seconds, say
from facecraft4d.cli_progress import shown_progress
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.stages import Progress


@dataclass(frozen=True)
class TrackCommand:
    """Find a face's motion by fitting the head model to films of it: for several cameras, or for more than capture sees. Needs the extra [toolkit].

    examples:
      facecraft4d track talk.mp4 --out talk.csv
      facecraft4d track left.mp4 front.mp4 right.mp4 --cameras transforms.json --out take.csv
      facecraft4d play my_head/avatar.glb --clip take.csv
    """

    videos: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Videos of one face that begin together: .mp4, .mov, .mkv, .webm, .avi. The first frame shows the face."""
    out: Path = Path("track.csv")
    """The clip to write: .csv, or .json for LAM_Audio2Expression's form."""
    cameras: Path | None = None
    """transforms.json of NeRF and GaussianAvatars: where each video's camera stands. One video alone does without."""
    epochs: int = 3
    """Rounds over all frames at the end, at most."""
    work: Path | None = None
    """A folder for the checkpoint: the same command goes on from it. Without it a stopped run begins anew."""


def main(arguments: list[str]) -> int:
    """Run the command."""
    options = parse(TrackCommand, "track", arguments)
    check_option("epochs", options.epochs, 0, 1000)
    if not options.videos:
        raise UserError("expected a video, found none (see facecraft4d track --help)")
    if options.work is None:
        with tempfile.TemporaryDirectory(prefix="facecraft4d_track_") as folder:
            return _track(options, Path(folder))
    options.work.mkdir(parents=True, exist_ok=True)
    return _track(options, options.work)


def _track(options: TrackCommand, folder: Path) -> int:
    from facecraft4d.exporters.motions import check_writable, write_motion  # --help need not wait for them
    from facecraft4d.toolkit.config import TrackingConfig
    from facecraft4d.toolkit.core.stages import StageContext
    from facecraft4d.toolkit.repeatable import repeatable
    from facecraft4d.toolkit.tracking.films import read_films
    from facecraft4d.toolkit.tracking.people import track_films

    check_writable(options.out)
    with shown_progress() as report, repeatable():
        films = read_films(options.videos, options.cameras, report)
        context = StageContext(0, "cpu", folder, report)
        person = track_films(films, _digest(options), TrackingConfig(epochs=options.epochs), context)
        if person.unseen:
            note = f"{person.unseen} of {films.count} frames show no face to any camera; found by colours and neighbours alone"
            report(Progress("tracking", 0, 0, notes=(note,)))
    write_motion(options.out, person.clip)
    clip = person.clip
    say(
        f"{options.out}  ({len(clip.expressions):,} frames, {readable_seconds(clip.duration)}, {clip.fps:g} frames a second, "
        f"{len(films.cameras)} camera{'s' if len(films.cameras) > 1 else ''})"
    )
    return 0


def _digest(options: TrackCommand) -> str:
    """Names what the films and cameras are, so that a checkpoint of others is not taken up."""
    files = [*options.videos, *([options.cameras] if options.cameras else [])]
    return repr([(str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in files])
