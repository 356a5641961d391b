"""PLY files of splats read back, ours and others': hostile until checked."""

from dataclasses import dataclass

import numpy as np

from facecraft4d.exporters.gltf.glb import MAX_ELEMENTS
from facecraft4d.exporters.stills.ply_table import COLOR, OPACITY, POSITION, REST, ROTATION, SCALE
from facecraft4d.exporters.stills.splat_file import SplatFile, check_splats
from facecraft4d.toolkit.core.asset import LEAST_QUATERNION
from facecraft4d.toolkit.core.checks import check_all, check_range
from facecraft4d.toolkit.core.datatypes import Splats
from facecraft4d.toolkit.core.geometry import SH_C0, normalized
from facecraft4d.toolkit.core.rigging import opacities
from facecraft4d.toolkit.core.untrusted.door import Budget, at_the_border

EXPECTED = "splats as a binary PLY"
MAX_HEADER_BYTES = 64 << 10
"""Ours has 2 KB; that of a file with spherical harmonics of degree 4, 3 KB."""
MOST_PROPERTIES = 256
TYPES = {
    "char": "<i1", "int8": "<i1", "uchar": "<u1", "uint8": "<u1", "short": "<i2", "int16": "<i2", "ushort": "<u2", "uint16": "<u2",
    "int": "<i4", "int32": "<i4", "uint": "<u4", "uint32": "<u4", "float": "<f4", "float32": "<f4", "double": "<f8", "float64": "<f8",
}  # fmt: skip
"""PLY's names of scalar types, the old and the new."""
REST_DEGREES = {0: 0, 9: 1, 24: 2, 45: 3, 72: 4}
"""Degree of the spherical harmonics by their number of coefficients beyond the constant ones."""
MOST_LOGIT, MOST_LOG_SCALE, MOST_COEFFICIENT = 200.0, 100.0, 1e5
"""What numbers of a splat may be before they are turned into what is drawn."""


@dataclass(frozen=True, slots=True, eq=False)
class PlyTable:
    """The rows of a PLY's first element, which must be `vertex`."""

    notes: tuple[str, ...]
    """The header's comments."""
    rows: np.ndarray
    """[n], a field for each property."""
    budget: Budget

    def columns(self, names: tuple[str, ...]) -> np.ndarray:
        """These fields as float32 [n, len(names)]. ValueError for one that is not there."""
        missing = [name for name in names if name not in (self.rows.dtype.names or ())]
        if missing:
            raise ValueError(f"a PLY without the property {missing[0]}; is it a file of splats?")
        self.budget.spend_array((len(self.rows), len(names)), np.float32, names[0])
        return np.stack([self.rows[name].astype(np.float32) for name in names], -1)


def read_ply(data: bytes, name: str) -> SplatFile:
    """The splats in a PLY of the INRIA reference's fields, whatever wrote it; `name` stands in the messages.

    Properties may have any scalar type and order, unknown ones are skipped; coefficients of higher degree are dropped. Rotations are normalised.
    Raises UserError for any other file.
    """
    with at_the_border(name, EXPECTED):
        table = read_table(data)
        degree = sh_degree(table)
        logits, log_scales, coefficients = table.columns(OPACITY)[:, 0], table.columns(SCALE), table.columns(COLOR)
        check_all("opacity", logits, -MOST_LOGIT, MOST_LOGIT)
        check_all("scale", log_scales, -MOST_LOG_SCALE, MOST_LOG_SCALE)
        check_all("f_dc", coefficients, -MOST_COEFFICIENT, MOST_COEFFICIENT)
        splats = Splats(
            means=table.columns(POSITION),
            rotations_wxyz=normalized(checked_rotations(table)).astype(np.float32),
            scales=np.exp(log_scales),
            opacities=opacities(logits),
            colors=(SH_C0 * coefficients.astype(np.float64) + 0.5).astype(np.float32),
        )
        check_splats(splats)
        return SplatFile(splats, table.notes, degree)


def checked_rotations(table: PlyTable) -> np.ndarray:
    """Quaternions wxyz [n, 4] as they stand in the file. ValueError where one has no direction."""
    rotations = table.columns(ROTATION)
    check_all("rot", rotations, -MOST_COEFFICIENT, MOST_COEFFICIENT)
    if np.abs(rotations).max(1).min() < LEAST_QUATERNION:
        raise ValueError("a splat whose rotation is zero")
    return rotations


def sh_degree(table: PlyTable) -> int:
    """Degree of the colours. ValueError where the number of coefficients is that of no degree."""
    count = sum(field.startswith(REST) for field in table.rows.dtype.names or ())
    if count not in REST_DEGREES:
        raise ValueError(f"{count} properties {REST}*, where a degree has {', '.join(map(str, REST_DEGREES))}")
    return REST_DEGREES[count]


def read_table(data: bytes) -> PlyTable:
    """The first element of a binary little-endian PLY. ValueError for any other file; the count is checked against the file's size."""
    lines, start = _header_lines(data)
    if lines[:2] != ["ply", "format binary_little_endian 1.0"]:
        raise ValueError(f"a PLY that begins {' / '.join(lines[:2])[:80]!r} where binary_little_endian 1.0 is read")
    kinds = [line.split(" ", 1)[0] for line in lines]
    elements = [index for index, kind in enumerate(kinds) if kind == "element"]
    count = _vertex_count(lines[elements[0]] if elements else "")
    end = elements[1] if len(elements) > 1 else len(lines)
    row = _row_type([line for line in lines[:end] if line.startswith("property")])
    if len(data) - start < count * row.itemsize or (len(elements) == 1 and len(data) - start != count * row.itemsize):
        raise ValueError(f"{count:,} vertices of {row.itemsize} bytes, but {len(data) - start:,} bytes of them")
    notes = tuple(line.removeprefix("comment").strip() for line in lines if line.startswith("comment"))
    return PlyTable(notes, np.frombuffer(data, row, count, start), Budget(len(data)))


def _header_lines(data: bytes) -> tuple[list[str], int]:
    """The header's lines before `end_header`, and where the rows begin."""
    for ending in (b"\n", b"\r\n"):
        closing = b"end_header" + ending
        end = data.find(b"\n" + closing, 0, MAX_HEADER_BYTES)
        if data.startswith(b"ply" + ending) and end >= 0:
            text = data[:end].decode("utf-8", "backslashreplace")
            return [line.strip() for line in text.split("\n")], end + 1 + len(closing)
    raise ValueError("no header of a PLY")


def _vertex_count(line: str) -> int:
    words = line.split()
    if len(words) != 3 or words[1] != "vertex" or not (words[2].isascii() and words[2].isdigit()) or len(words[2]) > 9:
        raise ValueError(f"a PLY whose first element is {line[:80]!r} where vertices with their number are needed")
    check_range("number of vertices", float(words[2]), 1.0, float(MAX_ELEMENTS))
    return int(words[2])


def _row_type(lines: list[str]) -> np.dtype[np.void]:
    """The layout of a row from its lines `property TYPE NAME`."""
    words = [line.split() for line in lines]
    if not 1 <= len(words) <= MOST_PROPERTIES or len({each[-1] for each in words}) < len(words):
        raise ValueError(f"{len(words)} properties of a vertex, or two of one name")
    for line, each in zip(lines, words, strict=True):
        if len(each) != 3 or each[1] not in TYPES:
            raise ValueError(f"the property {line[:80]!r} of a vertex where scalars are read")
    return np.dtype([(name, TYPES[kind]) for _, kind, name in words])
