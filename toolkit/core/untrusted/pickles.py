"""Reads the data out of pickles without running anything from them, protocols 0 to 5.

A machine of our own runs the opcodes (pickle_opcodes.py); here its notes of objects become data: numpy arrays from their bytes with checks,
sparse matrices from their indices, chumpy arrays from their values. Each object becomes data once, however often it is referred to.
"""

import math
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float64, Int64, Shaped

from facecraft4d.toolkit.core.untrusted.door import Budget, at_the_border, read_untrusted
from facecraft4d.toolkit.core.untrusted.pickle_machine import MOST_STEPS, Kept, Kind
from facecraft4d.toolkit.core.untrusted.pickle_opcodes import run_pickle

LARGEST_FILE = 256 << 20
"""Bytes: published FLAME files have 50 to 100 MB."""
MOST_MEMORY = 768 << 20
"""Bytes for the file and what is read of it: the file, its texts and their bytes at the same time."""
MOST_DEPTH = 64
"""Levels of lists, dicts and objects in each other."""
MOST_SIDES = 32
"""Sides of an array."""
NUMBER_TYPES = frozenset({"b1", *(f"{sign}{size}" for sign in "iu" for size in (1, 2, 4, 8)), "f2", "f4", "f8"})
"""numpy's names of the types that are read: truth values and plain numbers."""
BYTE_ORDERS: dict[str, Literal["<", ">"]] = {"<": "<", "=": "<", "|": "<", ">": ">"}
"""By what a pickled type says; `=` is what the writing machine had, and that was a small-endian one."""
NPY_MAGIC = b"\x93NUMPY"


def read_pickle(path: Path, what: str = "a pickle with arrays only", most_bytes: int = LARGEST_FILE) -> Any:
    """The plain content of a pickle file: dicts, lists, tuples, texts, bytes, numbers, numpy arrays (read-only).

    What the file refers to several times is the same object here. UserError if it holds anything else, or needs more than MOST_MEMORY.
    """
    data = read_untrusted(path, what, most_bytes)
    with at_the_border(path, what):
        budget = Budget(len(data), MOST_MEMORY)
        budget.spend(len(data), "the file")
        return _Reader(budget).data(run_pickle(data, _npy_header_size(data), budget))


def _npy_header_size(data: bytes) -> int:
    """Bytes before the pickle in an .npy file of objects; 0 for a bare pickle."""
    if not data.startswith(NPY_MAGIC):
        return 0
    start = 12 if data[6:7] > b"\x01" else 10
    size = start + int.from_bytes(data[8:start], "little")
    if size >= len(data):
        raise ValueError("an .npy file that ends in its header")
    return size


