"""Reads the tensors of torch's checkpoints (`torch.save` since torch 1.6) without torch and without trust.

Such a file is a zip of a pickle and of storages, plain numbers each. The pickle runs on our machine, which of torch knows the two names that
make tensors of storages, and the storages' own; whatever else it asks for is refused by name.
"""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from facecraft4d.toolkit.core.untrusted.door import Budget, fill
from facecraft4d.toolkit.core.untrusted.pickle_machine import NAMES, Kept, Kind, Machine
from facecraft4d.toolkit.core.untrusted.pickle_opcodes import run_pickle

MOST_PICKLE = 16 << 20
"""Bytes of the pickle: a name and a shape for each tensor."""
MOST_MEMBERS = 1 << 16
MOST_ENTRIES = 1 << 14
"""Tensors, and what else stands beside them in the dicts."""
MOST_DEPTH = 8
"""Levels of dicts in each other."""
MOST_SIDES = 8
"""Sides of a tensor."""
STORAGES = {
    "DoubleStorage": "f8", "FloatStorage": "f4", "HalfStorage": "f2", "LongStorage": "i8", "IntStorage": "i4",
    "ShortStorage": "i2", "CharStorage": "i1", "ByteStorage": "u1", "BoolStorage": "b1",
}  # fmt: skip
"""numpy's type of each of torch's storages; bfloat16 has none."""
NAMED = {
    ("collections", "OrderedDict"): NAMES["collections", "OrderedDict"],
    ("torch._utils", "_rebuild_tensor_v2"): Kind.TENSOR,
    ("torch._utils", "_rebuild_parameter"): Kind.PARAMETER,
}


@dataclass(frozen=True, slots=True)
class Storage:
    """Numbers that the pickle refers to."""

    member: str
    dtype: str
    count: int


class TensorMachine(Machine):
    """Notes tensors as `Kept`, and storages by their member of the zip."""

    def name(self, module: Any, name: Any) -> None:
        if module == "torch" and isinstance(name, str) and name in STORAGES:
            self.stack.append(Kept(Kind.STORAGE, (STORAGES[name],)))
        elif isinstance(module, str) and isinstance(name, str) and (module, name) in NAMED:
            self.stack.append(NAMED[module, name])
        else:
            raise ValueError(
                f"it asks for {str(module)[:80]}.{str(name)[:80]}, which is refused; only tensors are read"
            )

    def refer(self) -> None:
        match self.stack.pop():
            case ("storage", Kept(kind=Kind.STORAGE, arguments=(dtype,)), str(member), str(), int(count)) if count >= 0:
                self.stack.append(Storage(member, dtype, count))
            case _:
                raise ValueError("a reference to something that is no storage")

    def state(self) -> None:
        """Torch gives a network's dict a note of versions; nobody reads it."""
        self.stack.pop()


def read_torch_zip(stream: BinaryIO, size: int, most_memory: int) -> dict[str, np.ndarray]:
    """Every tensor of an open file of `size` bytes by its name; names of dicts within dicts are joined by dots. The arrays are writable, tensors
    that share numbers in the file share them here. ValueError or what zipfile raises for any other file."""
    budget = Budget(size, most_memory)
    with zipfile.ZipFile(stream) as archive:
        members = {each.filename: each for each in archive.infolist()}
        if len(members) > MOST_MEMBERS or len(members) < len(archive.infolist()):
            raise ValueError(f"{len(members):,} members, or two of one name")
        root = _root(members)
        if f"{root}/byteorder" in members and _content(archive, members[f"{root}/byteorder"]) != b"little":
            raise ValueError("numbers of a big-endian machine")
        pickled = _content(archive, members[f"{root}/data.pkl"])
        made = run_pickle(pickled, 0, Budget(len(pickled), most_memory), TensorMachine)
        storages = _Storages(archive, members, root, budget)
        return {name: storages.tensor(kept) for name, kept in tensor_notes(made)}


def _root(members: dict[str, zipfile.ZipInfo]) -> str:
    """The folder in the zip that everything is in."""
    found = [name.removesuffix("/data.pkl") for name in members if name.count("/") == 1 and name.endswith("/data.pkl")]
    if len(found) != 1:
        raise ValueError("a zip that torch did not write (no data.pkl)")
    return found[0]


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    if member.compress_type != zipfile.ZIP_STORED or member.file_size > MOST_PICKLE:
        raise ValueError(f"{member.filename}: packed, or of more than {MOST_PICKLE >> 20} MiB")
    return archive.read(member)


