"""What Blender's importer makes nothing of in an avatar.glb: the triangles by which splats are bound, eyewear among them. Needs numpy alone."""

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

JSON, BINARY = 0x4E4F534A, 0x004E4942
"""Kinds of a GLB's chunks."""
HEADER = struct.Struct("<5I")
"""Of a file and its first chunk: magic, version, length, length of the chunk, its kind."""
CHUNK = struct.Struct("<2I")
TYPES = {5121: "<u1", 5123: "<u2", 5125: "<u4"}
"""numpy's name of glTF's component types for indices."""


@dataclass(frozen=True)
class Glb:
    """A file taken apart."""

    document: dict[str, Any]
    blob: bytes

    def scalars(self, accessor: int) -> np.ndarray:
        """The whole numbers of a dense accessor."""
        found = self.document["accessors"][accessor]
        view = self.document["bufferViews"][found["bufferView"]]
        start = view.get("byteOffset", 0) + found.get("byteOffset", 0)
        return np.frombuffer(self.blob, TYPES[found["componentType"]], found["count"], start)

    def to_bytes(self) -> bytes:
        """A GLB again."""
        text = json.dumps(self.document).encode()
        text += b" " * (-len(text) % 4)
        length = HEADER.size + len(text) + CHUNK.size + len(self.blob)
        head = HEADER.pack(0x46546C67, 2, length, len(text), JSON)
        return head + text + CHUNK.pack(len(self.blob), BINARY) + self.blob


def read_glb(path: Path) -> Glb:
    """JSON and binary chunk of a file of ours."""
    data = path.read_bytes()
    length = HEADER.unpack_from(data)[3]
    text = data[HEADER.size : HEADER.size + length]
    return Glb(json.loads(text), data[HEADER.size + length + CHUNK.size :])


def with_eyewear(glb: Glb) -> Glb:
    """The file with its eyewear as a second primitive: the importer leaves out vertices without a triangle, but splats sit on them."""
    eyewear = glb.document["asset"]["extras"]["facecraft4d"].get("eyewear_indices")
    if eyewear is None:
        return glb
    document = json.loads(json.dumps(glb.document))
    mesh = document["meshes"][0]
    second = {**mesh["primitives"][0], "indices": eyewear, "material": len(document["materials"])}
    mesh["primitives"].append(second)
    document["materials"].append({"name": "Eyewear"})
    return Glb(document, glb.blob)


def rig_corners(glb: Glb) -> np.ndarray:
    """The corners [f, 3] of every triangle of the rig, as vertices of the imported mesh.

    The importer keeps vertices that have a triangle: those of the first primitive in the file's order, then what the second has beside.
    """
    block = glb.document["asset"]["extras"]["facecraft4d"]
    shown = glb.scalars(glb.document["meshes"][0]["primitives"][0]["indices"]).reshape(-1, 3)
    if "eyewear_indices" in block:
        hidden = glb.scalars(block["triangle_regions"]) == block["region_names"].index("eyewear")
        eyewear = glb.scalars(block["eyewear_indices"]).reshape(-1, 3)
    else:
        hidden, eyewear = np.zeros(len(shown), bool), shown[:0]
    corners = np.zeros((len(hidden), 3), np.int64)
    corners[~hidden], corners[hidden] = shown, eyewear
    kept = np.concatenate([np.unique(shown), np.setdiff1d(eyewear, shown)])
    places = np.zeros(kept.max() + 1, np.int32)
    places[kept] = np.arange(len(kept))
    return np.asarray(places[corners])
