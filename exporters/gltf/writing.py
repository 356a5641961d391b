"""avatar.glb, the canonical file: a textured rig that every viewer plays, splats for those who know them, and the exact binding of both.

Every byte is described in docs/asset-format.md. Levels of detail follow MSFT_lod:
https://github.com/KhronosGroup/glTF/tree/main/extensions/2.0/Vendor/MSFT_lod
"""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import PurePath

import numpy as np

from facecraft4d.exporters.format import File
from facecraft4d.exporters.gltf.animation import animations_of
from facecraft4d.exporters.gltf.character import add_character
from facecraft4d.exporters.gltf.glb import MAX_ELEMENTS, GlbWriter, Json
from facecraft4d.exporters.gltf.rig import (
    Surface,
    add_material,
    index_accessor,
    joint_nodes,
    joint_roots,
    rig_mesh,
    rig_skin,
    shown_triangles,
    surface_of,
)
from facecraft4d.exporters.gltf.splats import EXTENSION, check_splat_options, splat_mesh
from facecraft4d.exporters.gltf.xmp import add_rights
from facecraft4d.exporters.options import Character, ExportOptions, LevelFiles, Purpose
from facecraft4d.exporters.rights import rights_of
from facecraft4d.toolkit.core.asset import Avatar, check_avatar
from facecraft4d.toolkit.core.checks import check_range
from facecraft4d.toolkit.core.datatypes import Rig
from facecraft4d.toolkit.core.motion import GREETING, builtin_clip

FORMAT_VERSION = 2
"""Of the facecraft4d block; a reader refuses a newer one. Since 2 the rig is textured and shown, and splats have a scene of their own."""

BLOCK = "facecraft4d"
"""Key of the block in the extras of the asset and of the node `RIG`, and what names of its accessors begin with."""
TRIANGLES_STAMP = "triangles_sha256"
"""Key of `triangles_stamp` in the block; files that have it name their accessors."""
LOD_EXTENSION = "MSFT_lod"
MAX_JOINTS = 256
"""What a joint index of one byte reaches."""
RIG, SPLATS = "HeadRig", "HeadSplats"
"""Names of nodes and their meshes; levels of detail are `SPLATS` with a number."""
FIRST_JOINT = 2
"""Node of the first joint; the rig and the splats come before, levels of detail after the joints."""
MAX_LEVELS = 16
WHOLE_COVERAGE = 0.25
"""Share of the screen's area from which on the whole should be shown (MSFT_screencoverage, a hint); levels in proportion to their splats."""


def gltf_files(avatar: Avatar, name: str, options: ExportOptions) -> Iterator[File]:
    """The file, and beside it one for each level of detail where the options ask for files: name_1.glb, ..."""
    if options.gltf.levels is LevelFiles.CHAIN:
        yield name, export_gltf(avatar, options)
        return
    path = PurePath(name)
    for index, splats in enumerate((avatar.splats, *avatar.levels)):
        level = path.with_stem(f"{path.stem}_{index}") if index else path
        yield str(level), export_gltf(replace(avatar, splats=splats, levels=()), options)


def export_gltf(avatar: Avatar, options: ExportOptions = ExportOptions()) -> bytes:  # noqa: B008  (frozen)
    """The avatar as one GLB file; `read_gltf` (reading.py) gives back every array bit for bit. Raises ValueError for an unsound
    avatar, UserError for options that exclude each other.

    The two exceptions: negative zeros in expression deltas become zeros, and skin weights are scaled where glTF would refuse them.
    """
    _check(avatar, options)
    rig = avatar.rig
    with_bases = options.gltf.purpose is Purpose.ENGINE  # Godot 3 leaves its memory as it was under a sparse accessor
    writer = GlbWriter({"extensionsUsed": _extensions(avatar, options), "scene": 0}, with_bases)
    sets = [(level_name(index), splats) for index, splats in enumerate((avatar.splats, *avatar.levels))]
    surface = surface_of(rig, avatar.texture)
    roots = joint_roots(rig, FIRST_JOINT)
    nodes = [_rig_node(roots, options), _splat_node(avatar), *joint_nodes(rig, FIRST_JOINT), *_level_nodes(avatar)]
    writer.document |= {
        "scenes": [{"name": "Head", "nodes": [0, *roots]}, {"name": "Splats", "nodes": [1]}],
        "nodes": nodes,
        "meshes": [
            rig_mesh(writer, RIG, rig, surface),
            *(splat_mesh(writer, rig, name, splats, options.gltf) for name, splats in sets),
        ],
        "skins": [rig_skin(writer, rig, FIRST_JOINT)],
    }
    if "children" in nodes[0]:
        writer.document["scenes"][0]["nodes"] = [0]
    add_material(writer, avatar.texture)
    extras = {BLOCK: _block(writer, avatar, surface, options.gltf.purpose)}
    nodes[0]["extras"] = extras  # once more, since some tools drop the asset's
    writer.document["asset"] = {"version": "2.0", "generator": "facecraft4d", "extras": extras}
    _add_meaning(writer, avatar, options)
    return writer.to_bytes()


