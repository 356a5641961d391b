"""Reads numpy's .npz without trust: plain arrays only, their sizes agreed between zip and header before memory is taken.

numpy.load takes a header's word for an array's size; a header of 80 bytes may ask for 4 TiB.
"""

import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from facecraft4d.toolkit.core.untrusted.door import MOST_BUDGET, Budget, at_the_border, fill, open_untrusted

MOST_ARRAYS = 4096
PLAIN_KINDS = frozenset("biufSU")
"""numpy's kinds of types that are nothing but bytes: truth values, numbers, texts of fixed length."""
READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
"""By version of the .npy format; the third is for field names beyond Latin-1, which plain arrays do not have."""


def read_npz(path: Path, what: str, most_bytes: int, most_memory: int = MOST_BUDGET) -> dict[str, np.ndarray]:
    """Every array of the file by its name, fresh and writable. `what` names the file in messages. UserError for any other file, a damaged one,
    and one that would need more than `most_memory` bytes, or more than its size allows (untrusted.Budget)."""
    with open_untrusted(path, what, most_bytes) as stream, at_the_border(path, what):
        with zipfile.ZipFile(stream) as archive:
            members = archive.infolist()
            if len(members) > MOST_ARRAYS or len({each.filename for each in members}) < len(members):
                raise ValueError(f"{len(members)} arrays, or two of one name")
            budget = Budget(path.stat().st_size, most_memory)
            budget.spend(sum(each.file_size for each in members), "what is packed in it")
            return {each.filename.removesuffix(".npy"): _array(archive, each) for each in members}


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    """One array; ValueError unless it fills its member exactly."""
    with archive.open(member) as stream:
        shape, column_major, dtype = _header(stream)
        size = math.prod(shape) * dtype.itemsize
        if size != member.file_size - stream.tell():
            raise ValueError(
                f"{member.filename}: a header of shape {shape} and type {dtype} that its bytes do not fill"
            )
        array = np.empty(shape, dtype, order="F" if column_major else "C")
        fill(array, stream)
        stream.read(1)  # to the end, where the zip's checksum is compared
        return array


def _header(stream: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(stream)
    if version not in READERS:
        raise ValueError(f"an array of version {version}")
    shape, column_major, dtype = READERS[version](stream)
    if dtype.kind not in PLAIN_KINDS or dtype.itemsize == 0 or dtype.fields is not None:
        raise ValueError(f"an array of type {dtype} where plain numbers are needed")
    if any(type(side) is not int or side < 0 for side in shape):
        raise ValueError(f"an array of shape {shape}")
    return shape, column_major, dtype
