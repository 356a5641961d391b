"""What a file is for: everything, engines, players, splats that morph, levels in files; each reads back, or says why not."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from avatar_cases import KINDS, assert_same, levelled, random_avatar
from gltf_play import Viewer
from hypothesis import given, settings
from hypothesis import strategies as st

from facecraft4d.exporters import ExportOptions, export, load
from facecraft4d.exporters.formats import GLTF
from facecraft4d.exporters.gltf.reading import read_gltf
from facecraft4d.exporters.gltf.rig import surface_of
from facecraft4d.exporters.gltf.writing import export_gltf
from facecraft4d.exporters.options import Character, GltfOptions, LevelFiles, Purpose
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.geometry import triangle_areas
from facecraft4d.toolkit.core.rigging import place_splats, pose_from_weights, pose_vertices

EXTENSION = "KHR_gaussian_splatting"


def chosen(**gltf: object) -> ExportOptions:
    return ExportOptions(gltf=replace(GltfOptions(), **gltf))  # type: ignore[arg-type]


def splats_of(viewer: Viewer, mesh: int = 1) -> dict:
    return viewer.document["meshes"][mesh]["primitives"][0]


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(kind=KINDS, morphs=st.booleans(), character=st.sampled_from(Character))
def test_every_avatar_comes_back_whole(kind: dict, morphs: bool, character: Character) -> None:
    """Bit for bit, whatever is in the file beside it: no expressions, one splat, names in any script."""
    avatar = levelled(random_avatar(**kind))
    for purpose in (Purpose.ALL, Purpose.PLAYER):
        options = chosen(purpose=purpose, splat_morphs=morphs and purpose is Purpose.ALL, character=character)
        found = read_gltf(export_gltf(avatar, options), "test")
        sound = replace(found.rig, skin_weights=avatar.rig.skin_weights)  # scaled where glTF refuses their sums
        np.testing.assert_allclose(found.rig.skin_weights, avatar.rig.skin_weights, atol=3e-7)
        assert_same(avatar, replace(found, rig=sound))


@pytest.mark.slow
def test_two_hundred_thousand_splats_come_back() -> None:
    avatar = random_avatar(0, 2, 200_000)
    assert_same(avatar, replace(read_gltf(export_gltf(avatar), "large"), rig=avatar.rig))


def test_engines_need_take_no_zeros_for_granted(tiny_avatar: Avatar) -> None:
    """Godot 3.2 leaves its memory as it was under a sparse accessor without a base."""
    accessors = Viewer(export_gltf(tiny_avatar, chosen(purpose=Purpose.ENGINE))).document["accessors"]
    assert any("sparse" in each for each in accessors) and all("bufferView" in each for each in accessors)
    canonical = Viewer(export_gltf(tiny_avatar)).document["accessors"]
    assert any("bufferView" not in each for each in canonical)


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(kind=KINDS)
def test_engines_get_the_splats_and_our_reader_says_what_it_lacks(kind: dict) -> None:
    data = export_gltf(levelled(random_avatar(**kind)), chosen(purpose=Purpose.ENGINE))
    attributes = splats_of(Viewer(data))["attributes"]
    assert not any(key.startswith("_") for key in attributes) and f"{EXTENSION}:ROTATION" in attributes
    with pytest.raises(UserError, match=r"engine\.glb: was exported for engines .* give the avatar\.glb"):
        read_gltf(data, "engine.glb")


def test_players_get_the_binding_without_a_byte_of_the_splats_at_rest(tiny_avatar: Avatar) -> None:
    viewer = Viewer(export_gltf(tiny_avatar, chosen(purpose=Purpose.PLAYER)))
    primitive = splats_of(viewer)
    assert set(primitive["attributes"]) == {"POSITION", *(f"_BIND_{i}" for i in range(4))}
    assert "extensions" not in primitive and EXTENSION not in viewer.document["extensionsUsed"]
    assert "bufferView" not in viewer.document["accessors"][primitive["attributes"]["POSITION"]]


def test_halves_are_smaller_by_what_they_leave_out(tiny_avatar: Avatar) -> None:
    whole, engine, player = (len(export_gltf(tiny_avatar, chosen(purpose=each))) for each in Purpose)
    count = len(tiny_avatar.splats.means)
    zeros = 12 * len(surface_of(tiny_avatar.rig, tiny_avatar.texture).sources)  # under the rig's sparse morph targets
    assert abs(whole - engine + zeros - 60 * count) < 1000 and 44 * count <= whole - player < 44 * count + 2000
    said = [GLTF.loses(tiny_avatar, chosen(purpose=each)) for each in Purpose]
    assert said[0] == "" and "cannot read" in said[1] and "at rest" in said[2]


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(kind=KINDS)
def test_splat_morphs_are_what_the_expression_does(kind: dict) -> None:
    avatar = levelled(random_avatar(**kind))
    viewer = Viewer(export_gltf(avatar, chosen(splat_morphs=True)))
    rig = avatar.rig
    steady = (
        triangle_areas(rig.vertices[rig.triangles]) > 1e-6
    )  # square metres; at the poles there is no area to sit on
    for mesh, splats in enumerate((avatar.splats, *avatar.levels), start=1):
        rest = place_splats(splats, rig.vertices, rig).means
        targets = splats_of(viewer, mesh).get("targets", [])
        assert len(targets) == len(rig.expression_names)
        for name, target in zip(rig.expression_names, targets, strict=True):
            still = replace(rig, joint_deltas=None)  # it moves joints, which are at rest
            moved = place_splats(splats, pose_vertices(still, pose_from_weights(still, {name: 1.0})), rig).means
            found = viewer.values(target["POSITION"])
            np.testing.assert_allclose(
                found[steady[splats.triangles]], (moved - rest)[steady[splats.triangles]], atol=1e-5
            )
        if targets:
            assert viewer.document["meshes"][mesh]["extras"]["targetNames"] == list(rig.expression_names)
            assert viewer.document["meshes"][mesh]["weights"] == [0.0] * len(targets)


def test_clips_drive_the_morphs_of_splats_too(tiny_avatar: Avatar) -> None:
    levelled = replace(tiny_avatar, levels=(tiny_avatar.level(100).splats,))
    document = Viewer(export_gltf(levelled, chosen(splat_morphs=True))).document
    channels = [each for each in document["animations"][0]["channels"] if each["target"]["path"] == "weights"]
    driven = [document["nodes"][each["target"]["node"]]["name"] for each in channels]
    assert driven == ["HeadRig", "HeadSplats", "HeadSplats_1"] and len({each["sampler"] for each in channels}) == 1


def test_morphs_of_splats_that_are_not_there_are_refused(tiny_avatar: Avatar) -> None:
    with pytest.raises(UserError, match="--splat-morphs move splats at rest, which --for player leaves out"):
        export_gltf(tiny_avatar, chosen(splat_morphs=True, purpose=Purpose.PLAYER))


def test_levels_in_files_are_the_levels_one_by_one(tiny_avatar: Avatar, tmp_path: Path) -> None:
    levelled = replace(tiny_avatar, levels=tuple(tiny_avatar.level(count).splats for count in (100, 10)))
    written = export(levelled, tmp_path / "größe.glb", options=chosen(levels=LevelFiles.FILES))
    assert [path.name for path in written] == ["größe.glb", "größe_1.glb", "größe_2.glb"]
    for path, splats in zip(written, (levelled.splats, *levelled.levels), strict=True):
        found = load(path)
        assert found.levels == ()
        for each in fields(splats):
            assert np.array_equal(getattr(found.splats, each.name), getattr(splats, each.name))
