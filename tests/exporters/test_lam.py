"""LAM's zip: what an independent reader puts together from it is the avatar, and the published player's demands are met."""

import io
import json
import zipfile
from dataclasses import replace
from typing import Any, NamedTuple

import gsply
import numpy as np
import pytest
from avatar_cases import KINDS, random_avatar
from hypothesis import given, settings
from pygltf_cases import array, opened, world_positions
from pygltflib import GLTF2

from facecraft4d.exporters.body import EAR_HEIGHT
from facecraft4d.exporters.lam.writing import LEAST_OPACITY, NO_EXPRESSION, check_size, export_lam, lam_loses
from facecraft4d.exporters.options import ExportOptions
from facecraft4d.exporters.order import splat_order
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.geometry import triangle_areas
from facecraft4d.toolkit.core.rigging import place_splats, pose_from_weights, pose_vertices

PLAYER_CLIPS = {"hello": 2, "idle": 1, "speak": 6, "think": 3}
"""Of the player's built-in configuration, in its order."""
LEAST_AREA = 1e-7
"""Square metres, a third of a millimetre a side: a flatter triangle's frame is turned by the last bit of its corners."""
FADE = 0.5
"""Seconds in which the player goes from one clip to the next: a clip must be longer."""


class Read(NamedTuple):
    """A zip taken apart by the player's rules."""

    skin: GLTF2
    clips: GLTF2
    splats: gsply.GSData
    order: list[int]


