"""The web player reads what we write, refuses what is damaged, and moves splats as Python does."""

import copy
import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from avatar_cases import random_avatar, random_motion
from glb_cases import join, split
from parity_cases import CORRECTED, PLAIN, Case, Deformed, assert_parity
from places import TINY
from web_cases import run_module

from facecraft4d.exporters import ExportOptions, export, load
from facecraft4d.exporters.web import AVATAR, web_files
from facecraft4d.toolkit.core.asset import EYEWEAR, Avatar
from facecraft4d.toolkit.core.datatypes import Pose, Rig
from facecraft4d.toolkit.core.rigging import neutral_pose, place_splats, pose_vertices

READ = "const { readAvatar } = await import('./avatar.js'); const avatar = readAvatar(fileBuffer(given.file));"


def rich_avatar(tiny: Avatar) -> Avatar:
    """The small avatar with glasses, pose correctives, joints that follow the face, five influences, odd names."""
    rng = np.random.default_rng(5)
    rig, regions = tiny.rig, tiny.rig.triangle_regions.copy()
    regions[::11] = len(rig.region_names)
    names = ("größe", "__proto__", *rig.expression_names[2:])
    rig = replace(
        rig,
        triangle_regions=regions,
        region_names=(*rig.region_names, EYEWEAR),
        expression_names=names,
        skin_weights=rng.dirichlet(np.ones(5), len(rig.vertices)).astype(np.float32),
        pose_deltas=rng.normal(scale=2e-3, size=(36, len(rig.vertices), 3)).astype(np.float32),
        joint_deltas=rng.normal(scale=2e-3, size=(len(names), 5, 3)).astype(np.float32),
    )
    return replace(tiny, rig=rig)


def random_pose(rig: Rig, seed: int) -> Pose:
    rng = np.random.default_rng(seed)
    rest = neutral_pose(rig)
    return Pose(
        (rng.uniform(0, 1, rest.expression.shape) * (rng.uniform(size=rest.expression.shape) < 0.4)).astype(np.float32),
        rng.normal(scale=0.4, size=rest.joint_rotations.shape).astype(np.float32),
        rng.normal(scale=0.05, size=3).astype(np.float32),
    )


def web_pose(rig: Rig, pose: Pose) -> dict[str, Any]:
    return {
        "expressions": list(zip(rig.expression_names, pose.expression.tolist(), strict=True)),
        "joints": dict(zip(rig.joint_names, pose.joint_rotations.tolist(), strict=True)),
        "translation": pose.translation.tolist(),
    }


def deformed(avatar: Avatar, poses: list[Pose], folder: Path) -> list[dict[str, Any]]:
    """Vertices and splats of each pose, by the web player's modules."""
    export(avatar, folder / "avatar.glb")
    body = (
        READ
        + """
        const { Deformer } = await import('./deform.js');
        const deformer = new Deformer(avatar);
        result = given.poses.map((pose) => {
          const whole = { ...pose, expressions: Object.fromEntries(pose.expressions) };
          return { vertices: deformer.vertices(whole).slice(), ...deformer.splats(whole) };
        });"""
    )
    poses_given = [web_pose(avatar.rig, pose) for pose in poses]
    found: list[dict[str, Any]] = run_module(folder, body, {"file": "avatar.glb", "poses": poses_given})
    return found


@pytest.mark.parametrize(("file", "cases"), [("parity_avatar.glb", PLAIN), ("parity_correctives.glb", CORRECTED)])
def test_parity(tmp_path: Path, file: str, cases: list[Case]) -> None:
    """samples/parity.json, which every port is compared with."""
    avatar = load(TINY.with_name(file))
    found = deformed(avatar, [case.pose for case in cases], tmp_path)
    for case, mine in zip(cases, found, strict=True):
        arrays = (np.array(mine[key]) for key in ("vertices", "means", "rotationsWxyz", "scales"))
        shaped = (array.reshape(-1, width) for array, width in zip(arrays, (3, 3, 4, 3), strict=True))
        assert_parity(Deformed(*shaped), case.expected, case.name)


