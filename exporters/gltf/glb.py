"""The GLB container and glTF accessors: what every glTF file shares, nothing that knows avatars.

glTF 2.0 specification, sections 3.6 (accessors) and 4.4 (GLB): https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html
"""

import json
import struct
from typing import Any

import numpy as np

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.untrusted.door import Budget

MAGIC, VERSION = 0x46546C67, 2
JSON_CHUNK, BIN_CHUNK = 0x4E4F534A, 0x004E4942
ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963

MAX_FILE_BYTES = 1 << 30
"""Larger files are refused before they are read."""
MAX_JSON_BYTES = 4 << 20
"""Ours is a tenth of a megabyte; a parser makes twenty bytes of one."""
MAX_ELEMENTS = 1 << 24
"""Most elements of one accessor; also what a float32 counts exactly."""

BYTE, UBYTE, SHORT, USHORT, UINT, FLOAT = 5120, 5121, 5122, 5123, 5125, 5126
COMPONENT_TYPES: dict[int, np.dtype[Any]] = {
    BYTE: np.dtype("<i1"),
    UBYTE: np.dtype("<u1"),
    SHORT: np.dtype("<i2"),
    USHORT: np.dtype("<u2"),
    UINT: np.dtype("<u4"),
    FLOAT: np.dtype("<f4"),
}
"""glTF's componentType codes."""

WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
"""Components of each accessor type that is used here."""

Json = dict[str, Any]


class GlbWriter:
    """Collects accessors into one binary chunk; `document` is the glTF JSON around them."""

    def __init__(self, document: Json, with_bases: bool = False) -> None:
        """`with_bases`: zeros under sparse accessors are written out, once for all of a size, for readers that take none for granted."""
        self.document, self._with_bases = document, with_bases
        self._bases: dict[tuple[int, int | None], int] = {}
        self._views: list[Json] = []
        self._accessors: list[Json] = []
        self._blob = bytearray()

    def accessor(
        self,
        array: np.ndarray,
        kind: str,
        target: int | None = ARRAY_BUFFER,
        bounds: bool = False,
        normalized: bool = False,
    ) -> int:
        """Append an array [count] or [count, width] whole; returns the accessor's index. `bounds` writes min and max."""
        found = self._describe(array, kind, bounds)
        found["bufferView"] = self._view(array, target)
        if normalized:
            found["normalized"] = True
        return self._add(found)

    def zeros(self, count: int, kind: str) -> int:
        """Append float zeros [count, width], which glTF writes without a byte; returns the accessor's index."""
        nothing = [0.0] * WIDTHS[kind]
        return self._add({"componentType": FLOAT, "count": count, "type": kind, "min": nothing, "max": nothing})

    def column(self, accessor: int, column: int) -> int:
        """Append a SCALAR accessor that is a column of an accessor written whole: it takes no bytes; returns the accessor's index."""
        whole = self._accessors[accessor]
        size = COMPONENT_TYPES[whole["componentType"]].itemsize
        self._views[whole["bufferView"]]["byteStride"] = size * WIDTHS[whole["type"]]
        return self._add(whole | {"type": "SCALAR", "byteOffset": size * column})

    def name(self, accessor: int, name: str) -> int:
        """Name an accessor, so that it is found again where a tool has numbered accessors anew; returns its index."""
        self._accessors[accessor]["name"] = name
        return accessor

    def bytes_view(self, data: bytes) -> int:
        """Append bytes that are no accessor's, such as a picture; returns the buffer view's index."""
        return self._view(np.frombuffer(data, np.uint8), None)

    def sparse_accessor(self, array: np.ndarray, kind: str, target: int | None = ARRAY_BUFFER) -> int:
        """Append float rows [count, width] that are mostly zero with bounds; whole where that is no larger.

        A row of zeros comes back as positive zeros.
        """
        rows = np.flatnonzero((array != 0).any(1))
        index_type = np.uint16 if len(array) <= 1 << 16 else np.uint32
        if len(rows) * (array[0].nbytes + index_type().nbytes) >= array.nbytes:
            return self.accessor(array, kind, target, bounds=True)
        found = self._describe(array, kind, bounds=True)
        if self._with_bases:
            found["bufferView"] = self._base(array, target)
        if len(rows):
            indices = rows.astype(index_type)
            found["sparse"] = {
                "count": len(rows),
                "indices": {"bufferView": self._view(indices, None), "componentType": _code(indices)},
                "values": {"bufferView": self._view(array[rows], None)},
            }
        return self._add(found)

    def to_bytes(self) -> bytes:
        """The finished file."""
        document = {
            **self.document,
            "accessors": self._accessors,
            "bufferViews": self._views,
            "buffers": [{"byteLength": len(self._blob)}],
        }
        text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        blob = bytes(self._blob) + bytes(-len(self._blob) % 4)
        header = struct.pack("<III", MAGIC, VERSION, 28 + len(text) + len(blob))
        chunks = struct.pack("<II", len(text), JSON_CHUNK), struct.pack("<II", len(blob), BIN_CHUNK)
        return header + chunks[0] + text + chunks[1] + blob

    def _base(self, array: np.ndarray, target: int | None) -> int:
        """The buffer view of so many zeros; where several share one, glTF wants to know how far apart rows are."""
        key = (array.nbytes, target)
        if key not in self._bases:
            self._bases[key] = self._view(np.zeros_like(array), target)
            self._views[self._bases[key]]["byteStride"] = array[0].nbytes
        return self._bases[key]

    def _describe(self, array: np.ndarray, kind: str, bounds: bool) -> Json:
        found: Json = {"componentType": _code(array), "count": len(array), "type": kind}
        if bounds:
            rows = array.reshape(len(array), -1)
            found |= {"min": rows.min(0).tolist(), "max": rows.max(0).tolist()}
        return found

    def _view(self, array: np.ndarray, target: int | None) -> int:
        self._blob += bytes(-len(self._blob) % 4)
        data = np.ascontiguousarray(array).tobytes()
        view: Json = {"buffer": 0, "byteOffset": len(self._blob), "byteLength": len(data)}
        self._views.append(view if target is None else view | {"target": target})
        self._blob += data
        return len(self._views) - 1

    def _add(self, accessor: Json) -> int:
        self._accessors.append(accessor)
        return len(self._accessors) - 1


