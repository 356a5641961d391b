"""What a format is: writers build on this, the table (formats.py) on them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from facecraft4d.toolkit.core.asset import Avatar

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
