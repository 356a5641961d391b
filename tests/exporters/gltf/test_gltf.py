"""avatar.glb: a lossless round trip and a valid file, whole or not at all."""

import shutil
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from avatar_cases import assert_same
from glb_cases import split
from gltf_play import Viewer
from khronos import check_but_for_splats, install_validator
from places import TINY

from facecraft4d.exporters import ExportOptions, export, load
from facecraft4d.exporters.gltf.reading import read_gltf
from facecraft4d.exporters.gltf.writing import export_gltf
from facecraft4d.exporters.motions import find_motion
from facecraft4d.exporters.options import Character, GltfOptions, Purpose
from facecraft4d.toolkit.core.asset import EYEWEAR, Avatar, Provenance, Texture
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Rig
from facecraft4d.toolkit.core.ingredients import Commercial, Ingredient
from facecraft4d.toolkit.core.rigging import place_splats


def odd_avatar(tiny_avatar: Avatar) -> Avatar:
    """The tiny avatar with every awkward value that the types allow: five influences, extremes, dense deltas, long provenance."""
    rng = np.random.default_rng(3)
    weights = rng.dirichlet(np.ones(5), len(tiny_avatar.rig.vertices)).astype(np.float32)
    weights[::3] = np.eye(5, dtype=np.float32)[rng.integers(0, 5, len(weights[::3]))]
    deltas = tiny_avatar.rig.expression_deltas.copy()
    deltas[3], deltas[4] = rng.normal(size=deltas[3].shape), 0
    positions = rng.normal(size=(5, 3)).astype(np.float32)
    positions[1] = (0.0, 1e-30, -99.5)
    splats = replace(
        tiny_avatar.splats,
        means=rng.normal(scale=3, size=tiny_avatar.splats.means.shape).astype(np.float32),
        rotations_wxyz=rng.normal(size=tiny_avatar.splats.rotations_wxyz.shape).astype(np.float32),
        colors=rng.normal(size=tiny_avatar.splats.colors.shape).astype(np.float32),
        triangles=rng.integers(0, len(tiny_avatar.rig.triangles), len(tiny_avatar.splats.means)).astype(np.int32),
    )
    rig = replace(tiny_avatar.rig, skin_weights=weights, expression_deltas=deltas, joint_positions=positions)
    rig = odd_surface(rig, rng)
    ingredient = Ingredient('größe "x"', "test", "MIT", Commercial.UNKNOWN, "nowhere", "ab" * 32)
    provenance = Provenance((ingredient,) * 3, 2**40, {"numpy": "2"}, {"preset": "draft"}, {"psnr": 0.1 + 0.2})
    levels = tuple(Avatar(rig, splats, provenance).level(count).splats for count in (300, 7, 1))
    uvs = rng.uniform(size=(len(rig.triangles), 3, 2)).astype(np.float32)
    uvs[::5], uvs[1::7] = (0.0, 1.0), -0.0
    texture = Texture(uvs, rng.integers(0, 256, (5, 3, 3), np.uint8))
    return Avatar(rig, splats, provenance, levels, texture)


def odd_surface(rig: Rig, rng: np.random.Generator) -> Rig:
    """With glasses here and there, pose correctives of which one is zero, joints that follow, and vertices that no triangle has."""
    regions = rig.triangle_regions.copy()
    regions[::11] = len(rig.region_names)
    correctives = rng.normal(size=(36, len(rig.vertices), 3)).astype(np.float32) * (rng.uniform(size=(36, 1, 1)) < 0.9)
    triangles = np.where(rig.triangles == 3, 4, rig.triangles)
    return replace(
        rig,
        triangles=triangles.astype(np.int32),
        triangle_regions=regions,
        region_names=(*rig.region_names, EYEWEAR),
        pose_deltas=correctives.astype(np.float32) + np.float32(0),
        joint_deltas=rng.normal(size=(len(rig.expression_names), 5, 3)).astype(np.float32),
    )


@pytest.mark.slow
def test_round_trip_is_bit_for_bit(tiny_avatar: Avatar) -> None:
    for avatar in (tiny_avatar, odd_avatar(tiny_avatar), replace(odd_avatar(tiny_avatar), texture=None)):
        data = export_gltf(avatar)
        assert_same(avatar, read_gltf(data, "test"))
        assert export_gltf(read_gltf(data, "test")) == data


def test_stray_skin_weights_are_scaled_and_others_left_alone(tiny_avatar: Avatar) -> None:
    weights = tiny_avatar.rig.skin_weights.copy()
    weights[5] *= np.float32(1.00005)
    found = read_gltf(
        export_gltf(replace(tiny_avatar, rig=replace(tiny_avatar.rig, skin_weights=weights))), "test"
    ).rig.skin_weights
    assert abs(found[5].sum(dtype=np.float64) - 1) < 2e-7 and np.allclose(found[5], tiny_avatar.rig.skin_weights[5])
    assert np.array_equal(np.delete(found, 5, 0), np.delete(weights, 5, 0))


def test_no_expressions_and_one_splat(tiny_avatar: Avatar) -> None:
    rig = replace(tiny_avatar.rig, expression_names=(), expression_deltas=tiny_avatar.rig.expression_deltas[:0])
    splats = replace(
        tiny_avatar.splats, **{f.name: getattr(tiny_avatar.splats, f.name)[:1] for f in fields(tiny_avatar.splats)}
    )
    avatar = Avatar(rig, splats, tiny_avatar.provenance)
    assert_same(avatar, read_gltf(export_gltf(avatar), "test"))


