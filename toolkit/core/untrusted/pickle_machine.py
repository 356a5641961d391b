"""The stack machine that runs pickles (pickle_opcodes.py), without all that a stranger's pickle must not do.

It makes plain values, and of every object only a note of what it was made from (`Kept`): nothing is imported, nothing is called. An opcode
takes no more memory than its own bytes in the file are worth, and the budget is asked before.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from facecraft4d.toolkit.core.untrusted.door import Budget

MOST_STEPS = 1 << 20
"""Opcodes and pairs of one pickle: a second of work. A FLAME file has some hundred."""
MOST_DIGITS = 640
"""Characters of a number written as text: the largest that a binary opcode can hold (255 bytes) has 615."""
LONGEST_KEY = 1024
"""Characters of a dict's key: keys are compared again and again."""
KEY_NUMBERS = range(-(1 << 31), 1 << 31)
"""Numbers as keys: larger ones can be chosen so that all meet in one slot of the dict."""


class Kind(Enum):
    """What a pickle may name."""

    TYPE = auto()
    """numpy.dtype(code, ...)"""
    ARRAY = auto()
    """numpy's _reconstruct(...), the state says what is in it"""
    BUFFER = auto()
    """numpy's _frombuffer(bytes, type, shape, order), protocol 5"""
    SCALAR = auto()
    """numpy's scalar(type, bytes)"""
    COLUMNS = auto()
    """scipy's csc_matrix"""
    ROWS = auto()
    """scipy's csr_matrix"""
    CHUMPY = auto()
    """chumpy.Ch: an array under the key `x`"""
    BYTES = auto()
    """bytes(): protocols 0 to 2 write empty bytes so"""
    ENCODED = auto()
    """_codecs.encode(text, 'latin1'): protocols 0 to 2 write other bytes so"""
    ORDERED = auto()
    """collections.OrderedDict(pairs)"""
    REBUILT = auto()
    """copyreg._reconstructor(class, base, state): an empty object of the class"""
    TENSOR = auto()
    """torch's tensor(storage, offset, shape, strides, ...) (torch_zip.py)"""
    PARAMETER = auto()
    """torch's parameter(tensor, ...)"""
    STORAGE = auto()
    """A type of torch's storages"""
    NAMED = auto()
    """A class that is only an argument, or makes what nobody reads"""


NAMES: dict[tuple[str, str], Kind] = {
    ("numpy", "dtype"): Kind.TYPE,
    ("numpy", "ndarray"): Kind.NAMED,
    ("chumpy.ch", "Ch"): Kind.CHUMPY,
    ("_codecs", "encode"): Kind.ENCODED,
    ("collections", "OrderedDict"): Kind.ORDERED,
    **{(module, name): Kind.NAMED for module in ("__builtin__", "builtins") for name in ("object", "set")},
    **{(module, "bytes"): Kind.BYTES for module in ("__builtin__", "builtins")},
    **{(module, "_reconstructor"): Kind.REBUILT for module in ("copy_reg", "copyreg")},
    **{(f"numpy.{core}.multiarray", "_reconstruct"): Kind.ARRAY for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): Kind.BUFFER for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): Kind.SCALAR for core in ("core", "_core")},
    **{(f"scipy.sparse.{module}", "csc_matrix"): Kind.COLUMNS for module in ("csc", "_csc")},
    **{(f"scipy.sparse.{module}", "csr_matrix"): Kind.ROWS for module in ("csr", "_csr")},
}


@dataclass(slots=True, eq=False)
class Kept:
    """An object of the pickle: how it was made and the state it was given, nothing more."""

    kind: Kind
    arguments: tuple[Any, ...]
    state: Any = None


