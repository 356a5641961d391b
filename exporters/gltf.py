"""avatar.glb, the canonical file: a rig mesh that engines play and splats that they show, with the exact binding beside them.

Every byte is described in docs/asset-format.md. Splats follow KHR_gaussian_splatting, levels of detail MSFT_lod:
https://github.com/KhronosGroup/glTF/tree/main/extensions/2.0/Khronos/KHR_gaussian_splatting
https://github.com/KhronosGroup/glTF/tree/main/extensions/2.0/Vendor/MSFT_lod
"""

from dataclasses import asdict

import numpy as np

from facecraft4d.exporters.glb import ELEMENT_ARRAY_BUFFER, MAX_ELEMENTS, GlbWriter, Json
from facecraft4d.toolkit.core.asset import Avatar, check_avatar
from facecraft4d.toolkit.core.checks import check_range
from facecraft4d.toolkit.core.datatypes import BoundSplats, Rig, Splats
from facecraft4d.toolkit.core.geometry import SH_C0, vertex_normals
from facecraft4d.toolkit.core.rigging import carry_splats

FORMAT_VERSION = 1
"""Of the facecraft4d block; a reader refuses a newer one."""

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
    writer.document |= {
        "scenes": [{"name": "Head", "nodes": [0, 1, *_roots(rig)]}],
        "nodes": [{"name": RIG, "mesh": 0, "skin": 0}, _splat_node(avatar), *_joints(rig), *_level_nodes(avatar)],
        "meshes": [_rig_mesh(writer, rig), *(_splat_mesh(writer, rig, name, splats) for name, splats in sets)],
        "materials": [_hidden_material()],
        "skins": [_skin(writer, rig)],
    }
    block = {
        "format_version": FORMAT_VERSION,
        "region_names": list(rig.region_names),
        "triangle_regions": writer.accessor(rig.triangle_regions, "SCALAR", target=None),
        "provenance": asdict(avatar.provenance),
    }
    writer.document["asset"] = {"version": "2.0", "generator": "facecraft4d", "extras": {"facecraft4d": block}}
    return writer.to_bytes()


def _rig_mesh(writer: GlbWriter, rig: Rig) -> Json:
    attributes = {
        "POSITION": writer.accessor(rig.vertices, "VEC3", bounds=True),
        "NORMAL": writer.accessor(_vertex_normals(rig), "VEC3"),
    }
    for group, (joints, weights) in enumerate(_influences(_unit_sums(rig.skin_weights))):
        attributes[f"JOINTS_{group}"] = writer.accessor(joints, "VEC4")
        attributes[f"WEIGHTS_{group}"] = writer.accessor(weights, "VEC4")
    index_type = np.uint16 if len(rig.vertices) < 1 << 16 else np.uint32
    primitive: Json = {
        "attributes": attributes,
        "indices": writer.accessor(rig.triangles.astype(index_type).ravel(), "SCALAR", ELEMENT_ARRAY_BUFFER),
        "material": 0,
        "mode": 4,
    }
    mesh: Json = {"name": RIG, "primitives": [primitive], "extras": {"targetNames": list(rig.expression_names)}}
    if rig.expression_names:
        primitive["targets"] = [{"POSITION": writer.sparse_accessor(delta, "VEC3")} for delta in rig.expression_deltas]
        mesh["weights"] = [0.0] * len(rig.expression_names)
    return mesh


def _hidden_material() -> Json:
    """Engines that play the rig draw nothing of it, so that it does not cover the splats."""
    colour = {"baseColorFactor": [1.0, 1.0, 1.0, 0.0]}
    return {"name": "Hidden", "pbrMetallicRoughness": colour, "alphaMode": "MASK", "alphaCutoff": 0.5}


def _vertex_normals(rig: Rig) -> np.ndarray:
    """Unit normals [v, 3]; +Y where there is no area, since glTF refuses zeros."""
    unit = vertex_normals(rig.vertices, rig.triangles)
    unit[np.linalg.norm(unit, axis=1) < 0.5] = (0.0, 1.0, 0.0)
    return unit


def _unit_sums(skin_weights: np.ndarray) -> np.ndarray:
    """The weights, but rows whose sum strays from 1 by more than glTF allows (2e-7 for each influence) are scaled."""
    sums = skin_weights.sum(1, keepdims=True, dtype=np.float64)
    stray = np.abs(sums - 1) > 2e-7 * np.count_nonzero(skin_weights, axis=1, keepdims=True)
    return np.where(stray, skin_weights / sums, skin_weights).astype(np.float32)


def _influences(skin_weights: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Joints uint8 [v, 4] and weights [v, 4] of each group of four influences, by joint; unused ones are joint 0, weight 0."""
    order = np.argsort(skin_weights == 0, axis=1, kind="stable")
    weights = np.take_along_axis(skin_weights, order, 1)
    groups = max(1, -(-int((skin_weights != 0).sum(1).max()) // 4))
    padding = ((0, 0), (0, max(0, 4 * groups - weights.shape[1])))
    joints = np.pad(np.where(weights == 0, 0, order).astype(np.uint8), padding)
    weights = np.pad(weights, padding)
    return [(joints[:, 4 * g : 4 * g + 4], weights[:, 4 * g : 4 * g + 4]) for g in range(groups)]


def _roots(rig: Rig) -> list[int]:
    return [FIRST_JOINT + joint for joint, parent in enumerate(rig.joint_parents) if parent < 0]


def _joints(rig: Rig) -> list[Json]:
    """A node for each joint, placed relative to its parent."""
    positions = rig.joint_positions.astype(np.float64)
    nodes: list[Json] = []
    for joint, (name, parent) in enumerate(zip(rig.joint_names, rig.joint_parents, strict=True)):
        origin = positions[parent] if parent >= 0 else np.zeros(3)
        nodes.append({"name": name, "translation": (positions[joint] - origin).tolist()})
        if parent >= 0:
            nodes[parent].setdefault("children", []).append(FIRST_JOINT + joint)
    return nodes


def _skin(writer: GlbWriter, rig: Rig) -> Json:
    """Inverse bind matrices are pure translations: they hold the joints' positions exactly."""
    matrices = np.tile(np.eye(4, dtype=np.float32), (len(rig.joint_names), 1, 1))
    matrices[:, 3, :3] = -rig.joint_positions
    accessor = writer.accessor(matrices.reshape(-1, 16), "MAT4", target=None)
    return {
        "name": "Head",
        "joints": [FIRST_JOINT + j for j in range(len(rig.joint_names))],
        "inverseBindMatrices": accessor,
    }


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
    world = carry_splats(splats, rig.vertices, rig)
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
    display = np.clip(world.colors.astype(np.float64), 0, 1)
    linear = np.where(display <= 0.04045, display / 12.92, ((display + 0.055) / 1.055) ** 2.4)
    return np.round(np.column_stack([linear, world.opacities]) * 65535).astype(np.uint16)


def _bindings(splats: BoundSplats) -> tuple[np.ndarray, ...]:
    """The four arrays [n, 4] of `BINDINGS`."""
    return (
        np.column_stack([splats.means, splats.triangles.astype(np.float32)]),
        splats.rotations_wxyz,
        np.column_stack([splats.log_scales, splats.opacity_logits]),
        np.column_stack([splats.colors, np.zeros(len(splats.colors), np.float32)]),
    )
