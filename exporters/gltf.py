"""avatar.glb, the canonical file: a textured rig that every viewer plays, splats for those who know them, and the exact binding of both.

Every byte is described in docs/asset-format.md. Splats follow KHR_gaussian_splatting, levels of detail MSFT_lod:
https://github.com/KhronosGroup/glTF/tree/main/extensions/2.0/Khronos/KHR_gaussian_splatting
https://github.com/KhronosGroup/glTF/tree/main/extensions/2.0/Vendor/MSFT_lod
"""

from dataclasses import asdict

import numpy as np

from facecraft4d.exporters.glb import MAX_ELEMENTS, GlbWriter, Json
from facecraft4d.exporters.gltf_rig import (
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
from facecraft4d.toolkit.core.asset import Avatar, check_avatar
from facecraft4d.toolkit.core.checks import check_range
from facecraft4d.toolkit.core.datatypes import BoundSplats, Rig, Splats
from facecraft4d.toolkit.core.geometry import SH_C0
from facecraft4d.toolkit.core.pixels import linear_from_srgb
from facecraft4d.toolkit.core.rigging import place_splats

FORMAT_VERSION = 2
"""Of the facecraft4d block; a reader refuses a newer one. Since 2 the rig is textured and shown, and splats have a scene of their own."""

EXTENSION = "KHR_gaussian_splatting"
LOD_EXTENSION = "MSFT_lod"
BINDINGS = tuple(f"_BIND_{i}" for i in range(4))
"""VEC4 floats of each splat: (mean xyz, triangle), (rotation wxyz), (log scales xyz, opacity logit), (colour rgb, 0)."""

MAX_JOINTS = 256
"""What a joint index of one byte reaches."""
RIG, SPLATS = "HeadRig", "HeadSplats"
"""Names of nodes and their meshes; levels of detail are `SPLATS` with a number."""
FIRST_JOINT = 2
"""Node of the first joint; the rig and the splats come before, levels of detail after the joints."""
MAX_LEVELS = 16
WHOLE_COVERAGE = 0.25
"""Share of the screen's area from which on the whole should be shown (MSFT_screencoverage, a hint); levels in proportion to their splats."""


def export_gltf(avatar: Avatar) -> bytes:
    """The avatar as one GLB file; `read_gltf` (gltf_reading.py) gives back every array bit for bit. Raises ValueError for an unsound avatar.

    The two exceptions: negative zeros in expression deltas become zeros, and skin weights are scaled where glTF would refuse them.
    """
    check_avatar(avatar)
    rig = avatar.rig
    for what, count, most in (
        ("splats", len(avatar.splats.means), MAX_ELEMENTS),
        ("triangles", len(rig.triangles), MAX_ELEMENTS),
        ("joints", len(rig.joint_names), MAX_JOINTS),
        ("levels of detail", len(avatar.levels) + 1, MAX_LEVELS),
    ):
        check_range(f"number of {what}", float(count), 1.0, float(most))
    writer = GlbWriter({"extensionsUsed": [EXTENSION, *[LOD_EXTENSION] * bool(avatar.levels)], "scene": 0})
    sets = [(level_name(index), splats) for index, splats in enumerate((avatar.splats, *avatar.levels))]
    surface = surface_of(rig, avatar.texture)
    joints, roots = joint_nodes(rig, FIRST_JOINT), joint_roots(rig, FIRST_JOINT)
    writer.document |= {
        "scenes": [{"name": "Head", "nodes": [0, *roots]}, {"name": "Splats", "nodes": [1]}],
        "nodes": [{"name": RIG, "mesh": 0, "skin": 0}, _splat_node(avatar), *joints, *_level_nodes(avatar)],
        "meshes": [
            rig_mesh(writer, RIG, rig, surface),
            *(_splat_mesh(writer, rig, name, splats) for name, splats in sets),
        ],
        "skins": [rig_skin(writer, rig, FIRST_JOINT)],
    }
    add_material(writer, avatar.texture)
    extras = {"facecraft4d": _block(writer, avatar, surface)}
    writer.document["asset"] = {"version": "2.0", "generator": "facecraft4d", "extras": extras}
    return writer.to_bytes()


def _block(writer: GlbWriter, avatar: Avatar, surface: Surface) -> Json:
    """What glTF has no place for; `gltf_reading` puts it back."""
    rig, shown = avatar.rig, shown_triangles(avatar.rig)
    doubles = surface.sources[len(rig.vertices) :].astype(np.uint32)
    block: Json = {
        "format_version": FORMAT_VERSION,
        "region_names": list(rig.region_names),
        "triangle_regions": writer.accessor(rig.triangle_regions, "SCALAR", target=None),
        "provenance": asdict(avatar.provenance),
    }
    if len(doubles):
        block["doubled_vertices"] = writer.accessor(doubles, "SCALAR", target=None)
    if not shown.all():
        block["eyewear_indices"] = index_accessor(writer, surface, ~shown, None)
    if rig.pose_deltas is not None:
        block["pose_deltas"] = [writer.sparse_accessor(delta, "VEC3", target=None) for delta in rig.pose_deltas]
    if rig.joint_deltas is not None and rig.expression_names:
        block["joint_deltas"] = writer.accessor(rig.joint_deltas.reshape(-1, 3), "VEC3", target=None)
    return block


def level_name(level: int) -> str:
    """Of the node and mesh of a level of detail, 0 for the whole."""
    return f"{SPLATS}_{level}" if level else SPLATS


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


def _splat_mesh(writer: GlbWriter, rig: Rig, name: str, splats: BoundSplats) -> Json:
    """Splats at rest in the world for everyone, and their binding for those who move them."""
    world = place_splats(splats, rig.vertices, rig)
    attributes = {
        "POSITION": writer.accessor(world.means, "VEC3", bounds=True),
        "COLOR_0": writer.accessor(_point_colors(world), "VEC4", normalized=True),
        f"{EXTENSION}:ROTATION": writer.accessor(np.roll(world.rotations_wxyz, -1, 1), "VEC4"),
        f"{EXTENSION}:SCALE": writer.accessor(world.scales, "VEC3"),
        f"{EXTENSION}:OPACITY": writer.accessor(world.opacities, "SCALAR"),
        f"{EXTENSION}:SH_DEGREE_0_COEF_0": writer.accessor(((world.colors - 0.5) / SH_C0).astype(np.float32), "VEC3"),
    }
    attributes |= {key: writer.accessor(rows, "VEC4") for key, rows in zip(BINDINGS, _bindings(splats), strict=True)}
    extension = {EXTENSION: {"kernel": "ellipse", "colorSpace": "srgb_rec709_display"}}
    return {"name": name, "primitives": [{"attributes": attributes, "mode": 0, "extensions": extension}]}


def _point_colors(world: Splats) -> np.ndarray:
    """COLOR_0 [n, 4] as normalised uint16: linear light and opacity, for viewers that draw points."""
    linear = linear_from_srgb(np.clip(world.colors, 0, 1))
    return np.round(np.column_stack([linear, world.opacities]) * 65535).astype(np.uint16)


def _bindings(splats: BoundSplats) -> tuple[np.ndarray, ...]:
    """The four arrays [n, 4] of `BINDINGS`."""
    return (
        np.column_stack([splats.means, splats.triangles.astype(np.float32)]),
        splats.rotations_wxyz,
        np.column_stack([splats.log_scales, splats.opacity_logits]),
        np.column_stack([splats.colors, np.zeros(len(splats.colors), np.float32)]),
    )