class Machine:
    """The state of a pickle that runs. Its methods raise ValueError for what no honest pickle asks for."""

    def __init__(self, data: bytes, start: int, budget: Budget) -> None:
        self.data, self.place, self.budget, self.steps = data, start, budget, 0
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []
        """The stacks that were put aside by marks."""
        self.memo: dict[int, Any] = {}

    def count(self, steps: int) -> None:
        """Take steps. ValueError after MOST_STEPS."""
        self.steps += steps
        if self.steps > MOST_STEPS:
            raise ValueError(f"more than {MOST_STEPS:,} steps")

    def taken(self, count: int) -> bytes:
        """The next bytes; ValueError if the file has fewer."""
        end = self.place + count
        if not self.place <= end <= len(self.data):
            raise ValueError("a pickle that ends early")
        self.place, start = end, self.place
        return self.data[start:end]

    def number(self, layout: struct.Struct) -> Any:
        return layout.unpack(self.taken(layout.size))[0]

    def content(self, count: int) -> bytes:
        """The next bytes as a content of their own."""
        self.budget.spend(min(count, len(self.data)), "a content")
        return self.taken(count)

    def line(self) -> bytes:
        """Up to the end of the line."""
        end = self.data.find(b"\n", self.place)
        if end < 0:
            raise ValueError("a pickle that ends early")
        line = self.content(end - self.place)
        self.place += 1
        return line

    def digits(self) -> str:
        """A number as text."""
        line = self.line()
        if len(line) > MOST_DIGITS:
            raise ValueError(f"a number of {len(line):,} characters")
        return line.decode("ascii")

    def marked(self) -> list[Any]:
        """What was pushed since the last mark; the mark goes."""
        items, self.stack = self.stack, self.below.pop()
        return items

    def fill(self, pairs: Iterable[tuple[Any, Any]]) -> None:
        """Put pairs into the dict on top of the stack."""
        target = self.top(dict)
        for key, value in pairs:
            target[_key(key)] = value

    def extend(self, items: list[Any]) -> None:
        self.top(list).extend(items)

    def top(self, kind: type) -> Any:
        """The top of the stack. ValueError unless it is of the kind."""
        if type(self.stack[-1]) is not kind:
            raise ValueError(f"{type(self.stack[-1]).__name__} where {kind.__name__} is needed")
        return self.stack[-1]

    def remember(self, index: int) -> None:
        if not 0 <= index < MOST_STEPS:
            raise ValueError(f"a memory numbered {index}")
        self.memo[index] = self.stack[-1]

    def recall(self, index: int) -> None:
        if index not in self.memo:
            raise ValueError(f"a reference to {index}, which is not there")
        self.stack.append(self.memo[index])

    def name(self, module: Any, name: Any) -> None:
        """Push what we have for a global, or refuse it by name."""
        if not (isinstance(module, str) and isinstance(name, str)):
            raise ValueError("a name that is no text")
        if (module, name) not in NAMES:
            raise ValueError(f"it asks for {module[:80]}.{name[:80]}, which is refused; only arrays are read")
        self.stack.append(NAMES[module, name])

    def refer(self) -> None:
        """Replace what stands for something outside the pickle by it: there is nothing outside of a pickle that is a whole file."""
        raise ValueError("a reference to something outside the pickle")

    def make(self) -> None:
        """Replace a named class and its arguments by a note of them."""
        arguments, kind = self.stack.pop(), self.stack.pop()
        if not isinstance(kind, Kind) or type(arguments) is not tuple:
            raise ValueError("a call of what is no class")
        if kind is Kind.REBUILT:
            if not isinstance(arguments[0], Kind):
                raise ValueError("an unknown class to rebuild")
            kind, arguments = arguments[0], ()
        if kind is Kind.ORDERED:
            self.order(*arguments)
        else:
            self.stack.append(Kept(kind, arguments))

    def order(self, pairs: Any = ()) -> None:
        """Push a dict of a list of pairs."""
        if type(pairs) not in (list, tuple):
            raise ValueError("an OrderedDict of no pairs")
        self.count(len(pairs))
        self.stack.append({})
        self.fill(_pair(each) for each in pairs)

    def state(self) -> None:
        """Give an object its state."""
        state = self.stack.pop()
        self.top(Kept).state = state


def _key(key: Any) -> Any:
    """A dict's key: short text or bytes, or a small number. ValueError for others."""
    if (type(key) in (str, bytes) and len(key) <= LONGEST_KEY) or (type(key) is int and key in KEY_NUMBERS):
        return key
    raise ValueError(f"a dict's key that is no short text ({type(key).__name__})")


def _pair(items: Any) -> tuple[Any, Any]:
    if type(items) not in (list, tuple) or len(items) != 2:
        raise ValueError("an OrderedDict of no pairs")
    return items[0], items[1]
