"""Reads .safetensors without trust (huggingface.co/docs/safetensors): a JSON header of names, types, shapes and places, then the numbers."""

import itertools
import json
import math
from typing import Any, BinaryIO

import numpy as np

from facecraft4d.toolkit.core.untrusted.door import Budget, fill

MOST_HEADER = 1 << 20
"""Bytes of the JSON."""
MOST_SIDES = 8
"""Sides of a tensor."""
TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1", "BOOL": "b1",
}  # fmt: skip
"""numpy's types by the format's names; bfloat16 has none."""
NOTES = "__metadata__"
Entry = tuple[str, tuple[int, ...], tuple[int, int]]
"""Type, shape and place of a tensor."""


def read_safetensors(stream: BinaryIO, size: int, most_memory: int) -> dict[str, np.ndarray]:
    """Every tensor of an open file of `size` bytes by its name, fresh and writable. ValueError unless header and numbers fill the file."""
    entries, begin = _header(stream, size)
    budget = Budget(size, most_memory)
    budget.spend(size - begin, "its tensors")
    arrays = {}
    for name, (dtype, shape, (start, _)) in sorted(entries.items(), key=lambda each: each[1][2]):
        stream.seek(begin + start)
        arrays[name] = np.empty(shape, dtype)
        fill(arrays[name], stream)
    return arrays


def read_safetensors_header(stream: BinaryIO, size: int) -> dict[str, np.ndarray]:
    """As `read_safetensors`, without the numbers: every tensor has its type and shape, is full of zeros and takes no memory."""
    entries, _ = _header(stream, size)
    return {name: np.broadcast_to(np.zeros((), dtype), shape) for name, (dtype, shape, _) in entries.items()}


def _header(stream: BinaryIO, size: int) -> tuple[dict[str, Entry], int]:
    """The tensors' entries by their names, and where in the file the numbers begin."""
    length = int.from_bytes(stream.read(8), "little")
    if not 2 <= length <= min(MOST_HEADER, size - 8):
        raise ValueError(f"a header of {length:,} bytes in a file of {size:,}")
    header = json.loads(stream.read(length))
    if not isinstance(header, dict):
        raise ValueError("a header that is no table of tensors")
    entries = {name: _entry(name, each) for name, each in header.items() if name != NOTES}
    _check_places([place for *_, place in entries.values()], size - 8 - length)
    return entries, 8 + length


def _entry(name: str, entry: Any) -> Entry:
    kind, shape, place = entry["dtype"], tuple(entry["shape"]), tuple(entry["data_offsets"])
    if kind not in TYPES:
        raise ValueError(f"{name[:80]}: a tensor of type {str(kind)[:20]}")
    if len(shape) > MOST_SIDES or len(place) != 2:
        raise ValueError(f"{name[:80]}: a tensor of {len(shape)} sides")
    if any(type(number) is not int or not 0 <= number < 1 << 40 for number in (*shape, *place)):
        raise ValueError(f"{name[:80]}: a tensor with an impossible shape")
    if place[1] - place[0] != math.prod(shape) * np.dtype(TYPES[kind]).itemsize:
        raise ValueError(f"{name[:80]}: a tensor of shape {shape} that its bytes do not fill")
    return TYPES[kind], shape, (place[0], place[1])


def _check_places(places: list[tuple[int, int]], size: int) -> None:
    """ValueError unless the places follow each other without gap and overlap, and fill the file."""
    places = sorted(places)
    ends = [0, *(end for _, end in places)]
    starts = [*(start for start, _ in places), size]
    if any(end != start for end, start in itertools.zip_longest(ends, starts)):
        raise ValueError("tensors that overlap, leave gaps, or do not fill the file")
