"""Turns avatars into files and back; the file's suffix, or a name, chooses the format. Never imports torch.

A name is imported when it is first asked for: a window is on the screen before the readers of files are.
"""

from typing import TYPE_CHECKING

from facecraft4d.toolkit.core.later import names_later

if TYPE_CHECKING:
    from facecraft4d.exporters.files import export, load, load_splats
    from facecraft4d.exporters.format import Format
    from facecraft4d.exporters.formats import FORMATS, SPLAT_READERS, format_of
    from facecraft4d.exporters.options import ExportOptions
    from facecraft4d.exporters.stills.splat_file import SplatFile

HOMES = {
    "facecraft4d.exporters.files": ("export", "load", "load_splats"),
    "facecraft4d.exporters.format": ("Format",),
    "facecraft4d.exporters.formats": ("FORMATS", "SPLAT_READERS", "format_of"),
    "facecraft4d.exporters.options": ("ExportOptions",),
    "facecraft4d.exporters.stills.splat_file": ("SplatFile",),
}
"""Module: the names of this package that live there."""

__all__ = [
    "FORMATS",
    "SPLAT_READERS",
    "ExportOptions",
    "Format",
    "SplatFile",
    "export",
    "format_of",
    "load",
    "load_splats",
]

__getattr__ = names_later(__name__, HOMES)
