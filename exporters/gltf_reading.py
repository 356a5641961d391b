"""avatar.glb read back, in format 2 or 1: hostile until checked, then every array as `export_gltf` was given it."""

from typing import Any

import numpy as np

from facecraft4d.exporters.glb import FLOAT, MAX_ELEMENTS, UBYTE, UINT, USHORT, GlbReader, Json
from facecraft4d.exporters.gltf import (
    FORMAT_VERSION,
    LOD_EXTENSION,
    MAX_JOINTS,
    MAX_LEVELS,
    RIG,
    SPLATS,
    level_name,
)
from facecraft4d.exporters.gltf_splats import BINDINGS
from facecraft4d.exporters.pictures import decode_picture
from facecraft4d.toolkit.core.asset import EYEWEAR, Avatar, Texture, check_avatar, provenance_from_json
from facecraft4d.toolkit.core.checks import check_range
from facecraft4d.toolkit.core.datatypes import BoundSplats, Rig
from facecraft4d.toolkit.core.untrusted.door import at_the_border

MAX_EXPRESSIONS = 1024
"""Sets of displacements of either kind: FLAME has 100 expressions and 36 correctives."""


def read_gltf(data: bytes, name: str) -> Avatar:
    """The avatar in a file that `export_gltf` wrote; `name` stands in the messages. Raises UserError for any other file."""
    reader = GlbReader(data, name)
    block = _block(reader)
    with at_the_border(name, "a sound avatar"):
        rig, texture = _read_rig(reader, block)
        splats, *levels = (_read_splats(reader, name) for name in _set_names(reader))
        avatar = Avatar(rig, splats, provenance_from_json(block["provenance"]), tuple(levels), texture)
        check_avatar(avatar)
    return avatar


def _set_names(reader: GlbReader) -> list[str]:
    """Meshes of the whole and of the levels, in order."""
    wholes = [node for node in reader.document["nodes"] if node.get("name") == SPLATS]
    levels = [level for node in wholes for level in node.get("extensions", {}).get(LOD_EXTENSION, {}).get("ids", [])]
    check_range("number of levels of detail", float(len(levels) + 1), 1.0, float(MAX_LEVELS))
    return [level_name(level) for level in range(len(levels) + 1)]


def _block(reader: GlbReader) -> Json:
    """The facecraft4d block, its version checked."""
    try:
        block = reader.document["asset"]["extras"]["facecraft4d"]
        version = block["format_version"]
    except (KeyError, TypeError):  # also where one of them is no object
        raise reader.fail("a glTF file, but not an avatar that facecraft4d wrote") from None
    if type(version) is not int or not 1 <= version <= FORMAT_VERSION:
        raise reader.fail(
            f"expected avatar format 1 to {FORMAT_VERSION}, found {version!r}; a newer facecraft4d may read it"
        )
    return dict(block)


def _primitive(reader: GlbReader, mesh: str) -> tuple[Json, Json]:
    """The mesh of that name and its first primitive."""
    found = next((m for m in reader.document["meshes"] if m["name"] == mesh), None)
    if found is None:
        raise reader.fail(f"has no mesh {mesh}")
    return found, found["primitives"][0]


def _read_rig(reader: GlbReader, block: Json) -> tuple[Rig, Texture | None]:
    mesh, primitive = _primitive(reader, RIG)
    attributes = primitive["attributes"]
    positions = reader.array(attributes["POSITION"], "VEC3", (FLOAT,))
    sources = _read_sources(reader, block, len(positions))
    regions = reader.array(block["triangle_regions"], "SCALAR", (UBYTE,))
    names, parents, joint_positions = _read_joints(reader)
    count = int(sources.max()) + 1
    corners = _read_corners(reader, block, primitive, regions)
    targets = [target["POSITION"] for target in primitive.get("targets", [])]
    rig = Rig(
        vertices=positions[:count],
        triangles=sources[corners].astype(np.int32),
        triangle_regions=regions,
        region_names=_names(block["region_names"]),
        expression_names=_names(mesh["extras"]["targetNames"]),
        expression_deltas=np.ascontiguousarray(_read_deltas(reader, targets, len(positions))[:, :count]),
        joint_names=names,
        joint_parents=parents,
        joint_positions=joint_positions,
        skin_weights=_read_skin_weights(reader, attributes, (len(positions), len(names)))[:count],
        pose_deltas=_read_deltas(reader, block["pose_deltas"], count) if "pose_deltas" in block else None,
        joint_deltas=_read_joint_deltas(reader, block, len(mesh["extras"]["targetNames"]), len(names)),
    )
    return rig, _read_texture(reader, primitive, corners)


def _read_sources(reader: GlbReader, block: Json, count: int) -> np.ndarray:
    """Rig vertex of each of the mesh's `count` vertices: the rig's own come first, then doubles at seams of the texture."""
    doubles = np.zeros(0, np.int64)
    if "doubled_vertices" in block:
        doubles = reader.array(block["doubled_vertices"], "SCALAR", (UINT,)).astype(np.int64)
    own = count - len(doubles)
    if own < 1 or (len(doubles) and doubles.max() >= own):
        raise reader.fail("a doubled vertex stands for one that the rig does not have")
    return np.concatenate([np.arange(own), doubles])


