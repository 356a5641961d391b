"""Arrays of an .npz come back as they are; what lies about its size is refused before memory is taken."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.untrusted.npz import read_npz

KINDS = st.one_of(
    arrays.boolean_dtypes(), arrays.integer_dtypes(), arrays.unsigned_integer_dtypes(), arrays.floating_dtypes()
)


@pytest.mark.slow
@given(arrays.arrays(KINDS, arrays.array_shapes(min_dims=0, min_side=0)), st.booleans(), st.booleans())
def test_every_plain_array_comes_back(array: np.ndarray, packed: bool, column_major: bool) -> None:
    path = Path("memory.npz")
    buffer = io.BytesIO()
    array = np.asfortranarray(array) if column_major else array
    (np.savez_compressed if packed else np.savez)(buffer, some=array)
    found = read_from(buffer.getvalue(), path)["some"]
    assert found.dtype == array.dtype and found.shape == array.shape and found.flags.writeable
    np.testing.assert_array_equal(found, array)


def read_from(data: bytes, path: Path, place: Path | None = None) -> dict[str, np.ndarray]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / path.name).write_bytes(data)
        return read_npz(Path(folder) / path.name, "an npz with arrays only", 1 << 30)


def zipped(header: bytes, body: bytes = b"", method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("a.npy", header + body)
    return buffer.getvalue()


def npy(shape: str, dtype: str = "'<f4'") -> bytes:
    text = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    "made",
    [
        lambda: zipped(npy("(1099511627776,)")),
        lambda: zipped(npy("(2,)"), bytes(4)),
        lambda: zipped(npy("(1,)"), bytes(8)),
        lambda: zipped(npy("(-1,)"), bytes(4)),
        lambda: zipped(npy("(1152921504606846976,)", "'S0'")),
        lambda: zipped(npy("(1,)", "'|O'"), bytes(8)),
        lambda: zipped(npy("(1,)", "[('a', '<f4')]"), bytes(4)),
        lambda: zipped(npy("(67108864,)"), bytes(1 << 28), zipfile.ZIP_DEFLATED),
        lambda: zipped(b"\x93NUMPY\x09\x00" + bytes(20)),
        lambda: zipped(b"no array"),
        lambda: b"PK\x03\x04 no zip",
        lambda: b"",
    ],
    ids=["4 TiB", "too few", "too many", "negative", "nothing", "objects", "records", "bomb", "version", "text", "no zip", "empty"],
)  # fmt: skip
def test_what_is_no_plain_sound_array_is_refused_in_one_line(made: Callable[[], bytes]) -> None:
    with pytest.raises(UserError, match=r"m\.npz: expected an npz with arrays only, found .") as refusal:
        read_from(made(), Path("m.npz"))
    assert "\n" not in str(refusal.value)


@pytest.mark.slow
def test_every_flipped_byte_is_found_or_does_not_matter() -> None:
    buffer = io.BytesIO()
    values = np.arange(24, dtype=np.float32).reshape(4, 6)
    np.savez(buffer, a=values)
    data, refused = buffer.getvalue(), 0
    for place in range(len(data)):
        try:
            found = read_from(data[:place] + bytes([data[place] ^ 0x40]) + data[place + 1 :], Path("m.npz"))
        except UserError:
            refused += 1
            continue
        assert [np.array_equal(each, values) for each in found.values()] == [True]
    assert refused > len(data) // 2