@pytest.mark.slow
@pytest.mark.parametrize("rich", [False, True])
def test_deformation_is_pythons(tiny_avatar: Avatar, tmp_path: Path, rich: bool) -> None:
    avatar = rich_avatar(tiny_avatar) if rich else tiny_avatar
    poses = [neutral_pose(avatar.rig), *(random_pose(avatar.rig, seed) for seed in range(4))]
    found = deformed(avatar, poses, tmp_path)
    for pose, mine in zip(poses, found, strict=True):
        vertices = pose_vertices(avatar.rig, pose)
        splats = place_splats(avatar.splats, vertices, avatar.rig)
        assert np.allclose(np.reshape(mine["vertices"], (-1, 3)), vertices, atol=1e-5)
        assert np.allclose(np.reshape(mine["means"], (-1, 3)), splats.means, atol=1e-5)
        assert np.allclose(np.reshape(mine["scales"], (-1, 3)), splats.scales, atol=1e-5)
        # slivers turn far by the last bit of a corner: rotations are compared over equal corners
        turned = place_splats(avatar.splats, np.float32(mine["vertices"]).reshape(-1, 3), avatar.rig).rotations_wxyz
        quaternions = np.reshape(mine["rotationsWxyz"], (-1, 4))
        signs = np.sign((quaternions * turned).sum(1, keepdims=True))
        assert np.allclose(signs * quaternions, turned, atol=1e-5)


@pytest.mark.slow
def test_avatars_of_every_kind_play_their_clip(tmp_path: Path) -> None:
    """No expressions or many, in any script, one splat or some, with glasses or pose correctives or without: vertices, splats
    and the clip in the file are Python's."""
    kinds = list(itertools.product((0, 1, 10), (1, 40), (False, True), (False, True)))
    avatars, motions = [], []
    for seed, (expressions, splats, flame, eyewear) in enumerate(kinds):
        avatars.append(random_avatar(seed, expressions, splats, flame=flame, eyewear=eyewear))
        motions.append(random_motion(avatars[-1].rig, 7, seed))
        made = dict(web_files(avatars[-1], ExportOptions(clips=(motions[-1],))))
        (tmp_path / f"{seed}.glb").write_bytes(made[AVATAR])
    body = """
    const { readAvatar } = await import('./avatar.js'); const { Deformer } = await import('./deform.js');
    const { poseAt } = await import('./motion.js');
    result = given.map(({ file, seconds }) => {
      const avatar = readAvatar(fileBuffer(file)), deformer = new Deformer(avatar);
      const pose = poseAt(avatar.clips[0], avatar.rig, seconds);
      return { names: avatar.rig.expressionNames, vertices: deformer.vertices(pose).slice(), ...deformer.splats(pose) };
    });"""
    seconds = 3 / motions[0].fps
    found = run_module(tmp_path, body, [{"file": f"{seed}.glb", "seconds": seconds} for seed in range(len(kinds))])
    for avatar, motion, mine in zip(avatars, motions, found, strict=True):
        vertices = pose_vertices(avatar.rig, motion.pose(3))
        splats = place_splats(avatar.splats, vertices, avatar.rig)
        assert mine["names"] == list(avatar.rig.expression_names)
        for key, expected in (("vertices", vertices), ("means", splats.means), ("scales", splats.scales)):
            assert np.allclose(np.reshape(mine[key], (-1, 3)), expected, atol=1e-5), key


