"""Turns avatars into files and back; the file's suffix, or a name, chooses the format. Never imports torch."""

from pathlib import Path

from facecraft4d.exporters.format import ExportOptions, Format
from facecraft4d.exporters.formats import FORMATS, format_of, reader_of
from facecraft4d.exporters.glb import MAX_FILE_BYTES
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.files import write_whole
from facecraft4d.toolkit.core.untrusted.door import read_untrusted

__all__ = ["FORMATS", "ExportOptions", "Format", "export", "format_of", "load"]


def export(avatar: Avatar, path: Path, to: str | None = None) -> None:
    """Write the avatar in the format called `to`, or that of the path's suffix: each file whole or not at all.

    Raises UserError for a format that is not known, ValueError for an unsound avatar; then nothing is written.
    """
    chosen = format_of(path, to)
    for name, data in chosen.write(avatar, ExportOptions(path.name)).items():
        write_whole(path.with_name(name), data)


def load(path: Path) -> Avatar:
    """Read an avatar from a file that `export` wrote. Raises UserError for anything else."""
    return reader_of(path)(read_untrusted(path, "an avatar (.glb)", MAX_FILE_BYTES), path.name)
