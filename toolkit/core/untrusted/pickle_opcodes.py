"""What each opcode of a pickle does on the machine, protocols 0 to 5.

What nothing but a hostile file uses has no action: extension codes, instances by INST and OBJ, classes called by
keywords, sets, numbers of more than 255 bytes.
"""

import codecs
import struct
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from facecraft4d.toolkit.core.untrusted.door import Budget
from facecraft4d.toolkit.core.untrusted.pickle_machine import Machine

NARROW_BYTE = 0xC3
"""UTF-8 without a larger byte is Latin-1: one byte of memory a character, not four."""
LONG_TEXT = 1 << 12
"""Bytes from which it pays to look how wide a text is."""
NEWEST_PROTOCOL = 5
BYTE, SHORT, WORD, LONG = (struct.Struct(f"<{letter}") for letter in "BHIQ")
"""Lengths without sign, of 1, 2, 4 and 8 bytes."""
SIGNED = struct.Struct("<i")

Action = Callable[[Machine], Any]


def run_pickle(data: bytes, start: int, budget: Budget, kind: type[Machine] = Machine) -> Any:
    """What the pickle that begins at `start` makes on a machine of the kind: None, numbers, texts, bytes, lists, tuples, dicts, `Kept` and `Kind`;
    it may contain itself.

    ValueError for anything else, for damage, and for more than the budget and MOST_STEPS allow.
    """
    machine = kind(data, start, budget)
    try:
        while (code := machine.taken(1)) != b".":
            machine.count(1)
            if code not in ACTIONS:
                raise ValueError(f"opcode {code!r} at byte {machine.place - 1}, which no file of arrays needs")
            ACTIONS[code](machine)
        return machine.stack.pop()
    except IndexError:
        raise ValueError("a pickle that takes more than it made") from None


def _pairs(items: list[Any]) -> Iterable[tuple[Any, Any]]:
    """ValueError for an odd count."""
    return zip(items[::2], items[1::2], strict=True)


def _latin(machine: Machine, raw: bytes) -> str:
    """A text of Python 2."""
    machine.budget.spend(len(raw), "a text")
    return raw.decode("latin1")


def _utf8(machine: Machine, raw: bytes) -> str:
    narrow = len(raw) > LONG_TEXT and np.frombuffer(raw, np.uint8).max() <= NARROW_BYTE
    machine.budget.spend(len(raw) * (1 if narrow else 4), "a text")
    return str(raw, "utf-8", "surrogatepass")


def _escaped(machine: Machine) -> str:
    """A line with \\u escapes."""
    raw = machine.line()
    machine.budget.spend(4 * len(raw), "a text")
    return str(raw, "raw-unicode-escape")


def _quoted(machine: Machine) -> str:
    """A line in quotes, a text of Python 2."""
    raw = machine.line()
    if len(raw) < 2 or raw[:1] != raw[-1:] or raw[:1] not in (b"'", b'"'):
        raise ValueError("a text without quotes")
    machine.budget.spend(2 * len(raw), "a text")  # without quotes, without escapes
    return _latin(machine, codecs.escape_decode(raw[1:-1])[0])


def _bytes(machine: Machine, raw: bytes) -> bytes:
    return raw


def _whole(machine: Machine) -> int | bool:
    """A line with a number; 00 and 01 are truth values."""
    text = machine.digits()
    return {"00": False, "01": True}[text] if text in ("00", "01") else int(text, 0)


def _long(machine: Machine) -> int:
    return int.from_bytes(machine.taken(machine.number(BYTE)), "little", signed=True)


def _protocol(machine: Machine) -> None:
    if machine.number(BYTE) > NEWEST_PROTOCOL:
        raise ValueError("a pickle of an unknown protocol")


def _mark(machine: Machine) -> None:
    machine.below.append(machine.stack)
    machine.stack = []


def _pop(machine: Machine) -> None:
    machine.stack.pop() if machine.stack else machine.marked()