@pytest.mark.parametrize("purpose", [Purpose.ALL, Purpose.ENGINE])
def test_engines_see_the_neutral_pose(purpose: Purpose, tiny_avatar: Avatar) -> None:
    """The KHR attributes are the carried splats: linear scales and opacities, xyzw rotations."""
    viewer = Viewer(export_gltf(tiny_avatar, ExportOptions(gltf=GltfOptions(purpose=purpose))))
    attributes = viewer.document["meshes"][1]["primitives"][0]["attributes"]

    def read(name: str) -> np.ndarray:
        return viewer.values(attributes[name])

    world = place_splats(tiny_avatar.splats, tiny_avatar.rig.vertices, tiny_avatar.rig)
    splat = "KHR_gaussian_splatting:"
    np.testing.assert_array_equal(read("POSITION"), world.means)
    np.testing.assert_array_equal(read(f"{splat}SCALE"), world.scales)
    np.testing.assert_array_equal(read(f"{splat}OPACITY")[:, 0], world.opacities)
    rotations = read(f"{splat}ROTATION")[:, [3, 0, 1, 2]] / 127
    np.testing.assert_allclose(rotations, world.rotations_wxyz, atol=0.501 / 127)
    np.testing.assert_allclose(read(f"{splat}SH_DEGREE_0_COEF_0") * 0.28209479177387814 + 0.5, world.colors, atol=1e-6)
    points = read("COLOR_0") / 255
    np.testing.assert_allclose(points[:, 3], world.opacities, atol=0.501 / 255)
    linear = read("COLOR_0")[:, :3] / 255
    display = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    np.testing.assert_allclose(
        display, np.clip(world.colors, 0, 1), atol=0.03
    )  # eight bits of linear light are coarse in the dark


def test_levels_are_nodes_outside_the_scene(tiny_avatar: Avatar) -> None:
    """MSFT_lod: the whole names its levels, finest first; a loader that does not know it shows the whole alone."""
    levels = tuple(tiny_avatar.level(len(tiny_avatar.splats.means) // share).splats for share in (2, 4))
    document, _ = split(export_gltf(replace(tiny_avatar, levels=levels)))
    whole = document["nodes"][1]
    listed = [document["nodes"][node] for node in whole["extensions"]["MSFT_lod"]["ids"]]
    counts = [
        document["accessors"][document["meshes"][node["mesh"]]["primitives"][0]["attributes"]["POSITION"]]["count"]
        for node in (whole, *listed)
    ]
    assert counts == [len(tiny_avatar.splats.means), *(len(level.means) for level in levels)]
    assert whole["extras"]["MSFT_screencoverage"] == pytest.approx([0.25, 0.125, 0], abs=1e-3)
    assert not set(whole["extensions"]["MSFT_lod"]["ids"]) & set(document["scenes"][0]["nodes"])
    assert "MSFT_lod" in document["extensionsUsed"] and "MSFT_lod" not in split(TINY.read_bytes())[0]["extensionsUsed"]


@pytest.mark.slow
def test_sample_is_what_its_script_makes(tiny_avatar: Avatar) -> None:
    code = "import sys; sys.path.insert(0, 'samples'); import make_tiny_avatar as m"
    code += "; from facecraft4d.exporters.gltf.writing import export_gltf; sys.stdout.buffer.write(export_gltf(m.tiny_avatar()))"
    made = subprocess.run([sys.executable, "-c", code], cwd=TINY.parents[1], capture_output=True, check=True).stdout
    again = read_gltf(made, "made")
    assert np.allclose(again.rig.vertices, tiny_avatar.rig.vertices, atol=1e-6)
    assert np.allclose(again.splats.colors, tiny_avatar.splats.colors, atol=1e-6)
    assert TINY.stat().st_size < 440_000


@pytest.mark.slow
def test_khronos_validator(tiny_avatar: Avatar, tmp_path: Path) -> None:
    """No error but the four attribute names that the validator does not know yet, and no warning at all."""
    install_validator(tmp_path)
    odd = odd_avatar(tiny_avatar)
    export(odd, tmp_path / "odd.glb")
    shutil.copy(TINY, tmp_path / "tiny.glb")
    clips = tuple(find_motion(name) for name in ("face_cap", "head_turns"))
    everything = GltfOptions(splat_morphs=True, character=Character.KHR)
    export(odd, tmp_path / "all.glb", options=ExportOptions(clips=clips, gltf=everything))
    export(odd, tmp_path / "engine.glb", options=ExportOptions(gltf=GltfOptions(purpose=Purpose.ENGINE)))
    export(odd, tmp_path / "player.glb", options=ExportOptions(gltf=GltfOptions(purpose=Purpose.PLAYER)))
    sets_of = {
        "tiny.glb": 1,
        "odd.glb": 4,
        "all.glb": 4,
        "engine.glb": 4,
        "player.glb": 0,
    }  # odd ones have three levels
    for name, sets in sets_of.items():
        assert check_but_for_splats(tmp_path, (tmp_path / name).read_bytes()) == 4 * sets


def test_export_is_whole_or_not_at_all(tiny_avatar: Avatar, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "avatar.glb"
    export(tiny_avatar, target)
    assert_same(tiny_avatar, load(target))
    before = target.read_bytes()
    broken = replace(tiny_avatar, splats=replace(tiny_avatar.splats, triangles=tiny_avatar.splats.triangles + 10**6))
    with pytest.raises(ValueError, match=r"splats\.triangles must index"):
        export(broken, target)
    assert target.read_bytes() == before and [p.name for p in target.parent.iterdir()] == ["avatar.glb"]
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        export(tiny_avatar, tmp_path / "file" / "avatar.glb")


@pytest.mark.parametrize("name", ["avatar.fbx", "avatar"])
def test_unknown_suffix(tiny_avatar: Avatar, tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"known are \.glb"):
        export(tiny_avatar, tmp_path / name)