@pytest.mark.slow
def test_reads_every_array_bit_for_bit(tiny_avatar: Avatar, tmp_path: Path) -> None:
    avatar = rich_avatar(tiny_avatar)
    export(avatar, tmp_path / "avatar.glb")
    found = run_module(tmp_path, READ + "result = avatar;", {"file": "avatar.glb"})
    rig, splats = avatar.rig, avatar.splats
    for mine, theirs in (
        (found["rig"]["vertices"], rig.vertices),
        (found["rig"]["triangles"], rig.triangles),
        (found["rig"]["jointPositions"], rig.joint_positions),
        (found["rig"]["jointDeltas"], rig.joint_deltas),
        (found["splats"]["means"], splats.means),
        (found["splats"]["rotationsWxyz"], splats.rotations_wxyz),
        (found["splats"]["logScales"], splats.log_scales),
        (found["splats"]["opacityLogits"], splats.opacity_logits),
        (found["splats"]["colors"], splats.colors),
        (found["splats"]["triangles"], splats.triangles),
    ):
        assert np.array_equal(np.float32(mine), np.asarray(theirs, np.float32).ravel())
    assert np.allclose(found["rig"]["skinWeights"], rig.skin_weights.ravel(), atol=1e-6)
    assert found["rig"]["expressionNames"] == list(rig.expression_names)
    assert found["rig"]["jointParents"] == list(rig.joint_parents)
    dense = np.zeros_like(rig.expression_deltas)
    for k, each in enumerate(found["rig"]["expressionDeltas"]):
        dense[k, each["rows"]] = np.reshape(each["deltas"], (-1, 3))
    assert np.array_equal(dense, rig.expression_deltas)
    assert found["provenance"]["verdict"] == "yes" and found["provenance"]["licences"] == ["CC0-1.0"]


