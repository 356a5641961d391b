"""Reads the data out of pickles without running anything from them.

Every global that a pickle may name is replaced by a class of our own that only keeps what it is given; anything else is refused by
name. Numpy arrays are rebuilt from their bytes with checks, sparse matrices from their indices, chumpy arrays from their values.
"""

import collections
import io
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.untrusted import read_untrusted

LARGEST_FILE = 1 << 30
LARGEST_DENSE = 1 << 28
"""Entries of a sparse matrix made dense."""


class _Kept:
    """An object of the pickle: how it was made and the state it was given, nothing more."""

    def __new__(cls, *arguments: Any) -> "_Kept":
        kept = super().__new__(cls)
        kept.arguments, kept.state = arguments, None
        return kept

    arguments: tuple[Any, ...]
    state: Any

    def __init__(self, *arguments: Any) -> None:
        """Everything is done in __new__, which unpickling always calls."""

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _DataType(_Kept):
    """numpy.dtype"""


class _Array(_Kept):
    """numpy.ndarray, by its reconstructor"""


class _Scalar(_Kept):
    """A numpy scalar"""


class _Sparse(_Kept):
    """A scipy matrix by columns (csc) or rows (csr)"""


class _Columns(_Sparse):
    """scipy's csc_matrix"""


class _Rows(_Sparse):
    """scipy's csr_matrix"""


class _Chumpy(_Kept):
    """chumpy.Ch: an array under the key `x`"""


class _Marker(_Kept):
    """A class that is only named, as an argument"""


class _Encoded(_Kept):
    """Bytes written as text: _codecs.encode(text, 'latin1')"""


class _Rebuilt(_Kept):
    """copyreg._reconstructor(class, base, state): an empty object of the class, if the class is one of ours."""

    def __new__(cls, kind: Any, *_: Any) -> Any:
        if not (isinstance(kind, type) and issubclass(kind, _Kept)):
            raise pickle.UnpicklingError("refused to rebuild an unknown class")
        return kind()


_GLOBALS: dict[tuple[str, str], Any] = {
    ("numpy", "dtype"): _DataType,
    ("numpy", "ndarray"): _Marker,
    ("chumpy.ch", "Ch"): _Chumpy,
    ("_codecs", "encode"): _Encoded,
    ("collections", "OrderedDict"): collections.OrderedDict,
    **{(module, "object"): _Marker for module in ("__builtin__", "builtins")},
    **{(module, "_reconstructor"): _Rebuilt for module in ("copy_reg", "copyreg")},
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _Array for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _Scalar for core in ("core", "_core")},
    **{(f"scipy.sparse.{module}", "csc_matrix"): _Columns for module in ("csc", "_csc")},
    **{(f"scipy.sparse.{module}", "csr_matrix"): _Rows for module in ("csr", "_csr")},
}


class _Unpickler(pickle._Unpickler):
    """The Python implementation: the C one leaks damaged buffers when a hostile file makes it fail."""

    def find_class(self, module: str, name: str) -> Any:
        """Our stand-in for a global, or refusal."""
        if (module, name) not in _GLOBALS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is refused; only arrays are read")
        return _GLOBALS[module, name]


def read_pickle(path: Path, what: str = "a pickle with arrays only", most_bytes: int = LARGEST_FILE) -> Any:
    """The plain content of a pickle file: dicts, lists, texts, numbers, numpy arrays. UserError if it holds anything else."""
    data = read_untrusted(path, what, most_bytes)
    try:
        skipped = _npy_header_size(data)
        return _plain(_Unpickler(io.BytesIO(data[skipped:]), encoding="latin1").load())
    except (
        pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError, MemoryError, OverflowError, RecursionError,
    ) as error:  # fmt: skip
        raise UserError(f"{path}: expected {what}, found {_one_line(error)}") from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _npy_header_size(data: bytes) -> int:
    """Bytes before the pickle in an .npy file of objects; 0 for a bare pickle."""
    if not data.startswith(b"\x93NUMPY"):
        return 0
    wide = data[6] > 1
    return (12 if wide else 10) + int.from_bytes(data[8 : 12 if wide else 10], "little")


def _plain(value: Any) -> Any:
    """Replace what was kept by arrays and plain data."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, _Array):
        return _array(value)
    if isinstance(value, _Scalar):
        return np.frombuffer(_bytes(value.arguments[1]), _data_type(value.arguments[0]), 1)[0]
    if isinstance(value, _Sparse):
        return _dense(value)
    if isinstance(value, _Chumpy):
        return _plain(value.state["x"])
    if isinstance(value, _Encoded):
        return _bytes(value)
    return value


def _bytes(value: Any) -> bytes:
    """Raw bytes, also where Python 2 or protocol 2 wrote them as text."""
    if isinstance(value, _Encoded):
        value = value.arguments[0]
    return value.encode("latin1") if isinstance(value, str) else bytes(value)


def _data_type(kept: Any) -> np.dtype[Any]:
    """A plain number type. ValueError for objects, records and the like."""
    code = kept.arguments[0]
    dtype = np.dtype(code if isinstance(code, str) and code[:1] in "fiub" and len(code) <= 3 else "O")
    if dtype.hasobject:
        raise ValueError(f"an array of type {str(code)[:20]!r} where numbers are needed")
    return dtype.newbyteorder(">" if kept.state is not None and kept.state[1] == ">" else "<")


def _array(kept: _Array) -> Any:
    """An array from (version, shape, dtype, column-major?, bytes); one of objects gives its list, or its only item."""
    _, shape, dtype, column_major, content = kept.state
    if isinstance(content, list):
        items = _plain(content)
        return items[0] if len(items) == 1 and tuple(shape) == () else items
    data = _bytes(content)
    flat = np.frombuffer(data, _data_type(dtype))
    if len(flat) != math.prod(shape):
        raise ValueError(f"an array of shape {tuple(shape)} with {len(flat)} entries")
    return flat.reshape(shape, order="F" if column_major else "C")


def _dense(kept: _Sparse) -> Any:
    """A sparse matrix from its index arrays, made dense."""
    state = kept.state
    rows, columns = (int(n) for n in state["_shape"] if "_shape" in state)
    starts, minor, values = (np.asarray(_plain(state[name])) for name in ("indptr", "indices", "data"))
    majors = columns if isinstance(kept, _Columns) else rows
    if rows < 0 or columns < 0 or rows * columns > LARGEST_DENSE or len(starts) != majors + 1:
        raise ValueError(f"a sparse matrix of shape ({rows}, {columns}) with {len(starts) - 1} slices")
    major = np.repeat(np.arange(majors), np.diff(starts))
    where = (minor, major) if isinstance(kept, _Columns) else (major, minor)
    if len(major) != len(minor) or len(minor) != len(values) or (len(minor) and minor.min() < 0):
        raise ValueError("a sparse matrix with inconsistent indices")
    dense = np.zeros((rows, columns))
    np.add.at(dense, where, values)
    return dense