def _last(count: int) -> Action:
    """Replace the last values by a tuple of them."""

    def action(machine: Machine) -> None:
        if len(machine.stack) < count:
            raise ValueError("a tuple of too few values")
        machine.stack[-count:] = [tuple(machine.stack[-count:])]

    return action


def _push(made: Callable[[Machine], Any]) -> Action:
    return lambda machine: machine.stack.append(made(machine))


def _counted(length: struct.Struct, decoded: Callable[[Machine, bytes], Any]) -> Action:
    return lambda machine: machine.stack.append(decoded(machine, machine.content(machine.number(length))))


def _marked(kind: type) -> Action:
    """Push what was pushed since the last mark as one value."""

    def action(machine: Machine) -> None:
        items = machine.marked()
        machine.stack.append(kind(items))

    return action


def _global(machine: Machine) -> None:
    machine.name(machine.line().decode(), machine.line().decode())


def _stack_global(machine: Machine) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    machine.name(module, name)


def _append(machine: Machine) -> None:
    item = machine.stack.pop()
    machine.extend([item])


def _set_item(machine: Machine) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    machine.fill([(key, value)])


def _dict(machine: Machine) -> None:
    items = machine.marked()
    machine.stack.append({})
    machine.fill(_pairs(items))


ACTIONS: dict[bytes, Action] = {
    b"\x80": _protocol,
    b"\x95": lambda machine: machine.number(LONG),  # a frame: only a hint how much to read at once
    b"N": _push(lambda machine: None),
    b"\x88": _push(lambda machine: True),
    b"\x89": _push(lambda machine: False),
    b"I": _push(_whole),
    b"J": _push(lambda machine: machine.number(SIGNED)),
    b"K": _push(lambda machine: machine.number(BYTE)),
    b"M": _push(lambda machine: machine.number(SHORT)),
    b"L": _push(lambda machine: int(machine.digits().removesuffix("L"), 0)),
    b"\x8a": _push(_long),
    b"F": _push(lambda machine: float(machine.digits())),
    b"G": _push(lambda machine: machine.number(struct.Struct(">d"))),
    b"S": _push(_quoted),
    b"T": _counted(SIGNED, _latin),
    b"U": _counted(BYTE, _latin),
    b"V": _push(_escaped),
    b"X": _counted(WORD, _utf8),
    b"\x8c": _counted(BYTE, _utf8),
    b"\x8d": _counted(LONG, _utf8),
    b"B": _counted(WORD, _bytes),
    b"C": _counted(BYTE, _bytes),
    b"\x8e": _counted(LONG, _bytes),
    b"\x96": _counted(LONG, _bytes),
    b"(": _mark,
    b"0": _pop,
    b"1": lambda machine: machine.marked(),
    b"2": _push(lambda machine: machine.stack[-1]),
    b")": _push(lambda machine: ()),
    b"\x85": _last(1),
    b"\x86": _last(2),
    b"\x87": _last(3),
    b"t": _marked(tuple),
    b"]": _push(lambda machine: []),
    b"l": _marked(list),
    b"a": _append,
    b"e": lambda machine: machine.extend(machine.marked()),
    b"}": _push(lambda machine: {}),
    b"d": _dict,
    b"s": _set_item,
    b"u": lambda machine: machine.fill(_pairs(machine.marked())),
    b"p": lambda machine: machine.remember(int(machine.digits())),
    b"q": lambda machine: machine.remember(machine.number(BYTE)),
    b"r": lambda machine: machine.remember(machine.number(WORD)),
    b"\x94": lambda machine: machine.remember(len(machine.memo)),
    b"g": lambda machine: machine.recall(int(machine.digits())),
    b"h": lambda machine: machine.recall(machine.number(BYTE)),
    b"j": lambda machine: machine.recall(machine.number(WORD)),
    b"c": _global,
    b"\x93": _stack_global,
    b"Q": lambda machine: machine.refer(),
    b"R": lambda machine: machine.make(),
    b"\x81": lambda machine: machine.make(),
    b"b": lambda machine: machine.state(),
}
"""By opcode."""
