"""The rig as glTF knows it: a skinned mesh with morph targets and a picture on it, joints, influences. What every glTF-based format shares."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int

from facecraft4d.exporters.gltf.glb import ELEMENT_ARRAY_BUFFER, GlbWriter, Json
from facecraft4d.exporters.gltf.pictures import PNG_MIME
from facecraft4d.toolkit.core.asset import EYEWEAR, Texture
from facecraft4d.toolkit.core.datatypes import Rig
from facecraft4d.toolkit.core.geometry import vertex_normals
from facecraft4d.toolkit.core.pixels import encoded_bytes
from facecraft4d.toolkit.core.rigging import in_regions

UNLIT = "KHR_materials_unlit"
MATTE = {"metallicFactor": 0.0, "roughnessFactor": 0.9}
"""For viewers that light the head all the same: skin has no metal and little gloss."""
CLAY = [0.8, 0.8, 0.8, 1.0]
"""Colour of a head that came without a picture."""
CLAMP_TO_EDGE = 33071


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """The rig's mesh with vertices doubled where the texture has a seam: glTF wants one place of the picture for each vertex."""

    sources: Int[np.ndarray, " p"]
    """Rig vertex of each; the first v are the rig's own in their order, the doubles follow."""
    corners: Int[np.ndarray, "f 3"]
    """Indices into `sources`; `sources[corners]` are the rig's triangles."""
    uvs: Float32[np.ndarray, "p 2"] | None
    """`uvs[corners]` are the texture's corner_uvs."""


def surface_of(rig: Rig, texture: Texture | None) -> Surface:
    """The mesh to draw; without a texture it is the rig's own."""
    count = len(rig.vertices)
    if texture is None:
        return Surface(np.arange(count), rig.triangles, None)
    bits = np.ascontiguousarray(texture.corner_uvs).view(np.uint64).reshape(-1)  # exact: 0 and -0 are two places
    pairs, inverse = np.unique(
        np.stack([rig.triangles.ravel().astype(np.uint64), bits], 1), axis=0, return_inverse=True
    )
    vertex = pairs[:, 0].astype(np.int64)
    double = np.diff(vertex, prepend=-1) == 0
    rows = np.where(double, count + np.cumsum(double) - 1, vertex)
    uvs = np.zeros((count + int(double.sum()), 2), np.float32)
    uvs[rows] = np.ascontiguousarray(pairs[:, 1]).view(np.float32).reshape(-1, 2)
    sources = np.concatenate([np.arange(count), vertex[double]])
    return Surface(sources, rows[inverse].reshape(-1, 3), uvs)


def shown_triangles(rig: Rig) -> np.ndarray:
    """Which triangles [f] a mesh shows: all but eyewear, which would lie over the eyes and stay there when they close."""
    shown = ~in_regions(rig, EYEWEAR, optional=True)
    return shown if shown.any() else np.ones_like(shown)


def rig_mesh(writer: GlbWriter, name: str, rig: Rig, surface: Surface) -> Json:
    """A mesh of one primitive in material 0, with a morph target for each expression."""
    rows = surface.sources
    attributes = {
        "POSITION": writer.accessor(rig.vertices[rows], "VEC3", bounds=True),
        "NORMAL": writer.accessor(_vertex_normals(rig)[rows], "VEC3"),
    }
    if surface.uvs is not None:
        attributes["TEXCOORD_0"] = writer.accessor(surface.uvs, "VEC2")
    for group, (joints, weights) in enumerate(_influences(_unit_sums(rig.skin_weights))):
        attributes[f"JOINTS_{group}"] = writer.accessor(joints[rows], "VEC4")
        attributes[f"WEIGHTS_{group}"] = writer.accessor(weights[rows], "VEC4")
    primitive: Json = {
        "attributes": attributes,
        "indices": index_accessor(writer, surface, shown_triangles(rig), ELEMENT_ARRAY_BUFFER),
        "material": 0,
        "mode": 4,
    }
    mesh: Json = {"name": name, "primitives": [primitive], "extras": {"targetNames": list(rig.expression_names)}}
    if rig.expression_names:
        deltas = (writer.sparse_accessor(delta[rows], "VEC3") for delta in rig.expression_deltas)
        primitive["targets"] = [{"POSITION": delta} for delta in deltas]
        mesh["weights"] = [0.0] * len(rig.expression_names)
    return mesh


def index_accessor(writer: GlbWriter, surface: Surface, chosen: np.ndarray, target: int | None) -> int:
    """The corners of the chosen triangles [f], three for each."""
    index_type = np.uint16 if len(surface.sources) < 1 << 16 else np.uint32
    return writer.accessor(surface.corners[chosen].astype(index_type).ravel(), "SCALAR", target)


def add_material(writer: GlbWriter, texture: Texture | None) -> None:
    """Material 0: the picture, unlit since the photograph's light is in it; clay where there is none."""
    if texture is None:
        clay = {"name": "Clay", "pbrMetallicRoughness": {"baseColorFactor": CLAY, **MATTE}}
        writer.document["materials"] = [clay]
        return
    image = {
        "name": "Head",
        "mimeType": PNG_MIME,
        "bufferView": writer.bytes_view(encoded_bytes(texture.picture, "PNG")),
    }
    skin = {"baseColorTexture": {"index": 0}, **MATTE}
    writer.document["extensionsUsed"].append(UNLIT)
    writer.document |= {
        "images": [image],
        "samplers": [{"wrapS": CLAMP_TO_EDGE, "wrapT": CLAMP_TO_EDGE}],
        "textures": [{"source": 0, "sampler": 0}],
        "materials": [{"name": "Head", "pbrMetallicRoughness": skin, "extensions": {UNLIT: {}}}],
    }


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


def joint_roots(rig: Rig, first: int) -> list[int]:
    """Nodes of the joints without a parent; `first` is the first joint's node."""
    return [first + joint for joint, parent in enumerate(rig.joint_parents) if parent < 0]


def joint_nodes(rig: Rig, first: int) -> list[Json]:
    """A node for each joint from node `first` on, placed relative to its parent."""
    positions = rig.joint_positions.astype(np.float64)
    nodes: list[Json] = []
    for joint, (name, parent) in enumerate(zip(rig.joint_names, rig.joint_parents, strict=True)):
        origin = positions[parent] if parent >= 0 else np.zeros(3)
        nodes.append({"name": name, "translation": (positions[joint] - origin).tolist()})
        if parent >= 0:
            nodes[parent].setdefault("children", []).append(first + joint)
    return nodes


def rig_skin(writer: GlbWriter, rig: Rig, first: int) -> Json:
    """Inverse bind matrices are pure translations: they hold the joints' positions exactly."""
    matrices = np.tile(np.eye(4, dtype=np.float32), (len(rig.joint_names), 1, 1))
    matrices[:, 3, :3] = -rig.joint_positions
    accessor = writer.accessor(matrices.reshape(-1, 16), "MAT4", target=None)
    return {
        "name": "Head",
        "joints": [first + j for j in range(len(rig.joint_names))],
        "inverseBindMatrices": accessor,
    }