def read(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> Read:
    archive = zipfile.ZipFile(io.BytesIO(data))
    (folder,) = [entry.filename for entry in archive.infolist() if entry.is_dir()]
    ply = tmp_path_factory.mktemp("lam") / "offset.ply"
    ply.write_bytes(archive.read(f"{folder}offset.ply"))
    skin, clips = (opened(archive.read(f"{folder}{name}.glb")) for name in ("skin", "animation"))
    return Read(skin, clips, gsply.plyread(str(ply)), json.loads(archive.read(f"{folder}vertex_order.json")))


def centres(found: Read, weights: dict[str, float]) -> np.ndarray:
    """Where the player's shader puts the splats: vertex + offset + displacements, in the frame of the head at rest."""
    (mesh,) = found.skin.meshes
    primitive = mesh.primitives[0]
    places = array(found.skin, primitive.attributes.POSITION) + np.asarray(found.splats.means, np.float64)
    for name, target in zip(mesh.extras["targetNames"], primitive.targets, strict=True):
        places = places + weights.get(name, 0.0) * array(found.skin, target["POSITION"])
    return places - (0.0, EAR_HEIGHT, 0.0)


@pytest.mark.slow
@given(kind=KINDS)
@settings(max_examples=12, deadline=None)
def test_player_puts_splats_where_ours_are(kind: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    """At rest and at the full weight of each expression alone; what else the player draws is the avatar's at rest."""
    avatar = random_avatar(**kind)
    rig, found = avatar.rig, read(export_lam(avatar, ExportOptions()), tmp_path_factory)
    rest = place_splats(avatar.splats, rig.vertices, rig)
    assert np.allclose(centres(found, {}), rest.means, atol=2e-7)
    still = replace(rig, joint_deltas=None)  # the player's bones do not follow expressions
    for name in rig.expression_names:
        vertices = pose_vertices(still, pose_from_weights(still, {name: 1.0}))
        expected = place_splats(avatar.splats, vertices, rig).means
        corners = np.stack([rig.vertices, vertices])[:, rig.triangles]
        framed = (triangle_areas(corners).min(0) > LEAST_AREA)[avatar.splats.triangles]
        assert np.allclose(centres(found, {name: 1.0})[framed], expected[framed], atol=1e-5)
    assert np.allclose(found.splats.sh0, rest.colors, atol=1e-6)
    assert np.allclose(np.exp(found.splats.scales), rest.scales, rtol=1e-5)
    assert np.allclose(found.splats.quats, rest.rotations_wxyz, atol=1e-6)
    opacities = 1 / (1 + np.exp(-found.splats.opacities.astype(np.float64)))
    assert np.abs(opacities - rest.opacities).max() <= LEAST_OPACITY + 1e-6
    assert sorted(found.order) == list(range(len(rest.means)))


@pytest.mark.slow
@given(kind=KINDS)
@settings(max_examples=12, deadline=None)
def test_mesh_is_what_the_player_demands(kind: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Bones of its names, one skinned mesh of triangles, a target at least, no animation in skin.glb."""
    avatar = random_avatar(**kind)
    skin = read(export_lam(avatar, ExportOptions()), tmp_path_factory).skin
    names, places = [node.name for node in skin.nodes], world_positions(skin)
    head = avatar.rig.joint_positions[avatar.rig.joint_names.index("neck")] + (0.0, EAR_HEIGHT, 0.0)
    assert np.allclose(places[names.index("head")], head, atol=1e-6)
    assert skin.skins[0].joints == [names.index("hip"), names.index("head")]
    inverse_binds = array(skin, skin.skins[0].inverseBindMatrices).reshape(-1, 4, 4)
    assert np.allclose(inverse_binds[:, 3, :3], -places[skin.skins[0].joints], atol=1e-6)
    attributes = skin.meshes[0].primitives[0].attributes
    joints, weights = array(skin, attributes.JOINTS_0), array(skin, attributes.WEIGHTS_0)
    assert np.allclose(weights.sum(1), 1, atol=1e-6) and joints.max() <= 1 and not (joints * (weights == 0)).any()
    assert skin.meshes[0].primitives[0].mode == 4 and not skin.animations
    assert skin.meshes[0].extras["targetNames"] == list(avatar.rig.expression_names or [NO_EXPRESSION])
    stamp = splat_order(avatar.splats)
    assert skin.asset.extras["splats"] == {"count": stamp.count, "sha256": stamp.sha256}


@pytest.mark.slow
def test_weights_follow_the_neck(tiny_avatar: Avatar, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A splat on the bust stays with the hip, one on the face goes with the head, for players that know more than one bone."""
    skin = read(export_lam(tiny_avatar, ExportOptions()), tmp_path_factory).skin
    share = array(skin, skin.meshes[0].primitives[0].attributes.WEIGHTS_0)[:, 1]
    rig, root = tiny_avatar.rig, tiny_avatar.rig.joint_names.index("root")
    expected = 1 - rig.skin_weights[rig.triangles, root].mean(1)[tiny_avatar.splats.triangles]
    assert np.allclose(share, expected, atol=1e-6) and share.min() < 0.2 and share.max() == 1


def test_one_folder_and_no_clock(tiny_avatar: Avatar) -> None:
    data = export_lam(tiny_avatar, ExportOptions())
    entries = zipfile.ZipFile(io.BytesIO(data)).infolist()
    assert [entry.filename for entry in entries if entry.is_dir()] == ["avatar/"]
    assert all(entry.date_time == (1980, 1, 1, 0, 0, 0) and entry.create_system == 3 for entry in entries)
    assert data == export_lam(tiny_avatar, ExportOptions())


@pytest.mark.slow
def test_body_clips(tiny_avatar: Avatar, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Twelve in the player's order, long enough to fade, turning the head by little and without a jump."""
    clips = read(export_lam(tiny_avatar, ExportOptions()), tmp_path_factory).clips
    expected = [f"{state}_{index + 1}" for state, count in PLAYER_CLIPS.items() for index in range(count)]
    assert [clip.name for clip in clips.animations] == expected
    ends = {}
    for clip in clips.animations:
        (channel,) = clip.channels
        assert clips.nodes[channel.target.node].name == "head" and channel.target.path == "rotation"
        times, turns = (array(clips, each) for each in (clip.samplers[0].input, clip.samplers[0].output))
        assert times[-1] > 2 * FADE and (np.diff(times[:, 0]) > 0).all()
        assert np.allclose(np.linalg.norm(turns, axis=1), 1, atol=1e-6)
        angles = 2 * np.degrees(np.arccos(np.clip(turns[:, 3], -1, 1)))
        assert 0.5 < angles.max() < 10 and np.abs(np.diff(turns, axis=0)).max() < 0.02
        ends[clip.name] = turns[[0, -1]]
    assert all(np.allclose(ends[name][0], (0, 0, 0, 1)) for name in ends if name not in ("think_2", "think_3"))
    assert np.allclose(ends["think_1"][1], ends["think_2"][0]) and np.allclose(ends["think_2"][1], ends["think_3"][0])


@pytest.mark.parametrize("splats, expressions", [(161_319, 51), (4_194_304, 0), (19_373, 432)])
def test_limits_of_the_player(splats: int, expressions: int) -> None:
    check_size(splats, expressions)
    with pytest.raises(UserError, match=rf"at most {splats:,} splats.*--splats {splats}"):
        check_size(splats + 1, expressions)


def test_too_many_expressions() -> None:
    with pytest.raises(UserError, match="at most 432 expressions, this avatar has 433"):
        check_size(1, 433)


def test_origin_in_any_script(tiny_avatar: Avatar, tmp_path_factory: pytest.TempPathFactory) -> None:
    options = ExportOptions(title="Зоя, 頭", creator="Ælfric ‮x")
    (packet,) = read(export_lam(tiny_avatar, options), tmp_path_factory).skin.extensions["KHR_xmp_json_ld"]["packets"]
    assert options.title in json.dumps(packet["dc:title"], ensure_ascii=False)
    assert packet["dc:creator"] == {"@list": [options.creator]}


def test_says_what_is_lost(tiny_avatar: Avatar) -> None:
    assert "turn" in lam_loses(tiny_avatar) and "correctives" not in lam_loses(tiny_avatar)
    correctives = np.zeros((36, len(tiny_avatar.rig.vertices), 3), np.float32)
    assert "correctives" in lam_loses(replace(tiny_avatar, rig=replace(tiny_avatar.rig, pose_deltas=correctives)))
