"""Reads a mesh from an OBJ file (Wavefront's format) that somebody else made: positions, texture coordinates, polygons, and nothing more."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64, Int32, Int64

from facecraft4d.toolkit.core.checks import check_all
from facecraft4d.toolkit.core.untrusted.door import at_the_border, read_untrusted

MOST_BYTES = 16 << 20
"""The largest of ICT-FaceKit has 3.4 MB, FLAME's template 1 MB."""
MOST_LINES = 500_000
LONGEST_LINE = 1000
"""Bytes; a polygon of many corners is the longest."""
MOST_CORNERS = 16
LARGEST = 1e4
"""Of a coordinate, in the file's own unit: a head in millimetres is a hundred times smaller."""


@dataclass(frozen=True, slots=True, eq=False)
class ObjMesh:
    """What an OBJ file holds."""

    vertices: Float64[np.ndarray, "v 3"]
    """In the file's own unit."""
    triangles: Int32[np.ndarray, "f 3"]
    """Polygons are cut into fans, in the file's order."""
    corner_uvs: Float32[np.ndarray, "f 3 2"] | None
    """Texture coordinates of each corner, origin at the image's top left (the file's is at the bottom); None where a corner has none."""


def read_obj(path: Path, what: str, advice: str = "") -> ObjMesh:
    """The mesh. `what` names the file in messages. UserError for any other file."""
    lines = _lines(path, what, advice)
    with at_the_border(path, what, advice):
        vertices, uvs = _numbers(lines, b"v", 3), _numbers(lines, b"vt", 2, more=True)
        corners = _triangles(lines)
        triangles = _indices("f", corners[..., 0], len(vertices))
        return ObjMesh(vertices, triangles, _corner_uvs(corners[..., 1], uvs))


def read_obj_vertices(path: Path, what: str, count: int, advice: str = "") -> Float64[np.ndarray, "v 3"]:
    """The `count` positions alone. UserError as read_obj, and for another number of them."""
    lines = _lines(path, what, advice)
    with at_the_border(path, what, advice):
        vertices = _numbers(lines, b"v", 3)
        if len(vertices) != count:
            raise ValueError(f"{len(vertices)} vertices where {count} are needed")
        return vertices


def _lines(path: Path, what: str, advice: str) -> list[bytes]:
    """ValueError, as a UserError, for more or longer lines than any mesh has."""
    data = read_untrusted(path, what, MOST_BYTES, advice)
    with at_the_border(path, what, advice):
        if data.count(b"\n") >= MOST_LINES:
            raise ValueError(f"more than {MOST_LINES:,} lines")
        lines = data.split(b"\n")
        if len(max(lines, key=len)) > LONGEST_LINE:
            raise ValueError(f"a line of more than {LONGEST_LINE} bytes")
        return lines


def _numbers(lines: Iterable[bytes], word: bytes, count: int, more: bool = False) -> Float64[np.ndarray, "n c"]:
    """The first `count` numbers of each line that begins with `word`; ValueError where a line has fewer, or more unless they may be."""
    start = word + b" "
    rows = [line.split()[1:] for line in lines if line.startswith(start)]
    if any(len(row) < count or (len(row) > count and not more) for row in rows):
        raise ValueError(f"a line {word.decode()} of other than {count} numbers")
    values = np.fromiter((float(each) for row in rows for each in row[:count]), np.float64, len(rows) * count)
    check_all(word.decode(), values, -LARGEST, LARGEST)
    return values.reshape(-1, count)


def _triangles(lines: Iterable[bytes]) -> Int32[np.ndarray, "f 3 2"]:
    """Position and texture coordinate of each corner, counted from 0; -1 for a texture coordinate that is not given."""
    fans: list[tuple[tuple[int, int], ...]] = []
    for line in lines:
        if line.startswith(b"f "):
            corners = [_corner(word) for word in line.split()[1:]]
            if not 3 <= len(corners) <= MOST_CORNERS:
                raise ValueError(f"a polygon of {len(corners)} corners")
            fans += [(corners[0], *pair) for pair in pairwise(corners[1:])]
    if not fans:
        raise ValueError("no polygon")
    return np.array(fans, np.int32)


def _corner(word: bytes) -> tuple[int, int]:
    """OBJ counts from 1; negative numbers, which count from the end, are not understood."""
    parts = word.split(b"/")
    numbers = int(parts[0]), int(parts[1]) if len(parts) > 1 and parts[1] else 0
    if not (1 <= numbers[0] <= MOST_LINES and 0 <= numbers[1] <= MOST_LINES):
        raise ValueError(f"a corner {word[:40].decode(errors='replace')} that is none of its vertices")
    return numbers[0] - 1, numbers[1] - 1


def _indices(name: str, array: Int32[np.ndarray, "f 3"], count: int) -> Int32[np.ndarray, "f 3"]:
    if array.max(initial=-1) >= count:
        raise ValueError(f"{name} that counts to {int(array.max()) + 1} of {count}")
    return np.ascontiguousarray(array)


def _corner_uvs(
    corners: Int32[np.ndarray, "f 3"], uvs: Float64[np.ndarray, "t 2"]
) -> Float32[np.ndarray, "f 3 2"] | None:
    """None where a corner has no texture coordinate."""
    if corners.min(initial=0) < 0:
        return None
    found = uvs[_indices("f", corners, len(uvs))]
    return np.stack([found[..., 0], 1 - found[..., 1]], -1).astype(np.float32)


def uvs_for(mesh: ObjMesh, triangles: Int32[np.ndarray, "f 3"]) -> Float32[np.ndarray, "f 3 2"]:
    """The mesh's texture coordinates for the corners of `triangles` over the same vertices, in whatever order each of them lists triangles and
    begins one. ValueError where the mesh lacks one of them, or has no texture coordinates."""
    if mesh.corner_uvs is None:
        raise ValueError("a mesh without texture coordinates")
    (given, placed), (wanted, sought) = _turned(mesh.triangles), _turned(triangles)
    rows = {tuple(row): index for index, row in enumerate(given.tolist())}
    found = np.array([rows.get(tuple(row), -1) for row in wanted.tolist()])
    if (found < 0).any():
        raise ValueError(
            f"another mesh: {int((found < 0).sum())} of the model's {len(triangles)} triangles are not in it"
        )
    uvs = np.take_along_axis(mesh.corner_uvs, placed[..., None], 1)[found]
    placed_back = np.zeros_like(uvs)
    np.put_along_axis(placed_back, sought[..., None], uvs, 1)
    return np.asarray(placed_back, np.float32)


def _turned(triangles: Int32[np.ndarray, "f 3"]) -> tuple[Int32[np.ndarray, "f 3"], Int64[np.ndarray, "f 3"]]:
    """Triangles that begin with their least vertex, the same way round, and where each corner was."""
    order = (triangles.argmin(1)[:, None] + np.arange(3)) % 3
    return np.take_along_axis(triangles, order, 1), order
