"""facecraft4d export: one avatar, for every engine."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from facecraft4d import exporters
from facecraft4d.cli_common import check_option, complain, load_avatar, parse, readable_bytes, say
from facecraft4d.cli_expressions import expression_weights
from facecraft4d.cli_progress import shown_progress
from facecraft4d.exporters import FORMATS, ExportOptions, Format, format_of
from facecraft4d.exporters.motions import find_motion
from facecraft4d.exporters.options import (
    CREATOR,
    TITLE,
    FlameMesh,
    GltfOptions,
    ObjOptions,
    PlyOptions,
    Purpose,
    RigOptions,
    SpzOptions,
    UsdOptions,
)
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.rigging import pose_from_weights

LISTED = 6
"""So many files are named one by one when they are written."""


@dataclass(frozen=True, slots=True)
class GltfChoice(GltfOptions):
    """GLB (gltf)."""

    purpose: Annotated[Purpose, tyro.conf.arg(name="for")] = Purpose.ALL
    """all: splats at rest and their binding; engine: without the binding, facecraft4d cannot read it back; player: without the splats at rest."""


@dataclass(frozen=True)
class ExportCommand:
    """Write an avatar for an engine, a viewer or a modelling program.

    examples:
      facecraft4d export my_head/avatar.glb --out head.spz
      facecraft4d export my_head/avatar.glb --to ply --to obj --to web --out exports
      facecraft4d export my_head/avatar.glb --to gltf --clip face_cap --character khr --out head.glb
      facecraft4d export my_head/avatar.glb --to ply --clip visemes --out frames
      facecraft4d export my_head/avatar.glb --to vrm --creator "Ada Lovelace" --title Ada

    formats:
    FORMATS
    """

    avatar: Annotated[Path, tyro.conf.Positional]
    """An avatar.glb."""
    to: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """A format's name; may be given several times. Default: what the suffix of --out says."""
    out: Path | None = None
    """The file (or, for rig and web, the folder) to write; where there are several formats, or no such suffix, the folder to write into.
    Default: beside the avatar, named after it."""
    expression: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """NAME=VALUE, for instance jawOpen=0.8, for formats without a rig; may be given several times."""
    clip: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """A clip to put into the file: one that comes with the package, or the path of a CSV file; may be given several times."""
    splats: int | None = None
    """Write at most so many splats: a level of detail; default: all."""
    title: str = TITLE
    """The avatar's name, for the file's record of its origin."""
    creator: str = CREATOR
    """Who made it, for the same record."""
    flame: Path | None = None
    """The FLAME file that the avatar was built on, for --ply-form gaussian-avatars."""
    gltf: Annotated[GltfChoice, tyro.conf.arg(name="")] = field(default_factory=GltfChoice)
    ply: Annotated[PlyOptions, tyro.conf.arg(name="")] = field(default_factory=PlyOptions)
    spz: Annotated[SpzOptions, tyro.conf.arg(name="")] = field(default_factory=SpzOptions)
    usd: Annotated[UsdOptions, tyro.conf.arg(name="")] = field(default_factory=UsdOptions)
    obj: Annotated[ObjOptions, tyro.conf.arg(name="")] = field(default_factory=ObjOptions)
    rig: Annotated[RigOptions, tyro.conf.arg(name="")] = field(default_factory=RigOptions)


ExportCommand.__doc__ = (ExportCommand.__doc__ or "").replace(
    "    FORMATS", "\n".join(f"      {each.name:5}{each.what}" for each in FORMATS)
)


def main(arguments: list[str]) -> int:
    """Run the command."""
    command = parse(ExportCommand, "export", arguments)
    targets = export_targets(command.avatar, command.to, command.out)
    options = export_options(command)
    avatar = load_avatar(command.avatar, command.splats)
    pose_from_weights(
        avatar.rig, dict(options.expressions)
    )  # refuses names that it lacks, also where a format has no use for them
    for chosen, path in targets:
        if lost := chosen.loses(avatar, options):
            complain(f"{chosen.name}: {lost}")
        with shown_progress() as report:
            written = exporters.export(avatar, path, chosen.name, options, report)
        for each in written[:LISTED]:
            say(f"{each}  {readable_bytes(each.stat().st_size)}")
        if len(written) > LISTED:
            say(f"... {len(written)} files, {readable_bytes(sum(each.stat().st_size for each in written))} in all")
    return 0


def export_options(command: ExportCommand) -> ExportOptions:
    """The exporters' options; UserError for values out of range."""
    check_option("spz-version", command.spz.spz_version, 3, 4)
    check_option("spz-bits", command.spz.spz_bits, 12, 20)
    return ExportOptions(
        expressions=expression_weights(command.expression),
        clips=tuple(find_motion(name) for name in command.clip),
        title=command.title,
        creator=command.creator,
        flame=None if command.flame is None else _flame_mesh(command.flame),
        gltf=command.gltf,
        ply=command.ply,
        spz=command.spz,
        usd=command.usd,
        obj=command.obj,
        rig=command.rig,
    )


def _flame_mesh(path: Path) -> FlameMesh:
    """What a FLAME file holds of its mesh. UserError for any other file."""
    from facecraft4d.toolkit.face_model.flame_files import SHAPE_COUNT, read_model  # slow to import, and seldom needed

    arrays = read_model(path)
    directions = np.ascontiguousarray(np.moveaxis(arrays["shapedirs"], 2, 0))
    triangles = arrays["f"].astype(np.int32)
    return FlameMesh(
        arrays["v_template"], triangles, directions[:SHAPE_COUNT], directions[SHAPE_COUNT:], arrays["J_regressor"]
    )


def export_targets(avatar: Path, to: tuple[str, ...], out: Path | None) -> list[tuple[Format, Path]]:
    """Each format and its file or folder. UserError where none is named, or the avatar itself would be replaced."""
    if not to and out is None:
        raise UserError(f"say what to write: --to {'|'.join(each.name for each in FORMATS)}, or --out with a suffix")
    names = dict.fromkeys(part for each in to for part in each.split(","))
    chosen = [format_of(out or avatar, name) for name in names] if names else [format_of(out or avatar)]
    if len(chosen) == 1 and out is not None and (not chosen[0].suffixes or out.suffix.lower() in chosen[0].suffixes):
        targets = [(chosen[0], out)]
    else:
        folder = avatar.parent if out is None else out
        targets = [(each, folder / f"{avatar.stem}{each.ending}") for each in chosen]
    for _, path in targets:
        if path.resolve() == avatar.resolve():
            raise UserError(f"{path}: is the avatar itself; choose another --out")
    return targets
