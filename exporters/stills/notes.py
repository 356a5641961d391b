"""What a file of splats says of itself in words, where its format has a place for words: origin, frame, order, rights."""

from facecraft4d.exporters.options import ExportOptions
from facecraft4d.exporters.order import ORDER, splat_order
from facecraft4d.exporters.rights import rights_of
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.text import shown

MOST_CHARACTERS = 1000
"""Of a note. Some viewers look for the end of a PLY's header in its first 10 KB only."""


def notes_of(avatar: Avatar, options: ExportOptions) -> tuple[str, ...]:
    """Lines `name: text` about the splats of an avatar: printable ASCII, other letters as \\xe9 or \\u4e2d, cut where they are endless."""
    rights = rights_of(avatar.provenance, options)
    return tuple(
        note(name, text)
        for name, text in (
            ("generator", "facecraft4d"),
            (ORDER, str(splat_order(avatar.splats))),
            ("title", rights.title),
            ("creator", rights.creator),
            ("source", "; ".join(rights.source)),
            ("license", rights.license),
            ("rights", rights.rights),
        )
    )


def note(name: str, text: str) -> str:
    """One line."""
    return shown(f"{name}: {shown(text)}".encode("ascii", "backslashreplace").decode("ascii"), MOST_CHARACTERS)
