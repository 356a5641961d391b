"""The table of formats: a new one is a module that writes it, and a row here."""

from pathlib import Path

from facecraft4d.exporters.format import Format, Reader
from facecraft4d.exporters.gltf.reading import read_gltf
from facecraft4d.exporters.gltf.splats import lost_splats
from facecraft4d.exporters.gltf.writing import gltf_files
from facecraft4d.exporters.lam.writing import export_lam, lam_loses
from facecraft4d.exporters.obj import export_obj, obj_loss
from facecraft4d.exporters.rig.writing import export_rig
from facecraft4d.exporters.stills.ply import lost_in_ply, ply_files
from facecraft4d.exporters.stills.ply_reading import read_ply
from facecraft4d.exporters.stills.splat_file import SplatReader
from facecraft4d.exporters.stills.spz import lost_in_spz, spz_files
from facecraft4d.exporters.stills.spz_reading import read_spz
from facecraft4d.exporters.usd.writing import export_usd, usd_loss
from facecraft4d.exporters.vrm.writing import vrm_files, vrm_loses
from facecraft4d.exporters.web import lost_in_web, web_files
from facecraft4d.toolkit.core.checks import UserError

GLTF = Format(
    name="gltf",
    what="the canonical GLB: textured rig, splats and their binding",
    suffixes=(".glb",),
    ending="_export.glb",
    write=gltf_files,
    read=read_gltf,
    loses=lost_splats,
)
PLY = Format(
    name="ply",
    what="splats in one pose, or a file for each frame of a clip",
    suffixes=(".ply",),
    ending=".ply",
    write=ply_files,
    read=None,
    loses=lost_in_ply,
)
SPZ = Format(
    name="spz",
    what="the same, compressed",
    suffixes=(".spz",),
    ending=".spz",
    write=spz_files,
    read=None,
    loses=lost_in_spz,
)
LAM = Format(
    name="lam",
    what="the zip of LAM's web player and OpenAvatarChat",
    suffixes=(".zip",),
    ending="_lam.zip",
    write=lambda avatar, name, options: [(name, export_lam(avatar, options))],
    read=None,
    loses=lambda avatar, options: lam_loses(avatar),
)
USD = Format(
    name="usd",
    what="a .usdz: splats that play clips, and the rig with blend shapes",
    suffixes=(".usdz",),
    ending=".usdz",
    write=lambda avatar, name, options: [(name, export_usd(avatar, options))],
    read=None,
    loses=usd_loss,
)
OBJ = Format(
    name="obj",
    what="the textured mesh for modelling programs",
    suffixes=(".obj",),
    ending=".obj",
    write=export_obj,
    read=None,
    loses=obj_loss,
)
VRM = Format(
    name="vrm",
    what="VRM 1.0 of the textured rig, the splats beside it",
    suffixes=(".vrm",),
    ending=".vrm",
    write=vrm_files,
    read=None,
    loses=vrm_loses,
)
WEB = Format(
    name="web",
    what="a folder with a player for web pages (WebGL2)",
    suffixes=(),
    ending="_web",
    write=lambda avatar, name, options: web_files(avatar, options),
    read=None,
    loses=lost_in_web,
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

FORMATS = (GLTF, PLY, SPZ, LAM, USD, OBJ, VRM, RIG, WEB)

SPLAT_READERS: dict[str, SplatReader] = {".ply": read_ply, ".spz": read_spz}
"""Who reads files of splats without a rig, by suffix."""


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
