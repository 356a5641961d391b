"""The table of formats: a new one is a module that writes it, and a row here."""

from pathlib import Path

from facecraft4d.exporters.format import Format, Reader
from facecraft4d.exporters.gltf import export_gltf
from facecraft4d.exporters.gltf_reading import read_gltf
from facecraft4d.exporters.rig import export_rig
from facecraft4d.toolkit.core.checks import UserError

GLTF = Format(
    name="gltf",
    what="the canonical GLB: textured rig, splats and their binding",
    suffixes=(".glb",),
    ending="_export.glb",
    write=lambda avatar, name, options: [(name, export_gltf(avatar))],
    read=read_gltf,
    loses=lambda avatar, options: "",
)

RIG = Format(
    name="rig",
    what="for engine programmers: splats, and what each expression and joint does to them, as numbers",
    suffixes=(),
    ending="_rig",
    write=lambda avatar, name, options: export_rig(avatar, options),
    read=None,
    loses=lambda avatar, options: (
        "the mesh and its texture; splats turn and grow about as their triangles would (error in rig.json)"
    ),
)

FORMATS = (GLTF, RIG)


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
    """Who reads a file of that suffix; the canonical format's reader where nobody claims it, whose message says what is wrong.

    UserError for a format that is written only.
    """
    fitting = [each for each in formats if path.suffix.lower() in each.suffixes]
    readers = [each.read for each in fitting if each.read is not None]
    if fitting and not readers:
        raise UserError(f"{path}: {fitting[0].name} is written, not read; give the avatar.glb that it was made from")
    return readers[0] if readers else read_gltf
