"""What pickles hold comes back whatever the protocol; no pickle, however made, takes much memory or time, and none runs anything."""

import collections
import json
import pickle
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.untrusted.pickles import read_pickle

MOST_BYTES = 128 << 20
"""Memory for reading one of the files below, none of which has more than 4 MB."""
PROTOCOLS = st.integers(0, pickle.HIGHEST_PROTOCOL)
NUMBERS = st.one_of(
    arrays.boolean_dtypes(), arrays.integer_dtypes(), arrays.unsigned_integer_dtypes(), arrays.floating_dtypes()
)
ARRAYS = arrays.arrays(NUMBERS, arrays.array_shapes(min_dims=0, min_side=0, max_side=4))
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | ARRAYS
KEYS = st.text() | st.integers(-(1 << 31), (1 << 31) - 1)
TREES = st.recursive(
    LEAVES,
    lambda items: (
        st.lists(items)
        | st.lists(items).map(tuple)
        | st.dictionaries(KEYS, items)
        | st.dictionaries(KEYS, items).map(collections.OrderedDict)
    ),
    max_leaves=12,
)


def read(data: bytes) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "some.pkl"
        path.write_bytes(data)
        return read_pickle(path)


def assert_same(found: Any, given: Any) -> None:
    """The same types, sizes and values; NaN equals itself, an OrderedDict is a dict."""
    if isinstance(given, dict):
        assert type(found) is dict and list(found) == list(given)
        for key, value in given.items():
            assert_same(found[key], value)
    elif isinstance(given, (list, tuple)):
        assert type(found) is type(given) and len(found) == len(given)
        for one, other in zip(found, given, strict=True):
            assert_same(one, other)
    elif isinstance(given, np.ndarray):
        assert found.dtype == given.dtype and found.shape == given.shape
        np.testing.assert_array_equal(found, given)
    else:
        assert type(found) is type(given) and repr(found) == repr(given)


@pytest.mark.slow
@given(TREES, PROTOCOLS)
def test_plain_data_comes_back_whatever_the_protocol(tree: Any, protocol: int) -> None:
    assert_same(read(pickle.dumps(tree, protocol)), tree)


@pytest.mark.slow
@given(ARRAYS, PROTOCOLS, st.booleans())
def test_arrays_by_columns_and_numbers_of_numpy_come_back(array: np.ndarray, protocol: int, swapped: bool) -> None:
    array = np.asfortranarray(array.astype(array.dtype.newbyteorder(">")) if swapped else array)
    found = read(pickle.dumps([array, *array.reshape(-1)[:1]], protocol))
    np.testing.assert_array_equal(found[0], array)
    np.testing.assert_array_equal(found[1:], array.reshape(-1)[:1])


@pytest.mark.slow
@given(TREES, PROTOCOLS)
def test_what_is_shared_is_read_once(tree: Any, protocol: int) -> None:
    shared = [tree, np.arange(3.0)]
    first, second, inner = read(pickle.dumps((shared, [shared], shared[1]), protocol))
    assert first is second[0] and inner is first[1]


def test_objects_of_npy_files_come_back(tmp_path: Path) -> None:
    content = {"a": np.arange(4), "b": "text"}
    np.save(tmp_path / "some.npy", np.array(content, dtype=object), allow_pickle=True)
    assert_same(read_pickle(tmp_path / "some.npy"), content)


@pytest.mark.slow
@given(TREES, PROTOCOLS, st.data())
def test_damage_is_one_line(tree: Any, protocol: int, data: st.DataObject) -> None:
    content = bytearray(pickle.dumps(tree, protocol))
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    try:
        read(bytes(content[: data.draw(st.integers(0, len(content)))]))
    except UserError as refusal:
        assert "some.pkl: expected a pickle with arrays only, found " in str(refusal) and "\n" not in str(refusal)


def number(value: int) -> bytes:
    return b"I%d\n" % value


def doubled(start: bytes, twice: bytes) -> bytes:
    """Forty times the pair of what was there: a million million leaves."""
    return start + twice * 40


def array(shape: bytes, content: bytes, kind: bytes = b"f8") -> bytes:
    """Opcodes that make an array of what the arguments push."""
    dtype = b"cnumpy\ndtype\n(S'" + kind + b"'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb"
    empty = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
    return empty + b"(I1\n" + shape + dtype + b"I00\n" + content + b"tb"


def sparse(rows: int, columns: int, starts: bytes) -> bytes:
    """Opcodes that make a matrix without entries; `starts` pushes the text of its columns' starts, one byte each."""
    none, shape = array(b"(I0\nt", b"S''\n", b"i1"), b"(" + number(rows) + number(columns) + b"t"
    indptr = array(b"(" + number(columns + 1) + b"t", starts, b"i1")
    state = b"(S'_shape'\n" + shape + b"S'indptr'\n" + indptr + b"S'indices'\n" + none + b"S'data'\n" + none + b"d"
    return b"cscipy.sparse.csc\ncsc_matrix\n)\x81" + state + b"b"


def text(content: bytes) -> bytes:
    return b"X" + struct.pack("<I", len(content)) + content


