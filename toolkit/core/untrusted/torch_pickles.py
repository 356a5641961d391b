"""Reads networks out of pickles that torch wrote, without torch and without running anything from them.

NVIDIA's persistence stores a network as a note: the source of its class, which is never looked at here, the class' name, and its state. The
state holds tensors and further networks by name. A tensor's numbers are a file of their own inside of the pickle: five small pickles, a count,
the numbers (torch's format before 1.6, in which it still pickles tensors one by one).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from facecraft4d.toolkit.core.untrusted.door import Budget, at_the_border, read_untrusted
from facecraft4d.toolkit.core.untrusted.pickle_machine import NAMES, Kept, Kind, Machine
from facecraft4d.toolkit.core.untrusted.pickle_opcodes import LONG, run_pickle
from facecraft4d.toolkit.core.untrusted.torch_legacy import FORMAT, MAGIC, first_pickles
from facecraft4d.toolkit.core.untrusted.torch_zip import STORAGES, strided

MOST_MEMORY = 3 << 30
"""Bytes for the file and the tensors that are read of it."""
MOST_TENSORS = 4096
"""Networks and tensors of one network."""
MOST_LEVELS = 16
"""Networks in each other."""
HEADER_BYTES = 4096
"""Before the numbers of a tensor; torch writes some 350."""
TORCH_NAMES = {
    **NAMES,
    ("torch_utils.persistence", "_reconstruct_persistent_obj"): Kind.NETWORK,
    ("torch._utils", "_rebuild_tensor_v2"): Kind.TENSOR,
    ("torch._utils", "_rebuild_parameter"): Kind.PARAMETER,
    ("torch.storage", "_load_from_bytes"): Kind.NUMBERS,
    ("dnnlib.util", "EasyDict"): Kind.ORDERED,
    **{("torch", name): Kind.NAMED for name in ("Size", "device", "float16", "float32", "float64")},
}
INERT = ("torch.nn.modules.", "torch_utils.", "training.")
"""Modules whose classes a network's file may name; nothing is made of them but a note."""


class _NetworkMachine(Machine):
    """Knows torch's names, and leaves bytes where they are."""

    def name(self, module: Any, name: Any) -> None:
        if module == "torch" and isinstance(name, str) and name in STORAGES:
            self.stack.append(np.dtype(STORAGES[name]).newbyteorder("<"))
        elif isinstance(module, str) and isinstance(name, str) and (module, name) in TORCH_NAMES:
            self.stack.append(TORCH_NAMES[module, name])
        elif isinstance(module, str) and f"{module}.".startswith(INERT):
            self.stack.append(Kind.NAMED)
        else:
            super().name(module, name)

    def raw(self, count: int) -> Any:
        """A view of the file."""
        start, self.place = self.place, self.place + count
        if self.place > len(self.data):
            raise ValueError("a pickle that ends early")
        return memoryview(self.data)[start : self.place]

    def refer(self) -> None:
        """What lies beside the pickle stays the tuple that says where."""
        if type(self.stack[-1]) is not tuple:
            raise ValueError("a reference that is no tuple")

    def empty_set(self) -> None:
        """A list: sets are only asked whether they hold a name."""
        self.stack.append([])


Tensors = dict[str, Shaped[np.ndarray, "..."]]


@dataclass(frozen=True, slots=True, eq=False)
class StoredNetwork:
    """What a file holds of a network."""

    class_name: str
    arguments: dict[Any, Any]
    """By keyword, as it was constructed. Whatever the file holds: plain values, or notes of objects."""
    tensors: Tensors
    """Parameters and buffers by dotted names."""


def read_network(path: Path, key: str, what: str, most_bytes: int, advice: str = "") -> StoredNetwork:
    """The network under `key` of a pickled dict; what else the dict holds is not unpacked. UserError if it is not there, or holds anything else
    than tensors and networks."""
    data = read_untrusted(path, what, most_bytes, advice)
    with at_the_border(path, what, advice):
        budget = Budget(len(data), MOST_MEMORY)
        budget.spend(len(data), "the file")
        content = run_pickle(data, 0, budget, _NetworkMachine)
        if not isinstance(content, dict) or key not in content:
            raise ValueError(f"a pickle without {key}")
        note = _module(content[key])
        if note is None:
            raise ValueError(f"a pickle whose {key} is no network")
        state = _state(note)
        arguments = state.get("_init_kwargs")
        return StoredNetwork(
            str(note.get("class_name")), arguments if isinstance(arguments, dict) else {}, _tensors(note, budget)
        )


