"""Avatars into files and back; the file's suffix, or a name, chooses the format."""

import time
from pathlib import Path

from facecraft4d.exporters.formats import SPLAT_READERS, format_of, reader_of
from facecraft4d.exporters.gltf.glb import MAX_FILE_BYTES
from facecraft4d.exporters.options import ExportOptions
from facecraft4d.exporters.stills.splat_file import SplatFile
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.files import place_all, scratch_folder
from facecraft4d.toolkit.core.stages import UNKNOWN, Progress, Report, silent
from facecraft4d.toolkit.core.untrusted.door import read_untrusted

SECONDS_UNSAID = 1.0
"""What takes no longer needs no report of its progress."""


def export(
    avatar: Avatar,
    path: Path,
    to: str | None = None,
    options: ExportOptions = ExportOptions(),  # noqa: B008  (frozen)
    report: Report = silent,
) -> tuple[Path, ...]:
    """Write the avatar in the format called `to`, or that of the path's suffix, and return what was written.

    Nothing is put in its place before all is there. Raises UserError for a format that is not known or options that do not fit, ValueError
    for an unsound avatar; then nothing is written.
    """
    chosen = format_of(path, to)
    with scratch_folder(path) as scratch:
        names, begun = [], time.monotonic()
        for name, data in chosen.write(avatar, path.name, options):
            target = scratch / "files" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            names.append(name)
            if time.monotonic() - begun > SECONDS_UNSAID:
                report(Progress(chosen.name, len(names), UNKNOWN, name))
        return place_all(scratch / "files", names, path.parent if chosen.suffixes else path)


def load(path: Path | str) -> Avatar:
    """Read an avatar from a file that `export` wrote. Raises UserError for anything else."""
    path = Path(path)
    return reader_of(path)(read_untrusted(path, "an avatar (.glb)", MAX_FILE_BYTES), path.name)


def load_splats(path: Path) -> SplatFile:
    """Read the splats of a PLY or SPZ file, in the file's own frame. Raises UserError for anything else."""
    reader = SPLAT_READERS.get(path.suffix.lower())
    if reader is None:
        raise UserError(f"{path}: expected a file of splats ({', '.join(SPLAT_READERS)}), found another suffix")
    return reader(read_untrusted(path, "a file of splats", MAX_FILE_BYTES), path.name)
