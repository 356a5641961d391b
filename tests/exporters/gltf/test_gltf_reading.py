"""Files that are no avatar are refused, each in one clear line."""

import struct
from pathlib import Path

import numpy as np
import pytest
from glb_cases import changed, join, split
from places import TINY

from facecraft4d.exporters import load
from facecraft4d.exporters.gltf.reading import read_gltf
from facecraft4d.toolkit.core.checks import UserError

VALID = TINY.read_bytes()
SPARSE = next(i for i, a in enumerate(split(VALID)[0]["accessors"]) if "sparse" in a)
PRIMITIVE = split(VALID)[0]["meshes"][0]["primitives"][0]
INDICES, POSITION, NO_ACCESSOR = PRIMITIVE["indices"], PRIMITIVE["attributes"]["POSITION"], 10**6


def by_number(**block: object) -> bytes:
    """As an earlier version of the format, whose block had its accessors by their numbers alone."""
    at = {f"asset__extras__facecraft4d__{key}": value for key, value in block.items()}
    return changed(asset__extras__facecraft4d__triangles_sha256=None, **at)


BAD_FILES = {
    "empty": b"",
    "text": b"hello, this is not an avatar",
    "png": b"\x89PNG\r\n\x1a\n" + bytes(64),
    "header only": VALID[:12],
    "truncated": VALID[:5000],
    "one byte short": VALID[:-1],
    "trailing bytes": VALID + b"more",
    "version 1": VALID[:4] + struct.pack("<I", 1) + VALID[8:],
    "json longer than the file": VALID[:12] + struct.pack("<I", 2**31) + VALID[16:],
    "no json": VALID[:16] + b"ABCD" + VALID[20:],
    "json is a list": join([1, 2], b""),
    "deep json": b"".join(
        [VALID[:8], struct.pack("<III", 20 + 200_000 + 8, 200_000, 0x4E4F534A), b"[" * 200_000, bytes(8)]
    ),
    "foreign gltf": join({"asset": {"version": "2.0"}}, bytes(4)),
    "extras is a string": changed(asset__extras="facecraft4d", nodes__0__extras=None),
    "no extras": changed(asset__extras=None, nodes__0__extras=7),
    "newer format": changed(asset__extras__facecraft4d__format_version=99),
    "no rig": changed(meshes__0__name="Other"),
    "no meshes": changed(meshes=None),
    "meshes is null": changed(meshes=[None]),
    "view beyond the data": changed(bufferViews__0__byteOffset=2**40),
    "negative offset": changed(bufferViews__0__byteOffset=-8),
    "huge count": changed(accessors__0__count=2**62),
    "boolean count": changed(accessors__0__count=True),
    "count beyond the view": changed(accessors__0__count=1_000_000),
    "wrong type": changed(accessors__0__type="VEC2"),
    "wrong component": changed(accessors__0__componentType=5120),
    "unknown component": changed(accessors__0__componentType=[]),
    "negative view": changed(accessors__0__bufferView=-1),
    "missing view": changed(accessors__0__bufferView=10**6),
    "zero stride": changed(bufferViews__0__byteStride=0),
    "huge stride": changed(bufferViews__0__byteStride=2**60),
    "external buffer": changed(bufferViews__0__buffer=1),
    "huge sparse": changed(**{f"accessors__{SPARSE}__sparse__count": 2**40}),
    "sparse without values": changed(**{f"accessors__{SPARSE}__sparse": {}}),
    "float sparse indices": changed(**{f"accessors__{SPARSE}__sparse__indices__componentType": 5126}),
    "names too few": changed(meshes__0__extras__targetNames=["jawOpen"]),
    "names not text": changed(meshes__0__extras__targetNames=[1] * 52),
    "regions too few": changed(asset__extras__facecraft4d__region_names=["skin"]),
    "no provenance": changed(asset__extras__facecraft4d__provenance=None),
    "provenance is a number": changed(asset__extras__facecraft4d__provenance=3),
    "doubles of vertices that are not there": by_number(doubled_vertices=INDICES),
    "picture is no view": changed(images__0__bufferView=10**6),
    "picture is a mesh": changed(images__0__bufferView=0),
    "picture is in another file": changed(images__0={"uri": "head.png"}),
    "no picture": changed(images=None),
    "no material": changed(materials=None),
    "fewer texture coordinates": changed(meshes__0__primitives__0__attributes__TEXCOORD_0=NO_ACCESSOR),
    "eyewear without such a region": by_number(eyewear_indices=INDICES),
    "correctives are a number": by_number(pose_deltas=7),
    "correctives of two joints": by_number(pose_deltas=[POSITION] * 18),
    "millions of correctives": by_number(pose_deltas=[POSITION] * 200_000),
    "joint deltas of another size": by_number(joint_deltas=POSITION),
    "joint is no node": changed(skins__0__joints=[2, 3, 4, 5, 999]),
    "levels not there": changed(nodes__1__extensions={"MSFT_lod": {"ids": [7, 8]}}),
    "levels are a number": changed(nodes__1__extensions={"MSFT_lod": {"ids": 3}}),
    "thousands of levels": changed(nodes__1__extensions={"MSFT_lod": {"ids": [7] * 5000}}),
    "binding missing": changed(meshes__1__primitives__0__attributes___BIND_2=None),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files_are_refused_in_one_line(case: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.glb"
    path.write_bytes(BAD_FILES[case])
    with pytest.raises(UserError) as caught:
        load(path)
    message = str(caught.value)
    assert "bad.glb" in message and "\n" not in message and len(message) < 300


@pytest.mark.slow
def test_no_byte_flip_escapes(tmp_path: Path) -> None:
    """Random damage to the JSON gives an avatar or a UserError, never another exception."""
    rng = np.random.default_rng(0)
    (length,) = struct.unpack_from("<I", VALID, 12)
    for _ in range(200):
        data = bytearray(VALID)
        for position in rng.integers(0, 20 + length, 3):
            data[position] = rng.integers(32, 127)
        try:
            read_gltf(bytes(data), "flipped")
        except UserError:
            continue


def test_missing_and_oversized_files(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"expected an avatar .*, found no such file"):
        load(tmp_path / "none.glb")
    with pytest.raises(UserError, match="found a folder"):
        load(tmp_path)
    with (tmp_path / "huge.glb").open("wb") as stream:
        stream.truncate(2 << 30)
    with pytest.raises(UserError, match="at most 1024 MiB, found 2048 MiB"):
        load(tmp_path / "huge.glb")