def _module(value: Any) -> dict[Any, Any] | None:
    """What is noted of a network; None for anything else."""
    if isinstance(value, Kept) and value.kind is Kind.NETWORK and len(value.arguments) == 1:
        note = value.arguments[0]
        return note if isinstance(note, dict) else None
    return {"state": value.state} if isinstance(value, Kept) and value.kind is Kind.NAMED else None


def _state(note: dict[Any, Any]) -> dict[Any, Any]:
    state = note.get("state")
    return state if isinstance(state, dict) else {}


def _tensors(note: dict[Any, Any], budget: Budget) -> Tensors:
    found: Tensors = {}
    for count, (name, value) in enumerate(_named(note, "", 0)):
        if count >= MOST_TENSORS:
            raise ValueError(f"a network of more than {MOST_TENSORS} parts")
        if value is not None:
            found[name] = _tensor(value, budget)
    return found


def _named(note: dict[Any, Any], prefix: str, level: int) -> Iterator[tuple[str, Any]]:
    """Tensors by their names, and None for each network. Buffers that were not to be saved are left out, as torch does."""
    if level > MOST_LEVELS:
        raise ValueError(f"networks in each other, more than {MOST_LEVELS} deep")
    yield prefix, None
    state = _state(note)
    passing = state.get("_non_persistent_buffers_set") or ()
    for group in ("_parameters", "_buffers"):
        for name, value in _entries(state, group):
            if value is not None and not (group == "_buffers" and name in passing):
                yield prefix + name, value
    for name, value in _entries(state, "_modules"):
        part = _module(value)
        if part is not None:
            yield from _named(part, f"{prefix}{name}.", level + 1)


def _entries(state: dict[Any, Any], group: str) -> list[tuple[str, Any]]:
    entries = state.get(group, {})
    if not isinstance(entries, dict) or not all(isinstance(name, str) for name in entries):
        raise ValueError(f"a network whose {group} are no names with values")
    return list(entries.items())


def _tensor(value: Any, budget: Budget) -> Shaped[np.ndarray, "..."]:
    """A copy of a tensor's numbers."""
    if isinstance(value, Kept) and value.kind is Kind.PARAMETER and value.arguments:
        value = value.arguments[0]
    if not (isinstance(value, Kept) and value.kind is Kind.TENSOR and len(value.arguments) >= 4):
        raise ValueError("a network with a value that is no tensor")
    storage, offset, size, strides = value.arguments[:4]
    numbers = _storage(storage, budget)
    found = strided(numbers, offset, size, strides)
    if found.size > len(numbers):
        raise ValueError(f"a tensor of shape {size} in {len(numbers)} numbers")
    budget.spend(found.nbytes, "a tensor")
    return found.copy()


def _storage(value: Any, budget: Budget) -> Shaped[np.ndarray, " n"]:
    """The numbers of a tensor's own file, which stay where they are."""
    content = value.arguments[0] if isinstance(value, Kept) and value.kind is Kind.NUMBERS and value.arguments else None
    if not isinstance(content, memoryview):
        raise ValueError("a tensor without its bytes")
    (magic, version, system, reference), _ = first_pickles(bytes(content[:HEADER_BYTES]), 4, budget, _NetworkMachine)
    if (magic, version) != (MAGIC, FORMAT) or not isinstance(system, dict) or system.get("little_endian") is not True:
        raise ValueError("a tensor in another format")
    dtype, count = _announced(reference)
    start = len(content) - count * dtype.itemsize
    if start < LONG.size or LONG.unpack(content[start - LONG.size : start]) != (count,):
        raise ValueError(f"a tensor of {count} numbers in {len(content)} bytes")
    return np.frombuffer(content, dtype, count, start)


def _announced(reference: Any) -> tuple[np.dtype[Any], int]:
    """Type and count of the numbers that a storage's pickle refers to."""
    match reference:
        case ("storage", np.dtype() as dtype, str(), str(), int(count), *_) if count >= 0:
            return dtype, count
    raise ValueError("a tensor without its numbers")