def _check(avatar: Avatar, options: ExportOptions) -> None:
    """ValueError for an avatar that is unsound or larger than a file may be, UserError for options that exclude each other."""
    check_splat_options(options.gltf)
    check_avatar(avatar)
    for what, count, most in (
        ("splats", len(avatar.splats.means), MAX_ELEMENTS),
        ("triangles", len(avatar.rig.triangles), MAX_ELEMENTS),
        ("joints", len(avatar.rig.joint_names), MAX_JOINTS),
        ("levels of detail", len(avatar.levels) + 1, MAX_LEVELS),
    ):
        check_range(f"number of {what}", float(count), 1.0, float(most))


def _extensions(avatar: Avatar, options: ExportOptions) -> list[str]:
    """What splats and levels use; other modules add theirs."""
    return [EXTENSION] * (options.gltf.purpose is not Purpose.PLAYER) + [LOD_EXTENSION] * bool(avatar.levels)


def _add_meaning(writer: GlbWriter, avatar: Avatar, options: ExportOptions) -> None:
    """Clips, rights and what the names mean."""
    rig = avatar.rig
    first_level = FIRST_JOINT + len(rig.joint_names)
    splat_nodes = [1, *range(first_level, first_level + len(avatar.levels))]
    morphed = [0, *splat_nodes] if options.gltf.splat_morphs else [0]
    clips = options.clips or (builtin_clip(GREETING),)
    if animations := animations_of(writer, rig, clips, morphed, FIRST_JOINT):
        writer.document["animations"] = animations
    add_rights(writer.document, rights_of(avatar.provenance, options))
    if options.gltf.character is Character.KHR:
        add_character(writer, rig, 0, morphed, FIRST_JOINT)


def _block(writer: GlbWriter, avatar: Avatar, surface: Surface, purpose: Purpose) -> Json:
    """What glTF has no place for; `reading.py` puts it back."""
    rig, shown = avatar.rig, shown_triangles(avatar.rig)
    doubles = surface.sources[len(rig.vertices) :].astype(np.uint32)
    accessors: dict[str, int | list[int]] = {
        "triangle_regions": writer.accessor(rig.triangle_regions, "SCALAR", target=None)
    }
    if len(doubles):
        accessors["doubled_vertices"] = writer.accessor(doubles, "SCALAR", target=None)
    if not shown.all():
        accessors["eyewear_indices"] = index_accessor(writer, surface, ~shown, None)
    if rig.pose_deltas is not None:
        accessors["pose_deltas"] = [writer.sparse_accessor(delta, "VEC3", target=None) for delta in rig.pose_deltas]
    if rig.joint_deltas is not None and rig.expression_names:
        accessors["joint_deltas"] = writer.accessor(rig.joint_deltas.reshape(-1, 3), "VEC3", target=None)
    for key, found in accessors.items():
        for index, accessor in enumerate(found if isinstance(found, list) else [found]):
            writer.name(accessor, accessor_name(key, index))
    return {
        "format_version": FORMAT_VERSION,
        **({} if purpose is Purpose.ALL else {"purpose": str(purpose)}),
        TRIANGLES_STAMP: triangles_stamp(rig),
        "region_names": list(rig.region_names),
        **accessors,
        "provenance": asdict(avatar.provenance),
    }


def triangles_stamp(rig: Rig) -> str:
    """SHA-256 of the rig's triangles [f, 3] as int32: splats sit on them by number."""
    return hashlib.sha256(rig.triangles.astype("<i4").tobytes()).hexdigest()


def accessor_name(key: str, index: int = 0) -> str:
    """Of an accessor that the block has under that key; the first of several has no number."""
    return f"{BLOCK}:{key}_{index}" if index else f"{BLOCK}:{key}"


def level_name(level: int) -> str:
    """Of the node and mesh of a level of detail, 0 for the whole."""
    return f"{SPLATS}_{level}" if level else SPLATS


def _rig_node(roots: list[int], options: ExportOptions) -> Json:
    """The rig's mesh; of a character it stands above the joints, whose parent moves the mesh that hangs on them."""
    children = {"children": roots} if options.gltf.character is Character.KHR else {}
    return {"name": RIG, "mesh": 0, "skin": 0, **children}


def _splat_node(avatar: Avatar) -> Json:
    """The whole, with its levels of detail as MSFT_lod lists them: who does not know the extension shows the whole."""
    node: Json = {"name": SPLATS, "mesh": 1}
    if avatar.levels:
        first = FIRST_JOINT + len(avatar.rig.joint_names)
        shares = [len(level.means) / len(avatar.splats.means) for level in avatar.levels]
        node["extensions"] = {LOD_EXTENSION: {"ids": list(range(first, first + len(avatar.levels)))}}
        node["extras"] = {
            "MSFT_screencoverage": [round(WHOLE_COVERAGE * share, 4) for share in (1, *shares[:-1])] + [0.0]
        }
    return node


def _level_nodes(avatar: Avatar) -> list[Json]:
    """Nodes of the levels, outside the scene."""
    return [{"name": level_name(level), "mesh": 1 + level} for level in range(1, len(avatar.levels) + 1)]
