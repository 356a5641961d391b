"""What a format is: writers build on this, the table (formats.py) on them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from facecraft4d.exporters.options import ExportOptions
from facecraft4d.toolkit.core.asset import Avatar

Reader = Callable[[bytes, str], Avatar]
"""The avatar in a file's bytes, whose name stands in the messages. UserError for any other file."""
File = tuple[str, bytes]
"""Name, with / between folders, and content."""


@dataclass(frozen=True, slots=True)
class Format:
    """One way to write an avatar, and to read it back where that is possible."""

    name: str
    """For --to and messages."""
    what: str
    """In a few words, for --help."""
    suffixes: tuple[str, ...]
    """In lower case, with the dot; several formats may share one. Empty where the format is a folder."""
    ending: str
    """Of the file's or folder's name where the user chose none: it follows the name of the avatar."""
    write: Callable[[Avatar, str, ExportOptions], Iterable[File]]
    """Files one by one, for the name of the file or folder that the user chose: beside that file, or inside of that folder.
    ValueError for an unsound avatar, UserError for options that do not fit it."""
    read: Reader | None
    """None where it cannot be read back."""
    loses: Callable[[Avatar, ExportOptions], str]
    """What of the avatar is not in the files, in one sentence; empty where nothing is lost."""
