"""The rig of an avatar.glb read back: mesh, picture, expressions, joints; hostile until checked."""

from typing import Any

import numpy as np

from facecraft4d.exporters.gltf.glb import BYTE, FLOAT, SHORT, UBYTE, UINT, USHORT, GlbReader, Json
from facecraft4d.exporters.gltf.pictures import decode_picture
from facecraft4d.exporters.gltf.writing import MAX_JOINTS, RIG, TRIANGLES_STAMP, accessor_name, triangles_stamp
from facecraft4d.toolkit.core.asset import EYEWEAR, SKIN_WEIGHT_TOLERANCE, Texture
from facecraft4d.toolkit.core.checks import check_range
from facecraft4d.toolkit.core.datatypes import Rig

ACCESSORS = ("triangle_regions", "doubled_vertices", "eyewear_indices", "joint_deltas")
"""Keys of the block that hold an accessor each."""
QUANTISED_SUMS = 0.02
"""How far skin weights of eight bits may sum from 1: half a step for each of eight influences, rounded up."""
MAX_EXPRESSIONS = 1024
"""Sets of displacements of either kind: FLAME has 100 expressions and 36 correctives."""


def first_primitive(reader: GlbReader, mesh: str) -> tuple[Json, Json]:
    """The mesh of that name and its first primitive."""
    found = next((m for m in reader.document["meshes"] if m.get("name") == mesh), None)
    if found is None:
        raise reader.fail(f"has no mesh {mesh}: a tool renamed it, or dropped it as no part of the default scene")
    return found, found["primitives"][0]


def exact_array(reader: GlbReader, index: Any, kind: str, what: str, count: int | None = None) -> np.ndarray:
    """An accessor of floats; where a tool made whole numbers of them, the message says so."""
    code = reader.item("accessors", index).get("componentType")
    if code in (BYTE, UBYTE, SHORT, USHORT):
        raise reader.fail(
            f"a tool quantised its {what}, which must be exact for the splats; use the file from before that step"
        )
    return reader.array(index, kind, (FLOAT,), count)


def read_rig(reader: GlbReader, block: Json) -> tuple[Rig, Texture | None]:
    """The rig and the picture on it, of a file with that facecraft4d block. UserError, or what at_the_border turns into one."""
    block = _located(reader, block)
    mesh, primitive = first_primitive(reader, RIG)
    attributes = primitive["attributes"]
    positions = exact_array(reader, attributes["POSITION"], "VEC3", "vertices")
    sources = _read_sources(reader, block, len(positions))
    regions = reader.array(block["triangle_regions"], "SCALAR", (UBYTE,))
    names, parents, joint_positions = _read_joints(reader)
    count = int(sources.max()) + 1
    corners = _read_corners(reader, block, primitive, regions)
    targets = [target["POSITION"] for target in primitive.get("targets", [])]
    expressions = _expression_names(reader, mesh) if targets else ()
    rig = Rig(
        vertices=positions[:count],
        triangles=sources[corners].astype(np.int32),
        triangle_regions=regions,
        region_names=_names(block["region_names"]),
        expression_names=expressions,
        expression_deltas=np.ascontiguousarray(_read_deltas(reader, targets, len(positions))[:, :count]),
        joint_names=names,
        joint_parents=parents,
        joint_positions=joint_positions,
        skin_weights=_read_skin_weights(reader, attributes, (len(positions), len(names)))[:count],
        pose_deltas=_read_deltas(reader, block["pose_deltas"], count) if "pose_deltas" in block else None,
        joint_deltas=_read_joint_deltas(reader, block, len(expressions), len(names)),
    )
    if block.get(TRIANGLES_STAMP, stamp := triangles_stamp(rig)) != stamp:
        raise reader.fail("a tool reordered or merged the vertices or triangles of its mesh, on which the splats sit")
    return rig, _read_texture(reader, primitive, corners)


def _located(reader: GlbReader, block: Json) -> Json:
    """The block with its accessors found by name, since a tool may have numbered them anew; earlier files name none."""
    if TRIANGLES_STAMP not in block:
        return block
    names = {str(each.get("name")): index for index, each in enumerate(reader.document["accessors"])}

    def find(key: str, index: int = 0) -> int:
        if (name := accessor_name(key, index)) not in names:
            raise reader.fail(
                f"lacks the array {name}: a tool dropped it as unused; use the file from before that step"
            )
        return names[name]

    single = {key: find(key) for key in ACCESSORS if key in block}
    correctives = {key: [find(key, i) for i in range(len(block[key]))] for key in ("pose_deltas",) if key in block}
    return block | single | correctives


def _expression_names(reader: GlbReader, mesh: Json) -> tuple[str, ...]:
    extras = mesh.get("extras")
    if not isinstance(extras, dict) or "targetNames" not in extras:
        raise reader.fail(f"has no names of its expressions: a tool dropped the extras of mesh {RIG}")
    return _names(extras["targetNames"])


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
    uvs = reader.fractions(primitive["attributes"]["TEXCOORD_0"], "VEC2")
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
        deltas[index] = exact_array(reader, accessor, "VEC3", "displacements", vertices)
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
        joints = reader.array(attributes[f"JOINTS_{group}"], "VEC4", (UBYTE, USHORT), shape[0])
        values = reader.fractions(attributes[f"WEIGHTS_{group}"], "VEC4", shape[0])
        np.add.at(weights, (np.arange(shape[0])[:, None], joints), values)
    sums = weights.sum(1, keepdims=True)
    off = np.abs(sums - 1)
    rough = (off > SKIN_WEIGHT_TOLERANCE) & (off < QUANTISED_SUMS)  # beyond, check_avatar refuses them
    return np.where(rough, weights / np.where(rough, sums, 1), weights).astype(np.float32)


def _names(names: Any) -> tuple[str, ...]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"names must be a list of strings, got {str(names)[:80]}")
    return tuple(names)
