"""The table of formats: a new one is a module that writes it, and a row here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from facecraft4d.exporters.gltf import export_gltf
from facecraft4d.exporters.gltf_reading import read_gltf
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError

Reader = Callable[[bytes, str], Avatar]
"""The avatar in a file's bytes, whose name stands in the messages. UserError for any other file."""


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What a writer is told beside the avatar."""

    file_name: str
    """The name that the user chose, with its suffix; a format of several files names the others after it."""


@dataclass(frozen=True, slots=True)
class Format:
    """One way to write an avatar, and to read it back where that is possible."""

    name: str
    """For --to and messages."""
    suffixes: tuple[str, ...]
    """In lower case, with the dot; several formats may share one."""
    write: Callable[[Avatar, ExportOptions], Mapping[str, bytes]]
    """Content by file name; the names lie beside the file that the user chose. ValueError for an unsound avatar."""
    read: Reader | None
    """None where it cannot be read back."""
    loses: str
    """What of an avatar is not in the file, in one sentence; empty where nothing is lost."""


GLTF = Format(
    name="gltf",
    suffixes=(".glb",),
    write=lambda avatar, options: {options.file_name: export_gltf(avatar)},
    read=read_gltf,
    loses="",
)

FORMATS = (GLTF,)


def format_of(path: Path, to: str | None = None, formats: tuple[Format, ...] = FORMATS) -> Format:
    """The format called `to`, or the one that the path's suffix names. UserError where there is none, or more than one."""
    if to is not None:
        for each in formats:
            if each.name == to:
                return each
        raise UserError(f"no format is called {to}; there are {', '.join(each.name for each in formats)}")
    suffix = path.suffix.lower()
    fitting = [each for each in formats if suffix in each.suffixes]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise UserError(f"{path}: {suffix} may be {' or '.join(each.name for each in fitting)}; say which with --to")
    known = ", ".join(dict.fromkeys(suffix for each in formats for suffix in each.suffixes))
    raise UserError(f"{path}: cannot write {suffix or 'a file without suffix'}; known are {known}")


def reader_of(path: Path, formats: tuple[Format, ...] = FORMATS) -> Reader:
    """Who reads a file of that suffix; the canonical format's reader where nobody claims it, whose message says what is wrong."""
    return next((each.read for each in formats if each.read and path.suffix.lower() in each.suffixes), read_gltf)
