"""What pygltflib, which shares no line with our writers, finds in their files."""

import numpy as np
from pygltflib import GLTF2

TYPES = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


def opened(data: bytes) -> GLTF2:
    return GLTF2().load_from_bytes(data)


def array(gltf: GLTF2, index: int) -> np.ndarray:
    """Rows [count, width] of an accessor, its sparse rows filled in."""
    accessor = gltf.accessors[index]
    width, dtype = WIDTHS[accessor.type], TYPES[accessor.componentType]
    values = np.zeros((accessor.count, width), dtype)
    if accessor.bufferView is not None:
        values = _rows(gltf, accessor.bufferView, accessor.byteOffset, dtype, accessor.count * width)
        values = values.reshape(-1, width).copy()
    if accessor.sparse is not None:
        sparse = accessor.sparse
        rows = _rows(gltf, sparse.indices.bufferView, 0, TYPES[sparse.indices.componentType], sparse.count)
        values[rows] = _rows(gltf, sparse.values.bufferView, 0, dtype, sparse.count * width).reshape(-1, width)
    return values


def world_positions(gltf: GLTF2) -> np.ndarray:
    """Where each node is [n, 3], for files whose nodes are only moved, and each below one other at most."""
    places = np.array([node.translation or (0.0, 0.0, 0.0) for node in gltf.nodes], np.float64)
    parents = parents_of(gltf)
    found = np.zeros_like(places)
    for node in range(len(places)):
        above: int | None = node
        while above is not None:
            found[node] += places[above]
            above = parents.get(above)
    return found


def parents_of(gltf: GLTF2) -> dict[int, int]:
    """Each node's parent; fails where a node has two."""
    pairs = [(child, parent) for parent, node in enumerate(gltf.nodes) for child in node.children or ()]
    assert len({child for child, _ in pairs}) == len(pairs)
    return dict(pairs)


def _rows(gltf: GLTF2, view: int, offset: int | None, dtype: type, count: int) -> np.ndarray:
    start = (gltf.bufferViews[view].byteOffset or 0) + (offset or 0)
    return np.frombuffer(gltf.binary_blob(), dtype, count, start)