class _Reader:
    """Turns what the machine made into data."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.done: dict[int, Any] = {}
        """By the id of what was turned, which the whole tree keeps alive; texts that were made bytes are here too."""
        self.under_way: set[int] = set()
        self.walked, self.weights = 0, dict[int, int]()
        """Values met so far by one who follows every reference, and how many each of `done` stands for."""
        self.turns = {
            Kind.ARRAY: self._array, Kind.BUFFER: self._buffer, Kind.SCALAR: self._scalar, Kind.CHUMPY: self._chumpy,
            Kind.COLUMNS: self._sparse, Kind.ROWS: self._sparse, Kind.ENCODED: self._bytes, Kind.BYTES: self._bytes,
        }  # fmt: skip

    def data(self, value: Any) -> Any:
        """The value as data. ValueError for what is no data, contains itself, is too deep, or too much for who follows every reference."""
        mark = id(value)
        self._walk(self.weights.get(mark, 1))
        if not isinstance(value, (dict, list, tuple, Kept, Kind)):
            return value
        if mark in self.done:
            return self.done[mark]
        if mark in self.under_way or len(self.under_way) >= MOST_DEPTH:
            raise ValueError(f"data that contains itself, or is deeper than {MOST_DEPTH} levels")
        self.under_way.add(mark)
        before = self.walked - 1
        self.done[mark] = self._turned(value)
        self.weights[mark] = self.walked - before
        self.under_way.remove(mark)
        return self.done[mark]

    def _walk(self, count: int) -> None:
        self.walked += count
        if self.walked > MOST_STEPS:
            raise ValueError(f"references that lead to more than {MOST_STEPS:,} values")

    def _turned(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self.data(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.data(item) for item in value]
        if isinstance(value, tuple):
            return tuple(self.data(item) for item in value)
        if isinstance(value, Kept) and value.kind in self.turns:
            return self.turns[value.kind](value)
        raise ValueError("an object that is no data")

    def _bytes(self, value: Any) -> bytes:
        """Raw bytes, also where protocols 0 to 2 wrote them as text; each text is made bytes once."""
        if isinstance(value, Kept) and value.kind is Kind.BYTES and not value.arguments:
            return b""
        if isinstance(value, Kept) and value.kind is Kind.ENCODED:
            value = value.arguments[0]
        if isinstance(value, str):
            if id(value) not in self.done:
                self.budget.spend(len(value), "a content")
                self.done[id(value)] = value.encode("latin1")
            value = self.done[id(value)]
        if not isinstance(value, bytes):
            raise ValueError("an array or a number without its bytes")
        return value

    def _array(self, kept: Kept) -> Any:
        """An array from (version, shape, type, column-major?, bytes); one of objects gives its list, or its only item."""
        _, shape, kind, column_major, content = kept.state
        if isinstance(content, list):
            items = self.data(content)
            return items[0] if len(items) == 1 and shape == () else items
        return self._filled(content, kind, shape, bool(column_major))

    def _buffer(self, kept: Kept) -> Any:
        content, kind, shape, order = kept.arguments
        return self._filled(content, kind, shape, order == "F")

    def _filled(self, content: Any, kind: Any, shape: Any, column_major: bool) -> Any:
        flat = np.frombuffer(self._bytes(content), _number_type(kind))
        if len(flat) != _count(shape):
            raise ValueError(f"an array of shape {shape} with {len(flat)} entries")
        return flat.reshape(shape, order="F" if column_major else "C")

    def _scalar(self, kept: Kept) -> Any:
        kind, content = kept.arguments
        return self._filled(content, kind, (1,), False)[0]

    def _chumpy(self, kept: Kept) -> Any:
        if not isinstance(kept.state, dict) or "x" not in kept.state:
            raise ValueError("a chumpy array without values")
        return self.data(kept.state["x"])

    def _sparse(self, kept: Kept) -> Float64[np.ndarray, "r c"]:
        """A sparse matrix from its index arrays, made dense."""
        rows, columns = kept.state["_shape"]
        by_columns = kept.kind is Kind.COLUMNS
        self.budget.spend(_count((rows, columns)) * 8, "a sparse matrix made dense")
        starts, minor = (self._indices(kept.state[name]) for name in ("indptr", "indices"))
        values, lengths = self._row(kept.state["data"]), np.diff(starts)
        if len(starts) != (columns if by_columns else rows) + 1 or (lengths < 0).any() or lengths.sum() != len(minor):
            raise ValueError(f"a sparse matrix of shape ({rows}, {columns}) with {len(starts) - 1} slices")
        if len(minor) != len(values) or (len(minor) and minor.min() < 0):
            raise ValueError("a sparse matrix with inconsistent indices")
        major = np.repeat(np.arange(len(lengths)), lengths)
        dense = np.zeros((rows, columns))
        np.add.at(dense, (minor, major) if by_columns else (major, minor), values)
        return dense

    def _row(self, value: Any) -> Shaped[np.ndarray, " n"]:
        """An array with one side."""
        row = self.data(value)
        if not isinstance(row, np.ndarray) or row.ndim != 1:
            raise ValueError("a sparse matrix that is not made of three rows")
        return row

    def _indices(self, value: Any) -> Int64[np.ndarray, " n"]:
        row = self._row(value)
        if row.dtype.kind not in "iu":
            raise ValueError(f"a sparse matrix with indices of type {row.dtype}")
        self.budget.spend(
            4 * 8 * len(row), "the indices of a sparse matrix"
        )  # these, their lengths, two rows to add by
        return row.astype(np.int64)


def _number_type(kept: Any) -> np.dtype[Any]:
    """A plain number type. ValueError for objects, texts, records and the like."""
    code = kept.arguments[0] if isinstance(kept, Kept) and kept.kind is Kind.TYPE and kept.arguments else None
    if not isinstance(code, str) or code not in NUMBER_TYPES:
        raise ValueError(f"an array of type {str(code)[:20]!r} where numbers are needed")
    return np.dtype(code) if kept.state is None else np.dtype(code).newbyteorder(BYTE_ORDERS[kept.state[1]])


def _count(shape: Any) -> int:
    """Entries of an array of the shape. ValueError for what is no shape."""
    if type(shape) not in (tuple, list) or len(shape) > MOST_SIDES:
        raise ValueError("an array with no shape")
    if any(type(side) is not int or not 0 <= side < LARGEST_FILE for side in shape):
        raise ValueError("an array with an impossible shape")
    return math.prod(shape)