def _read_corners(reader: GlbReader, block: Json, primitive: Json, regions: np.ndarray) -> np.ndarray:
    """The mesh's vertices of each of the rig's triangles, those that are not shown put back into their places."""
    shown = reader.array(primitive["indices"], "SCALAR", (USHORT, UINT)).astype(np.int64).reshape(-1, 3)
    if "eyewear_indices" not in block:
        return shown
    hidden = reader.array(block["eyewear_indices"], "SCALAR", (USHORT, UINT)).astype(np.int64).reshape(-1, 3)
    is_hidden = regions == block["region_names"].index(EYEWEAR)
    corners = np.empty((len(regions), 3), np.int64)
    corners[is_hidden], corners[~is_hidden] = hidden, shown
    return corners


def _read_texture(reader: GlbReader, primitive: Json, corners: np.ndarray) -> Texture | None:
    """The picture of the mesh's material, as glTF names it; None where the mesh has no texture coordinates (format 1)."""
    if "TEXCOORD_0" not in primitive["attributes"]:
        return None
    uvs = reader.array(primitive["attributes"]["TEXCOORD_0"], "VEC2", (FLOAT,))
    material = reader.item("materials", primitive["material"])
    texture = reader.item("textures", material["pbrMetallicRoughness"]["baseColorTexture"]["index"])
    image = reader.item("images", texture["source"])
    return Texture(uvs[corners], decode_picture(reader.view_bytes(image["bufferView"]), reader.budget))


def _read_deltas(reader: GlbReader, accessors: list[Any], vertices: int) -> np.ndarray:
    """Displacements [n, v, 3], one accessor for each set."""
    check_range("number of sets of displacements", float(len(accessors)), 0.0, float(MAX_EXPRESSIONS))
    reader.budget.spend_array((len(accessors), vertices, 3), np.float32, "displacements")
    deltas = np.zeros((len(accessors), vertices, 3), np.float32)
    for index, accessor in enumerate(accessors):
        deltas[index] = reader.array(accessor, "VEC3", (FLOAT,), vertices)
    return deltas


def _read_joint_deltas(reader: GlbReader, block: Json, expressions: int, joints: int) -> np.ndarray | None:
    """How far each expression moves each joint [k, j, 3]."""
    if "joint_deltas" not in block:
        return None
    return reader.array(block["joint_deltas"], "VEC3", (FLOAT,), expressions * joints).reshape(expressions, joints, 3)


def _read_joints(reader: GlbReader) -> tuple[tuple[str, ...], tuple[int, ...], np.ndarray]:
    """Names, parents and positions of the skin's joints."""
    skin = reader.item("skins", 0)
    joints = skin["joints"]
    check_range("number of joints", float(len(joints)), 1.0, float(MAX_JOINTS))
    if len(set(joints)) < len(joints):
        raise reader.fail("its skin names a joint twice")
    nodes = [reader.item("nodes", joint) for joint in joints]
    parents = [-1] * len(joints)
    for parent, node in enumerate(nodes):
        for child in set(node.get("children", [])) & set(joints):
            parents[joints.index(child)] = parent
    matrices = reader.array(skin["inverseBindMatrices"], "MAT4", (FLOAT,), len(joints))
    return _names([node["name"] for node in nodes]), tuple(parents), -matrices[:, 12:15]


def _read_skin_weights(reader: GlbReader, attributes: Json, shape: tuple[int, int]) -> np.ndarray:
    reader.budget.spend_array(shape, np.float32, "skin weights")
    weights = np.zeros(shape, np.float32)
    for group in range(sum(key.startswith("JOINTS_") for key in attributes)):
        joints = reader.array(attributes[f"JOINTS_{group}"], "VEC4", (UBYTE,), shape[0])
        values = reader.array(attributes[f"WEIGHTS_{group}"], "VEC4", (FLOAT,), shape[0])
        np.add.at(weights, (np.arange(shape[0])[:, None], joints), values)
    return weights


def _read_splats(reader: GlbReader, mesh: str) -> BoundSplats:
    attributes = _primitive(reader, mesh)[1]["attributes"]
    count = reader.item("accessors", attributes[BINDINGS[0]]).get("count")
    mean, rotation, scale, color = (reader.array(attributes[key], "VEC4", (FLOAT,), count) for key in BINDINGS)
    if not ((mean[:, 3] >= 0) & (mean[:, 3] < MAX_ELEMENTS) & (mean[:, 3] % 1 == 0)).all():
        raise reader.fail("a splat's triangle is not a whole number")
    return BoundSplats(
        means=mean[:, :3].copy(),
        rotations_wxyz=rotation,
        log_scales=scale[:, :3].copy(),
        opacity_logits=scale[:, 3].copy(),
        colors=color[:, :3].copy(),
        triangles=mean[:, 3].astype(np.int32),
    )


def _names(names: Any) -> tuple[str, ...]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"names must be a list of strings, got {str(names)[:80]}")
    return tuple(names)