DOCUMENT, BLOB = split(TINY.read_bytes())
PRIMITIVE = DOCUMENT["meshes"][0]["primitives"][0]
SPLATS = DOCUMENT["meshes"][1]["primitives"][0]["attributes"]
NOTHING = {"componentType": 5126, "type": "VEC4", "count": 1 << 24}
"""256 MiB of zeros without a byte of data."""
HOSTILE: dict[str, tuple[list[Any], Any, str]] = {
    "no block": (["asset", "extras"], {}, "not an avatar"),
    "newer": (["asset", "extras", "facecraft4d", "format_version"], 99, "expected avatar format"),
    "no meshes": (["meshes"], 7, "no mesh"),
    "endless accessor": (["accessors", SPLATS["_BIND_0"], "count"], 1 << 16, "ends beyond the data"),
    "memory": (["accessors", SPLATS["_BIND_0"]], NOTHING, "more memory"),
    "accessor of nothing": (["accessors", PRIMITIVE["attributes"]["POSITION"], "count"], 1 << 31, "elements"),
    "fraction": (["bufferViews", 0, "byteOffset"], 0.5, "malformed"),
    "outside": (["bufferViews", 0, "byteOffset"], 1 << 40, "beyond the data"),
    "wrong index": (["meshes", 0, "primitives", 0, "indices"], 10**6, "does not have"),
    "names": (["meshes", 0, "extras", "targetNames"], [7] * len(PRIMITIVE["targets"]), "names"),
    "no binding": (["meshes", 1, "primitives", 0, "attributes"], {"POSITION": 0}, "export it"),
    "joints twice": (["skins", 0, "joints"], [2, 2, 3, 4, 5], "twice"),
    "animations": (["animations"], [{"channels": [None], "samplers": 3}], "malformed"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_damage_is_told_in_words(tmp_path: Path, name: str) -> None:
    steps, value, message = HOSTILE[name]
    document = copy.deepcopy(DOCUMENT)
    place: Any = document
    for step in steps[:-1]:
        place = place[step]
    place[steps[-1]] = value
    (tmp_path / "bad.glb").write_bytes(join(document, BLOB))
    found = run_module(tmp_path, READ + "result = 'read';", {"file": "bad.glb"})
    assert message in found["error"], found


@pytest.mark.parametrize("rounds", [300, pytest.param(5000, marks=pytest.mark.slow)])
def test_damaged_files_are_refused_or_finite(tmp_path: Path, rounds: int) -> None:
    """Whatever is cut is refused; whatever is changed is refused in words, or read into finite numbers."""
    (tmp_path / "tiny.glb").write_bytes(TINY.read_bytes())
    body = """
    const { readAvatar } = await import('./avatar.js'); const { Deformer } = await import('./deform.js');
    const { poseAt } = await import('./motion.js');
    const data = new Uint8Array(fileBuffer('tiny.glb')); let state = 7; result = { read: 0, refused: 0, odd: [] };
    const random = (n) => { state = (state * 1664525 + 1013904223) % 4294967296; return Math.floor(state / 4294967296 * n); };
    for (let round = 0; round < given; round++) {
      const copy = round % 10 ? data.slice() : data.slice(0, random(data.length));
      for (let i = 0; i < 8 && copy.length; i++) copy[random(round % 2 ? 24000 : copy.length) % copy.length] = random(256);
      const start = performance.now();
      try {
        const avatar = readAvatar(copy.buffer), poses = [{ expressions: { jawOpen: 1 } }, ...avatar.clips.map((clip) => poseAt(clip, avatar.rig, 1))];
        const finite = poses.every((pose) => new Deformer(avatar).frames(pose).every(Number.isFinite));
        if (!finite) result.odd.push(round); else result.read++;
      } catch (error) { if (error instanceof RangeError) result.odd.push(error.message); else result.refused++; }
      if (performance.now() - start > 2000) result.odd.push('slow');
    }"""
    found = run_module(tmp_path, body, rounds)
    assert found["odd"] == [] and found["read"] > rounds / 30 and found["refused"] > rounds / 3, json.dumps(found)


@pytest.mark.parametrize("rounds", [300, pytest.param(5000, marks=pytest.mark.slow)])
def test_odd_json_is_told_in_words(tiny_avatar: Avatar, tmp_path: Path, rounds: int) -> None:
    """Any value of the JSON replaced by any other kind: refused by a check of ours, never by an accident, or read."""
    export(tiny_avatar, tmp_path / "avatar.glb")
    document, blob = split((tmp_path / "avatar.glb").read_bytes())
    for accessor in document["accessors"]:
        accessor.pop("min", None), accessor.pop("max", None)
    (tmp_path / "document.json").write_text(json.dumps(document))
    (tmp_path / "blob.bin").write_bytes(blob)
    body = """
    const { readAvatar } = await import('./avatar.js');
    const text = readFileSync('document.json', 'utf8'), blob = readFileSync('blob.bin'); let state = 3;
    const random = (n) => { state = (state * 1664525 + 1013904223) % 4294967296; return Math.floor(state / 4294967296 * n); };
    const junk = [null, -1, 0, 1, 7, 1.5, 1e30, 4294967296, true, '', 'VEC3', '__proto__', [], [null], [[]], {}, { a: 1 }, [0, 1, 2]];
    const places = (value, path) => typeof value !== 'object' || value === null ? [path]
      : [path, ...Object.keys(value).flatMap((key) => places(value[key], [...path, key]))];
    const all = places(JSON.parse(text), []).slice(1); result = { read: 0, refused: 0, odd: [] };
    for (let round = 0; round < given; round++) {
      const document = JSON.parse(text), path = all[random(all.length)], value = junk[random(junk.length)];
      const last = path.at(-1), parent = path.slice(0, -1).reduce((at, key) => at[key], document);
      parent[last] = value;
      const words = new TextEncoder().encode(JSON.stringify(document)), padded = words.length + (-words.length & 3);
      const file = new Uint8Array(28 + padded + blob.length), view = new DataView(file.buffer);
      [0x46546c67, 2, file.length, padded, 0x4e4f534a].forEach((word, i) => view.setUint32(4 * i, word, true));
      file.fill(32, 20, 20 + padded); file.set(words, 20);
      [blob.length, 0x004e4942].forEach((word, i) => view.setUint32(20 + padded + 4 * i, word, true));
      file.set(blob, 28 + padded);
      try { readAvatar(file.buffer); result.read++; } catch (error) {
        if (error.constructor !== Error) result.odd.push(`${path.join('/')} = ${JSON.stringify(value)}: ${error}`); else result.refused++;
      }
    }
    result.odd = [...new Set(result.odd)].slice(0, 10);"""
    found = run_module(tmp_path, body, rounds)
    assert found["odd"] == [] and found["read"] > rounds / 20 and found["refused"] > rounds / 20, json.dumps(found)
