"""PLY files of others: types, orders and properties as they like; and what is none, or wants too much, is one line at once."""

import time
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from facecraft4d.exporters.stills.ply_reading import read_ply
from facecraft4d.exporters.stills.ply_table import FIELDS
from facecraft4d.toolkit.core.checks import UserError

MOST_BYTES, MOST_SECONDS = 32 << 20, 1.0


def ply(
    types: dict[str, str] | None = None,
    count: int = 3,
    declared: object = None,
    first: str = "ply\nformat binary_little_endian 1.0\n",
    after: bytes = b"",
    **values: float,
) -> bytes:
    """A file of `count` splats of other programs: `types` by property, `values` of some."""
    kinds = types or dict.fromkeys(FIELDS, "float")
    codes = {"float": "<f4", "double": "<f8", "uchar": "u1", "int": "<i4"}
    rows = np.zeros(count, [(name, codes.get(kind, "<f4")) for name, kind in kinds.items()])
    for name, value in {"rot_0": 1.0, **values}.items():
        if name in kinds:
            rows[name] = value
    lines = [f"element vertex {count if declared is None else declared}"]
    lines += [f"property {kind} {name}" for name, kind in kinds.items()]
    return (first + "\n".join(lines) + "\nend_header\n").encode() + rows.tobytes() + after


PLAIN = dict.fromkeys(FIELDS, "float")
NEEDED = {name: "float" for name in FIELDS if not name.startswith("n")}


def test_types_and_order_are_the_writers_choice() -> None:
    kinds = {"quality": "uchar", **{name: "double" for name in reversed(NEEDED)}, "label": "int", "red": "uchar"}
    found = read_ply(ply(kinds, x=0.5, opacity=2.0, scale_1=-3.0, f_dc_2=1.0, rot_0=7.0, label=9), "a.ply")
    assert np.array_equal(found.splats.means, np.tile(np.float32([0.5, 0, 0]), (3, 1)))
    assert np.array_equal(found.splats.rotations_wxyz, np.tile(np.float32([1, 0, 0, 0]), (3, 1)))
    assert np.allclose(found.splats.scales, np.exp([0, -3, 0])) and np.allclose(found.splats.opacities, 0.880797)
    assert np.allclose(found.splats.colors, [0.5, 0.5, 0.78209479])


def test_line_ends_of_windows_and_further_elements() -> None:
    windows = ply().replace(b"\n", b"\r\n", ply().index(b"end_header") and 21)
    assert len(read_ply(windows, "a.ply").splats.means) == 3
    more = (
        ply().replace(b"end_header", b"element face 1\nproperty list uchar int vertex_indices\nend_header") + b"\1\2\3"
    )
    assert len(read_ply(more, "a.ply").splats.means) == 3


@pytest.mark.parametrize("count, degree", [(0, 0), (9, 1), (24, 2), (45, 3), (72, 4)])
def test_higher_degrees_are_dropped_and_said(count: int, degree: int) -> None:
    rest = {f"f_rest_{index}": "float" for index in range(count)}
    found = read_ply(ply(PLAIN | rest, f_rest_3=5.0), "a.ply")
    assert found.sh_degree == degree and np.allclose(found.splats.colors, 0.5)


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "no header"),
    "text": (lambda: b"hello", "no header"),
    "header without end": (lambda: b"ply\n" + b"comment x\n" * 100_000, "no header"),
    "end beyond the limit": (lambda: b"ply\n" + b"comment x\n" * 7000 + ply()[4:], "no header"),
    "ascii": (lambda: ply(first="ply\nformat ascii 1.0\n"), "where binary_little_endian"),
    "big-endian": (lambda: ply(first="ply\nformat binary_big_endian 1.0\n"), "where binary_little_endian"),
    "another version": (lambda: ply(first="ply\nformat binary_little_endian 2.0\n"), "where binary_little_endian"),
    "faces first": (lambda: ply(first="ply\nformat binary_little_endian 1.0\nelement face 1\nproperty int a\n"), "first element"),
    "no element": (lambda: b"ply\nformat binary_little_endian 1.0\nend_header\n", "first element"),
    "no splats": (lambda: ply(count=0), "between 1.0 and"),
    "negative count": (lambda: ply(declared=-3), "first element"),
    "count of words": (lambda: ply(declared="\u0663"), "first element"),
    "count of thousands of digits": (lambda: ply(declared="9" * 5000), "first element"),
    "count beyond the limit": (lambda: ply(declared=2**24 + 1), "between 1.0 and"),
    "count beyond the file": (lambda: ply(declared=2**24), "but 204 bytes"),
    "cut": (lambda: ply()[:-1], "but 203 bytes"),
    "more bytes": (lambda: ply(after=b"x"), "but 205 bytes"),
    "no opacity": (lambda: ply({name: kind for name, kind in PLAIN.items() if name != "opacity"}), "without the property opacity"),
    "a mesh": (lambda: ply({"x": "float", "y": "float", "z": "float"}), "is it a file of splats"),
    "property twice": (lambda: ply().replace(b"float ny", b"float nx"), "two of one name"),
    "list": (lambda: ply().replace(b"property float nx", b"property list uchar int nx"), "where scalars are read"),
    "unknown type": (lambda: ply(PLAIN | {"nx": "half"}), "where scalars are read"),
    "property of nothing": (lambda: ply().replace(b"property float nx", b"property"), "scalars"),
    "thousands of properties": (lambda: ply(PLAIN | {f"p{i}": "uchar" for i in range(1000)}), "1017 properties"),
    "no degree": (lambda: ply(PLAIN | {"f_rest_0": "float"}), "1 properties f_rest_"),
    "not a number": (lambda: ply(x=np.nan), "positions must be finite"),
    "infinite opacity": (lambda: ply(opacity=np.inf), "opacity must be finite"),
    "endless scale": (lambda: ply(scale_0=90.0), "standard deviations must be"),
    "endless coefficient": (lambda: ply(f_dc_0=1e30), "f_dc must be between"),
    "double beyond float": (lambda: ply(dict.fromkeys(FIELDS, "double"), x=1e300), "positions must be finite"),
    "no rotation": (lambda: ply(rot_0=0.0), "rotation is zero"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_no_file_of_splats_is_one_line(case: str) -> None:
    make, words = HOSTILE[case]
    data = make()
    tracemalloc.start()
    begun = time.monotonic()
    with pytest.raises(UserError, match=words) as refusal:
        read_ply(data, "a.ply")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert time.monotonic() - begun < MOST_SECONDS and peak < MOST_BYTES
    said = str(refusal.value)
    assert said.startswith("a.ply: expected splats as a binary PLY, found ") and said.isprintable() and len(said) < 500
