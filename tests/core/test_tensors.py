"""What torch and safetensors write comes back; no file in their place, however made, is run, trusted or takes much memory."""

import io
import json
import pickle
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from liveportrait_cases import safetensors

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.untrusted.tensors import read_shapes, read_tensors

MOST_BYTES = 1 << 20
TYPES = st.sampled_from(["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u1", "b1"])
ARRAYS = arrays.arrays(TYPES, arrays.array_shapes(min_dims=0, min_side=0, max_side=4))
SINGLES = arrays.arrays(st.sampled_from(["f4", "i8"]), arrays.array_shapes(min_dims=0, min_side=0, max_side=4))


def read(data: bytes) -> dict[str, np.ndarray]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "some.pth"
        path.write_bytes(data)
        return read_tensors(path, "a checkpoint", MOST_BYTES)


def saved(content: Any, legacy: bool = False) -> bytes:
    """As torch writes it, or as it did before 1.6."""
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=not legacy)
    return buffer.getvalue()


def rezipped(data: bytes, change: Callable[[str, bytes], bytes | None], packed: bool = False) -> bytes:
    """The same zip with other members; None leaves one out."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(buffer, "w") as after:
        for name in before.namelist():
            content = change(name, before.read(name))
            if content is not None:
                after.writestr(name, content, zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED)
    return buffer.getvalue()


def refused(data: bytes, match: str) -> None:
    with pytest.raises(UserError, match=match) as found:
        read(data)
    assert "\n" not in str(found.value)


@pytest.mark.slow
@given(st.lists(ARRAYS, max_size=4), st.booleans())
def test_tensors_come_back(given_arrays: list[np.ndarray], legacy: bool) -> None:
    found = read(saved({f"a{k}": torch.from_numpy(each.copy()) for k, each in enumerate(given_arrays)}, legacy))
    assert list(found) == [f"a{k}" for k in range(len(given_arrays))]
    for k, each in enumerate(given_arrays):
        np.testing.assert_array_equal(found[f"a{k}"], each)
        assert found[f"a{k}"].dtype == each.dtype and found[f"a{k}"].flags.writeable


@pytest.mark.slow
@given(st.lists(SINGLES, max_size=4))
def test_safetensors_come_back(given_arrays: list[np.ndarray]) -> None:
    found = read(safetensors({f"a{k}": each for k, each in enumerate(given_arrays)}))
    for k, each in enumerate(given_arrays):
        np.testing.assert_array_equal(found[f"a{k}"], each)
    assert len(found) == len(given_arrays)


@pytest.mark.parametrize("legacy", [False, True])
def test_views_parameters_and_dicts_in_dicts_come_back(legacy: bool) -> None:
    whole = torch.arange(12.0).view(3, 4)
    inner = {"slice": whole[1:, ::2], "turned": whole.T, "wide": whole[:, :1].expand(3, 5), "one": whole[2, 3]}
    content = {"outer": {"inner": inner, "epoch": 3}, "own": torch.nn.Parameter(whole), "note": "left out"}
    found = read(saved(content, legacy))
    assert found.keys() == {*(f"outer.inner.{name}" for name in inner), "own"}
    for name, tensor in inner.items():
        np.testing.assert_array_equal(found[f"outer.inner.{name}"], tensor.numpy())
    np.testing.assert_array_equal(found["own"], whole.numpy())


@pytest.mark.parametrize("legacy", [False, True])
def test_a_networks_own_dict_comes_back(legacy: bool) -> None:
    network = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    found = read(saved(network.state_dict(), legacy))
    assert found.keys() == network.state_dict().keys()


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "an empty file"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"\n <html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
        (pickle.dumps({"a": 1}), "bare pickle"),
        (b"\x89PNG\r\n", "another kind"),
        (b"PK\3\4" + bytes(60), "not a zip"),
    ],
)
def test_other_files_are_told(data: bytes, match: str) -> None:
    refused(data, match)


class _Called:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit",)


def test_whatever_a_pickle_names_is_refused() -> None:
    refused(saved({"a": _Called()}), r"builtin.*\.exec, which is refused")
    refused(saved({"a": np.zeros(3)}), r"numpy.*which is refused")
    refused(saved(torch.nn.Linear(2, 2)), r"torch\.nn\.modules\.linear\.Linear, which is refused")
    refused(saved({"a": torch.zeros(2, dtype=torch.bfloat16)}), r"torch\.BFloat16Storage, which is refused")
    refused(saved([torch.zeros(2)]), "no dict of tensors")


def test_whatever_an_old_file_names_is_refused() -> None:
    refused(saved({"a": _Called()}, legacy=True), r"builtin.*\.exec, which is refused")
    refused(
        saved({"a": torch.zeros(2, dtype=torch.bfloat16)}, legacy=True), r"torch\.BFloat16Storage, which is refused"
    )
    refused(saved([torch.zeros(2)], legacy=True), "no dict of tensors")


def test_an_old_files_storages_must_be_there_whole() -> None:
    data = saved({"a": torch.arange(300.0), "b": torch.arange(4.0)}, legacy=True)
    np.testing.assert_array_equal(read(data)["a"], np.arange(300.0))
    refused(data[:-8], "it ends early")
    refused(data[: data.index(np.arange(300, dtype=np.float32).tobytes()) - 4], "of another size than 300 numbers")
    refused(data.replace(pushed(300), pushed(200)), "another size than 200 numbers|reaches beyond")
    refused(data.replace(b"little_endian", b"little_endiam"), "another format")
    refused(data.replace(b"\xe9\x03.", b"\xea\x03.", 1), "another format")
    refused(data.replace(b"FloatStorage", b"DoubleStorage"), "ends early|another size|at most")


def test_a_storage_must_be_there_whole_and_unpacked() -> None:
    data = saved({"a": torch.arange(300.0)})
    refused(
        rezipped(data, lambda name, content: None if "/data/0" in name else content), "a storage '0' of 1,200 bytes"
    )
    refused(
        rezipped(data, lambda name, content: content[:-4] if "/data/0" in name else content),
        "a storage '0' of 1,200 bytes",
    )
    refused(rezipped(data, lambda name, content: content, packed=True), "packed")
    refused(rezipped(data, lambda name, content: None if "data.pkl" in name else content), "torch did not write")
    refused(rezipped(data, lambda name, content: b"big" if "byteorder" in name else content), "big-endian")
    refused(data[: len(data) // 2], "not a zip")
    place = data.index(np.arange(300, dtype=np.float32).tobytes()) + 8
    refused(data[:place] + b"\xff" + data[place + 1 :], "Bad CRC")


def pushed(value: Any) -> bytes:
    """The opcodes that push a plain value."""
    return pickle.dumps(value, 2)[2:-1]


def forged(offset: Any, shape: Any, strides: Any, count: Any = 4) -> bytes:
    """A checkpoint of one tensor over a storage of four numbers."""
    storage = b"(" + pushed("storage") + b"ctorch\nFloatStorage\n" + pushed("0") + pushed("cpu") + pushed(count) + b"tQ"
    made = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + pushed(offset) + pushed(shape) + pushed(strides) + b"tR"
    return with_pickle(b"\x80\x02}" + pushed("a") + made + b"s.")


def with_pickle(pickled: bytes) -> bytes:
    return rezipped(saved({"a": torch.zeros(4)}), lambda name, content: pickled if "data.pkl" in name else content)


def test_a_forged_tensor_lies_within_its_storage() -> None:
    np.testing.assert_array_equal(read(forged(1, (3,), (1,)))["a"], np.zeros(3))
    assert read(forged(0, (1 << 30,), (0,)))["a"].strides == (0,)  # wide, and of no memory of its own
    for offset, shape, strides in ((2, (3,), (1,)), (0, (2, 2), (3, 1)), (4, (), ()), (1 << 39, (1,), (1,))):
        refused(forged(offset, shape, strides), "reaches beyond its storage of 4 numbers")
    for shape, strides in (((-1,), (1,)), ((2,), (-1,)), ((2.0,), (1,)), ((1 << 41,), (0,)), ((True,), (1,))):
        refused(forged(0, shape, strides), "an impossible shape")
    for shape, strides in (((2,), ()), ([2], [1]), ("a", "b"), ((1,) * 9, (1,) * 9)):
        refused(forged(0, shape, strides), "a tensor with no shape")
    for count in (-1, 3, 1 << 60, 4.0, True):
        refused(forged(0, (1,), (1,), count), "a storage|no storage")


def test_references_and_trees_have_bounds() -> None:
    refused(
        with_pickle(b"\x80\x02}" + pushed("a") + pushed("elsewhere") + b"Qs."),
        "a reference to something that is no storage",
    )
    refused(with_pickle(b"\x80\x02}q\x09" + pushed("a") + b"h\x09s."), "more than 8 levels")
    tree = b"\x80\x02}q\x09"
    for level in range(6):  # each has the one before ten times: a million in the end
        tree += b"}" + b"".join(pushed(f"{k}") + b"h%cs" % (9 + level) for k in range(10)) + b"q%c" % (10 + level)
    refused(with_pickle(tree + b"."), "entries")


def header(entry: Any, content: bytes = bytes(16)) -> bytes:
    text = json.dumps(entry).encode()
    return len(text).to_bytes(8, "little") + text + content


@pytest.mark.parametrize(
    ("entry", "match"),
    [
        ({"a": {"dtype": "F32", "shape": [5], "data_offsets": [0, 16]}}, "its bytes do not fill"),
        ({"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]}}, "overlap, leave gaps"),
        ({"a": {"dtype": "F32", "shape": [5], "data_offsets": [0, 20]}}, "overlap, leave gaps"),
        ({each: {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]} for each in "ab"}, "overlap, leave gaps"),
        ({"a": {"dtype": "BF16", "shape": [8], "data_offsets": [0, 16]}}, "of type BF16"),
        ({"a": {"dtype": "F32", "shape": [-2, -2], "data_offsets": [0, 16]}}, "an impossible shape"),
        ({"a": {"dtype": "F32", "shape": [4.0], "data_offsets": [0, 16]}}, "an impossible shape"),
        ({"a": {"dtype": "F32", "shape": [1] * 9, "data_offsets": [0, 4]}}, "of 9 sides"),
        ({"a": {"dtype": "F32", "shape": [4]}}, "KeyError"),
        ({"a": 5}, "TypeError"),
    ],
)  # fmt: skip
def test_safetensors_that_do_not_agree_are_refused(entry: Any, match: str) -> None:
    refused(header(entry), match)
    refused_shapes(header(entry), match)


def shapes(data: bytes) -> dict[str, np.ndarray]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "some.safetensors"
        path.write_bytes(data)
        return read_shapes(path, "a checkpoint", MOST_BYTES)


def refused_shapes(data: bytes, match: str) -> None:
    with pytest.raises(UserError, match=match) as found:
        shapes(data)
    assert "\n" not in str(found.value)


@pytest.mark.slow
@given(st.lists(SINGLES, max_size=4))
def test_types_and_shapes_are_read_without_the_numbers(given_arrays: list[np.ndarray]) -> None:
    found = shapes(safetensors({f"a{k}": each for k, each in enumerate(given_arrays)}))
    for k, each in enumerate(given_arrays):
        assert found[f"a{k}"].shape == each.shape and found[f"a{k}"].dtype == each.dtype
        assert not any(found[f"a{k}"].strides), "they take no memory"


def test_a_checkpoint_of_torch_is_no_safetensors() -> None:
    refused_shapes(saved({"a": torch.zeros(2)}), "which is a pickle; save it as safetensors")
    refused_shapes(b"<html>", "a web page")
    refused_shapes(b"version https://git-lfs.github.com/spec/v1", "a pointer of Git LFS")
    refused_shapes(b"", "an empty file")


def test_headers_of_safetensors_have_bounds() -> None:
    data = header({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}})
    np.testing.assert_array_equal(read(data)["a"], np.zeros(4))
    refused((1 << 40).to_bytes(8, "little") + data[8:], "a header of")
    refused(data[:-1], "overlap, leave gaps")
    refused(b"\x40" + bytes(7) + b"{" * 64, "Expecting")


def test_a_file_that_is_too_large_is_refused_unread() -> None:
    refused(b"PK\3\4" + bytes(MOST_BYTES), "at most 1 MiB")
