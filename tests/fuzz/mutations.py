"""Ways to damage a file, all from one seed: bytes for any format, values for JSON, cells for CSV."""

import copy
import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

Random = np.random.Generator

NUMBERS = (0, 1, -1, 2, 127, 255, 256, 65535, 2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**32 - 4, 2**53, 2**62, 2**63, 2**64)
"""Where counters and offsets break; 2^32 - 4 is a size that steps back to itself."""
VALUES: tuple[Any, ...] = (
    *NUMBERS, None, True, "", "x" * 1000, "\x1b[2J", "a\0b", "../../etc/passwd", "/dev/zero", [], {}, [[]], [None], {"a": {}}, 0.5, -0.0, 1e30,
    1e308, 1e-320, float("inf"), float("nan"), 10**400, [0] * 1000, "NaN", "\udce9", ["x"] * 300,
)  # fmt: skip
CELLS = (
    "",
    "nan",
    "inf",
    "1e39",
    "1e400",
    "-",
    "0x10",
    "x",
    '"',
    "\0",
    "9" * 400,
    "1_0",
    "é",
    "-0",
    "1e-400",
    "\t1",
    "true",
)


def damaged(data: bytes, random: Random) -> bytes:
    """One to eight changes of bytes: flipped, set, cut, doubled, moved, numbers at the limits of their types."""
    changed = bytearray(data)
    for _ in range(random.integers(1, 9)):
        if not changed:
            return bytes(random.integers(0, 256, 8, np.uint8))
        CHANGES[random.integers(len(CHANGES))](changed, random)
    return bytes(changed)


def _flip(data: bytearray, random: Random) -> None:
    data[random.integers(len(data))] ^= 1 << random.integers(8)


def _set(data: bytearray, random: Random) -> None:
    data[random.integers(len(data))] = random.integers(256)


def _cut(data: bytearray, random: Random) -> None:
    start = random.integers(len(data))
    del data[start : start + _length(data, random)]


def _end(data: bytearray, random: Random) -> None:
    del data[random.integers(len(data)) :]


def _double(data: bytearray, random: Random) -> None:
    start, place = random.integers(len(data), size=2)
    data[place:place] = data[start : start + _length(data, random)]


def _move(data: bytearray, random: Random) -> None:
    start, place = random.integers(len(data), size=2)
    piece = data[start : start + _length(data, random)]
    data[place : place + len(piece)] = piece


def _number(data: bytearray, random: Random) -> None:
    layout = ("<H", ">H", "<I", ">I", "<Q", ">Q", "<f")[random.integers(7)]
    value: Any = NUMBERS[random.integers(len(NUMBERS))]
    size = struct.calcsize(layout)
    packed = struct.pack("<f", VALUES[-12] if value < 0 else value) if layout == "<f" else value % (1 << 8 * size)
    place = random.integers(max(1, len(data) - size))
    data[place : place + size] = packed if isinstance(packed, bytes) else struct.pack(layout, packed)


def _length(data: bytearray, random: Random) -> int:
    return int(min(len(data), 2 ** random.integers(0, 16)))


CHANGES: tuple[Callable[[bytearray, Random], None], ...] = (
    _flip,
    _flip,
    _set,
    _set,
    _number,
    _number,
    _cut,
    _end,
    _double,
    _move,
)


def changed_json(document: Any, random: Random) -> Any:
    """A copy with one to four values replaced, removed, doubled or swapped, anywhere in the tree."""
    document = json.loads(json.dumps(document))
    for _ in range(random.integers(1, 5)):
        holders = [node for node in _nodes(document) if len(node)]
        if not holders:
            return document
        holder = holders[random.integers(len(holders))]
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        key, other = (keys[random.integers(len(keys))] for _ in range(2))
        match random.integers(6):
            case 0:
                del holder[key]
            case 1:
                holder[key] = json.loads(json.dumps(holder[other]))
            case 2:
                holder[key], holder[other] = holder[other], holder[key]
            case 3 if (
                isinstance(holder[key], int | float) and not isinstance(holder[key], bool) and abs(holder[key]) < 1e300
            ):
                holder[key] = holder[key] * float(random.choice([-1, 2, 1000, 1e6, 0.5]))
            case _:
                holder[key] = copy.deepcopy(VALUES[random.integers(len(VALUES))])
    return document


def _nodes(value: Any) -> list[Any]:
    found, rest = [], [value]
    while rest:
        node = rest.pop()
        if isinstance(node, dict | list):
            found.append(node)
            rest += node.values() if isinstance(node, dict) else node
    return found


def as_json(document: Any) -> bytes:
    """JSON with what Python's writer adds to it (NaN, Infinity) and numbers of any length."""
    return json.dumps(document).encode(errors="surrogatepass")


def changed_cells(data: bytes, random: Random) -> bytes:
    """A CSV with cells and rows replaced, doubled, removed."""
    rows = [line.split(",") for line in data.decode().splitlines()]
    for _ in range(random.integers(1, 6)):
        row = rows[random.integers(len(rows))]
        place = random.integers(len(row))
        match random.integers(6):
            case 0:
                row[place : place + 1] = []
            case 1:
                rows.insert(random.integers(len(rows)), list(row))
            case 2:
                row.insert(place, row[place])
            case _:
                row[place : place + 1] = [CELLS[random.integers(len(CELLS))]]
        if not row:
            row.append("")
    return "\n".join(",".join(row) for row in rows).encode(errors="surrogatepass")
