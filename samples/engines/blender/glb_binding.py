"""What Blender's importer leaves in an avatar.glb: the rig's triangles, eyewear among them, by which splats are bound. Needs numpy alone."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

EYEWEAR = "eyewear"
JSON_START = 20
"""Byte of a GLB where its JSON begins, after the file's and the chunk's header."""
CHUNK_HEADER = 8
TYPES = {5121: "<u1", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
"""numpy's name of glTF's component types."""


def splat_corners(path: Path, triangles: np.ndarray) -> np.ndarray:
    """The three vertices [n, 3] of the imported mesh HeadRig on whose triangle each splat [n] sits."""
    document, blob = _split(path.read_bytes())
    block = document["asset"]["extras"]["facecraft4d"]
    shown = _accessor(document, blob, document["meshes"][0]["primitives"][0]["indices"]).reshape(-1, 3)
    regions = _accessor(document, blob, block["triangle_regions"])
    corners = np.zeros((len(regions), 3), np.int32)
    names = block["region_names"]
    hidden = regions == names.index(EYEWEAR) if "eyewear_indices" in block else np.zeros(len(regions), bool)
    corners[~hidden] = shown
    if hidden.any():
        corners[hidden] = _accessor(document, blob, block["eyewear_indices"]).reshape(-1, 3)
    return corners[triangles]


def _split(data: bytes) -> tuple[dict[str, Any], bytes]:
    """JSON and binary chunk of a GLB."""
    (length,) = struct.unpack_from("<I", data, JSON_START - CHUNK_HEADER)
    return json.loads(data[JSON_START : JSON_START + length]), data[JSON_START + length + CHUNK_HEADER :]


def _accessor(document: dict[str, Any], blob: bytes, index: int) -> np.ndarray:
    """The numbers of a dense accessor of scalars."""
    accessor = document["accessors"][index]
    view = document["bufferViews"][accessor["bufferView"]]
    start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
    return np.frombuffer(blob, TYPES[accessor["componentType"]], accessor["count"], start)