def test_texts_of_python_2_are_bytes_of_arrays() -> None:
    content = bytes(range(256))
    shape, quoted = b"(" + number(256) + b"t", b"S" + repr(content)[1:].encode() + b"\n"
    for written in (b"T" + struct.pack("<i", 256) + content, quoted, text(content.decode("latin1").encode())):
        np.testing.assert_array_equal(read(array(shape, written, b"u1") + b"."), np.arange(256))


HUGE = 3 << 30
COLLIDING = b"".join(
    b"\x8a\x0a" + (i * ((1 << 61) - 1)).to_bytes(10, "little", signed=True) + b"N" for i in range(1, 50_000)
)
HOSTILE = {
    "lists of each other": doubled(b"N", b"q\x00(h\x00h\x00l") + b".",
    "tuples of each other": doubled(b"N", b"2\x86") + b".",
    "tuples of each other as a key": b"}" + doubled(b"N", b"2\x86") + b"Ns.",
    "lists of each other as an array": array(b"(I2\nt", b"(" + doubled(b"N", b"q\x00(h\x00h\x00l") + b"l", b"O8") + b".",
    "a list in itself": b"]q\x00h\x00a.",
    "a chumpy array in itself": b"cchumpy.ch\nCh\n)\x81q\x00}S'x'\nh\x00sb.",
    "lists in lists": b"]" * 100_000 + b"a" * 99_999 + b".",
    "a bytearray that is not there": b"\x96" + struct.pack("<Q", HUGE),
    "a text that is not there": b"\x8d" + struct.pack("<Q", HUGE),
    "bytes that are not there": b"\x8e" + struct.pack("<Q", HUGE),
    "a number that is not there": b"\x8b" + struct.pack("<i", (1 << 31) - 1),
    "a frame that is not there": b"\x80\x04\x95" + struct.pack("<Q", HUGE) + b"N",
    "bytes by a number": array(b"(I1\nt", number(HUGE)) + b".",
    "encoded bytes by a number": b"c_codecs\nencode\n(" + number(HUGE) + b"S'latin1'\ntR.",
    "named bytes by a number": b"c__builtin__\nbytes\n(" + number(HUGE) + b"tR.",
    "a shape of 8 TiB": array(b"(" + number(1 << 40) + b"t", b"S''\n") + b".",
    "a shape of a thousand sides": array(b"(" + number(1 << 30) * 1000 + b"t", b"S''\n") + b".",
    "a negative shape": array(b"(I-1\nI-1\nt", b"S'12345678'\n") + b".",
    "a sparse matrix of 2 GiB": sparse(1 << 14, 1 << 14, text(bytes((1 << 14) + 1))) + b".",
    "a sparse matrix of 128 TiB": sparse(1 << 44, 0, text(bytes(1))) + b".",
    "many sparse matrices": b"(" + sparse(1 << 20, 1, text(bytes(2))) * 100 + b"l.",
    "many arrays of one text": b"\x80\x02" + text(bytes(1 << 20)) + b"q\x000(" + array(b"(" + number(1 << 20) + b"t", b"h\x00", b"i1") * 1000 + b"l.",
    "many dicts of one list": b"(" + b"(I1\nNt2" * 2000 + b"lq\x000(" + b"ccollections\nOrderedDict\n(h\x00tR" * 4000 + b"l.",
    "a long key again and again": text(b"k" * (1 << 20)) + b"q\x000}" + text(b"k" * (1 << 20)) + b"Ns" + b"h\x00Ns" * 300_000 + b".",
    "keys that meet in one slot": b"}(" + COLLIDING + b"u.",
    "opcodes without end": b"N0" * (1 << 20) + b"N.",
    "a number without end": b"I0x" + b"f" * (1 << 20) + b"\n.",
    "a memory without end": b"Np" + b"9" * 4000 + b"\n.",
    "a header without end": b"\x93NUMPY\x02\x00\xff\xff\xff\xffN.",
    "code in a state": b"cchumpy.ch\nCh\n)\x81N}S'__class__'\nNs\x86b.",
}  # fmt: skip
HARMLESS = {"many arrays of one text"}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, float]]:
    """What came of each hostile file, and the seconds."""
    folder = tmp_path_factory.mktemp("hostile")
    paths = [folder / f"{name}.pkl" for name in HOSTILE]
    for path, content in zip(paths, HOSTILE.values(), strict=True):
        path.write_bytes(content)
    code = (
        "import sys; from within_limits import read_each; from facecraft4d.toolkit.core.untrusted.pickles import read_pickle\n"
        f"read_each(read_pickle, sys.argv[1:], {MOST_BYTES})"
    )
    here = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code, *paths], cwd=here, capture_output=True, timeout=240, check=True)
    return dict(zip(HOSTILE, json.loads(done.stdout), strict=True))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited by Linux' means")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_pickle_takes_little_memory_and_time(outcomes: dict[str, tuple[str, float]], name: str) -> None:
    said, seconds = outcomes[name]
    assert seconds < 5 and "MemoryError" not in said
    if name not in HARMLESS:
        assert said.startswith("UserError: ") and f"{name}.pkl: expected a pickle with arrays only, found " in said