class GlbReader:
    """A GLB opened for reading. Nothing in the file is trusted: each index, offset and count is checked before use, and all arrays together
    take no more memory than the file's size allows (`budget`)."""

    def __init__(self, data: bytes, name: str) -> None:
        """Read header and JSON of `data`; `name` stands in the messages. Raises UserError if it is no sound GLB."""
        self.name, self.budget = name, Budget(len(data))
        self.document, self._blob = self._chunks(data)

    def fail(self, problem: str) -> UserError:
        """The error that says what is wrong with this file."""
        return UserError(f"{self.name}: {problem}")

    def item(self, collection: str, index: Any) -> Json:
        """An entry of one of the document's top-level lists, checked to be there."""
        entries = self.document.get(collection)
        if not isinstance(entries, list) or type(index) is not int or not 0 <= index < len(entries):
            raise self.fail(f"refers to {collection} {index!r}, which the file does not have")
        entry: Json = entries[index]
        if not isinstance(entry, dict):
            raise self.fail(f"{collection} {index} is not an object")
        return entry

    def array(self, index: Any, kind: str, components: tuple[int, ...], count: int | None = None) -> np.ndarray:
        """An accessor as a fresh array [count] or [count, width], its type among the expected ones and sparse rows filled in.

        UserError for another one, ValueError where the file's budget is spent.
        """
        accessor = self.item("accessors", index)
        found, code, length = accessor.get("type"), accessor.get("componentType"), accessor.get("count")
        if found != kind or code not in components:
            raise self.fail(f"accessor {index} must be {kind} of type {components}, found {found} of type {code}")
        if type(length) is not int or not 0 < length <= MAX_ELEMENTS or count not in (None, length):
            raise self.fail(f"accessor {index} must have {count or f'1 to {MAX_ELEMENTS}'} elements, found {length!r}")
        dtype, width = COMPONENT_TYPES[code], WIDTHS[kind]
        self.budget.spend_array((length, width), dtype, f"accessor {index}")
        if "bufferView" in accessor:
            values = self._rows(accessor, dtype, width, length)
        else:
            values = np.zeros((length, width), dtype)
        if "sparse" in accessor:
            self._fill_sparse(values, accessor["sparse"])
        return values[:, 0] if kind == "SCALAR" else values

    def fractions(self, index: Any, kind: str, count: int | None = None) -> np.ndarray:
        """As `array`, of floats, or of whole numbers that stand for 0 to 1 (`normalized`), as floats."""
        values = self.array(index, kind, (FLOAT, UBYTE, USHORT), count)
        if values.dtype == np.float32:
            return values
        if self.item("accessors", index).get("normalized") is not True:
            raise self.fail(f"accessor {index} must be normalized where it has no floats")
        self.budget.spend_array(values.shape, np.float32, f"accessor {index} as floats")
        return values.astype(np.float32) / np.float32(np.iinfo(values.dtype).max)

    def named_accessor(self, name: str) -> int | None:
        """Index of the accessor of that name; None where there is none."""
        accessors = self.document.get("accessors")
        found = accessors if isinstance(accessors, list) else []
        return next((i for i, each in enumerate(found) if isinstance(each, dict) and each.get("name") == name), None)

    def view_bytes(self, index: Any) -> bytes:
        """The bytes of a buffer view."""
        view = self.item("bufferViews", index)
        length = view.get("byteLength")
        if type(length) is not int or length < 1:
            raise self.fail("a buffer view is malformed or lies outside the file")
        return self._rows({"bufferView": index}, np.dtype(np.uint8), length, 1).tobytes()

    def _fill_sparse(self, values: np.ndarray, sparse: Any) -> None:
        if not isinstance(sparse, dict) or not all(
            isinstance(sparse.get(part), dict) for part in ("indices", "values")
        ):
            raise self.fail("a sparse accessor lacks indices or values")
        count, code = sparse.get("count"), sparse["indices"].get("componentType")
        if type(count) is not int or not 0 < count <= len(values) or code not in (UBYTE, USHORT, UINT):
            raise self.fail(f"a sparse accessor of {len(values)} elements replaces {count!r} of them by type {code!r}")
        rows = self._rows(sparse["indices"], COMPONENT_TYPES[code], 1, count)[:, 0].astype(np.int64)
        if rows.max() >= len(values) or (np.diff(rows) <= 0).any():
            raise self.fail("a sparse accessor's indices do not increase or leave the accessor")
        values[rows] = self._rows(sparse["values"], values.dtype, values.shape[1], count)

    def _rows(self, holder: Json, dtype: np.dtype[Any], width: int, count: int) -> np.ndarray:
        """Rows [count, width] of the buffer view that `holder` names, copied."""
        view = self.item("bufferViews", holder.get("bufferView"))
        row = width * dtype.itemsize
        numbers = (
            view.get("byteOffset", 0),
            view.get("byteLength"),
            view.get("byteStride", row),
            holder.get("byteOffset", 0),
        )
        if view.get("buffer") != 0 or not all(type(number) is int and number >= 0 for number in numbers):
            raise self.fail("a buffer view is malformed or lies outside the file")
        start, length, stride, offset = numbers
        if start + length > len(self._blob) or stride < row or offset + stride * (count - 1) + row > length:
            raise self.fail("a buffer view ends beyond the data: the file is truncated or damaged")
        first = start + offset
        rows = np.ndarray((count, row), np.uint8, self._blob, first, (stride, 1))
        return np.ascontiguousarray(rows).view(dtype)

    def _chunks(self, data: bytes) -> tuple[Json, bytes]:
        if len(data) < 20 or struct.unpack_from("<I", data)[0] != MAGIC:
            raise self.fail("not a GLB file (it does not begin with glTF)")
        _, version, length, json_length, json_type = struct.unpack_from("<IIIII", data)
        if version != VERSION:
            raise self.fail(f"expected glTF version {VERSION}, found {version}")
        if length != len(data):
            raise self.fail(f"truncated or damaged: its header promises {length} bytes, it has {len(data)}")
        if json_type != JSON_CHUNK or not 0 < json_length <= min(MAX_JSON_BYTES, length - 20):
            raise self.fail("the first chunk must be JSON and lie within the file")
        return self._parse(data[20 : 20 + json_length]), self._binary(data, 20 + json_length)

    def _parse(self, text: bytes) -> Json:
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self.fail(f"its JSON cannot be read: {error}") from None
        if not isinstance(document, dict):
            raise self.fail("its JSON must be an object")
        return document

    def _binary(self, data: bytes, start: int) -> bytes:
        if len(data) < start + 8:
            raise self.fail("has no binary chunk")
        length, kind = struct.unpack_from("<II", data, start)
        if kind != BIN_CHUNK or start + 8 + length > len(data):
            raise self.fail("the second chunk must be binary and lie within the file")
        return data[start + 8 : start + 8 + length]


def _code(array: np.ndarray) -> int:
    """glTF's code of the array's component type."""
    return next(code for code, dtype in COMPONENT_TYPES.items() if dtype == array.dtype)