def tensor_notes(made: Any) -> Iterator[tuple[str, Kept]]:
    """Every tensor with its name; what else stands in the dicts is left out. ValueError for a tree that is no dict, too deep or too large."""
    if not isinstance(made, dict):
        raise ValueError("a checkpoint that is no dict of tensors")
    left, steps = [("", made, 1)], 0
    while left:
        before, tree, depth = left.pop()
        steps += len(tree)
        if depth > MOST_DEPTH or steps > MOST_ENTRIES:
            raise ValueError(f"dicts of more than {MOST_DEPTH} levels or {MOST_ENTRIES:,} entries")
        for key, value in tree.items():
            if isinstance(value, dict):
                left.append((f"{before}{key}.", value, depth + 1))
            elif isinstance(value, Kept) and value.kind in (Kind.TENSOR, Kind.PARAMETER):
                yield f"{before}{key}", value


def tensor_parts(kept: Kept) -> tuple[Storage, Any, Any, Any]:
    """Storage, offset, shape and strides of a tensor's note, or of a parameter's. ValueError for a note without them."""
    if kept.kind is Kind.PARAMETER:
        kept = kept.arguments[0] if kept.arguments else None  # type: ignore[assignment]
        if not isinstance(kept, Kept) or kept.kind is not Kind.TENSOR:
            raise ValueError("a parameter that is no tensor")
    if len(kept.arguments) < 4 or not isinstance(kept.arguments[0], Storage):
        raise ValueError("a tensor without a storage")
    storage, offset, shape, strides = kept.arguments[:4]
    return storage, offset, shape, strides


class _Storages:
    """The zip's storages, each read once and only if a tensor needs it."""

    def __init__(
        self, archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], root: str, budget: Budget
    ) -> None:
        self.archive, self.members, self.root, self.budget = archive, members, root, budget
        self.read: dict[str, np.ndarray] = {}

    def tensor(self, kept: Kept) -> np.ndarray:
        """The array of a tensor's note. ValueError unless it lies within its storage."""
        storage, *place = tensor_parts(kept)
        return strided(self._numbers(storage), *place)

    def _numbers(self, storage: Storage) -> np.ndarray:
        if storage.member not in self.read:
            member = self.members.get(f"{self.root}/data/{storage.member}")
            size = storage.count * np.dtype(storage.dtype).itemsize
            if member is None or member.file_size != size or member.compress_type != zipfile.ZIP_STORED:
                raise ValueError(
                    f"a storage {storage.member[:40]!r} of {size:,} bytes that is not there, packed or of another size"
                )
            self.budget.spend(size, "a storage")
            numbers = np.empty(storage.count, f"<{storage.dtype}" if size else storage.dtype)
            with self.archive.open(member) as stream:
                fill(numbers, stream)
                stream.read(1)  # to the end, where the zip's checksum is compared
            self.read[storage.member] = numbers
        found = self.read[storage.member]
        if len(found) != storage.count or found.dtype != np.dtype(storage.dtype):
            raise ValueError(f"a storage {storage.member[:40]!r} of two sizes or types")
        return found


def strided(numbers: np.ndarray, offset: Any, shape: Any, strides: Any) -> np.ndarray:
    """A tensor where it lies in the numbers of its storage; it may repeat some. ValueError for what are no sizes, and unless it lies within."""
    _check_sizes(offset, shape, strides)
    reach = offset + sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True)) + 1
    if 0 not in shape and reach > len(numbers):
        raise ValueError(f"a tensor of shape {shape} that reaches beyond its storage of {len(numbers):,} numbers")
    steps = tuple(stride * numbers.itemsize for stride in strides)
    return np.lib.stride_tricks.as_strided(numbers[min(offset, len(numbers)) :], shape, steps)


def _check_sizes(offset: Any, shape: Any, strides: Any) -> None:
    """ValueError for what are no sizes."""
    if not (type(shape) is type(strides) is tuple and len(shape) == len(strides) <= MOST_SIDES):
        raise ValueError("a tensor with no shape")
    if any(type(number) is not int or not 0 <= number < 1 << 40 for number in (offset, *shape, *strides)):
        raise ValueError("a tensor with an impossible shape")
