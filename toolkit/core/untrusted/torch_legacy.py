"""Reads the tensors of checkpoints as torch wrote them before version 1.6, without torch and without trust.

Five pickles stand one behind the other (a magic number, the format's version, facts of the machine, the checkpoint, the names of its storages),
then each storage: a count, and as many plain numbers. The checkpoint's pickle runs on the same machine as that of torch's newer files (torch_zip.py).
"""

import io
import pickletools
from typing import Any, BinaryIO

import numpy as np
from jaxtyping import Shaped

from facecraft4d.toolkit.core.untrusted.door import Budget, fill
from facecraft4d.toolkit.core.untrusted.pickle_machine import Kept, Kind, Machine
from facecraft4d.toolkit.core.untrusted.pickle_opcodes import LONG, run_pickle
from facecraft4d.toolkit.core.untrusted.torch_zip import Storage, TensorMachine, strided, tensor_notes, tensor_parts

MAGIC, FORMAT = 0x1950A86A20F9469CFC6C, 1001
BEGINNING = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""The pickle of the magic number."""
MOST_PICKLES = 16 << 20
"""Bytes of the five pickles: a name and a shape for each tensor."""


class _LegacyMachine(TensorMachine):
    """Storages are noted by their names in the file; a storage that is a part of another is refused."""

    def refer(self) -> None:
        match self.stack.pop():
            case ("storage", Kept(kind=Kind.STORAGE, arguments=(dtype,)), str(name), str(), int(count), None) if (
                count >= 0
            ):
                self.stack.append(Storage(name, dtype, count))
            case _:
                raise ValueError("a reference to something that is no storage")


def read_torch_legacy(stream: BinaryIO, size: int, most_memory: int) -> dict[str, np.ndarray]:
    """Every tensor of an open file of `size` bytes by its name; names of dicts within dicts are joined by dots. The arrays are writable, tensors
    that share numbers in the file share them here. ValueError for any other file."""
    head, budget = stream.read(MOST_PICKLES), Budget(size, most_memory)
    (magic, version, system, made, names), end = first_pickles(head, 5, Budget(len(head), most_memory), _LegacyMachine)
    if (magic, version) != (MAGIC, FORMAT) or not isinstance(system, dict) or system.get("little_endian") is not True:
        raise ValueError("a checkpoint in another format")
    parts = {name: tensor_parts(note) for name, note in tensor_notes(made)}
    announced = {storage.member: storage for storage, *_ in parts.values()}
    if type(names) is not list or not set(announced) <= set(names) or len(set(names)) < len(names):
        raise ValueError("a checkpoint whose storages are not all there, or twice")
    stream.seek(end)
    numbers = {name: _numbers(stream, announced.get(name), budget) for name in names}
    for storage, *_ in parts.values():
        if (len(numbers[storage.member]), numbers[storage.member].dtype) != (storage.count, np.dtype(storage.dtype)):
            raise ValueError(f"a storage {storage.member[:40]!r} of two sizes or types")
    return {name: strided(numbers[storage.member], *place) for name, (storage, *place) in parts.items()}


def _numbers(stream: BinaryIO, storage: Storage | None, budget: Budget) -> Shaped[np.ndarray, " n"]:
    """The next storage's numbers. ValueError unless they are as many as the checkpoint says."""
    if storage is None:
        raise ValueError("a storage that no tensor uses")
    count = stream.read(LONG.size)
    if len(count) < LONG.size or LONG.unpack(count) != (storage.count,):
        raise ValueError(f"a storage {storage.member[:40]!r} of another size than {storage.count:,} numbers")
    budget.spend(storage.count * np.dtype(storage.dtype).itemsize, "a storage")
    numbers = np.empty(storage.count, storage.dtype)
    fill(numbers, stream)
    return numbers


def first_pickles(head: bytes, count: int, budget: Budget, kind: type[Machine]) -> tuple[list[Any], int]:
    """What the first pickles of a file make that stand one behind the other, and where the last one ends."""
    made, stream = [], io.BytesIO(head)
    for _ in range(count):
        made.append(run_pickle(head, stream.tell(), budget, kind))
        for _ in pickletools.genops(stream):  # to this one's end
            pass
    return made, stream.tell()
