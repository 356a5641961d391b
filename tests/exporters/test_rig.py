"""The export rig, read by a decoder of its own: what it says of itself holds."""

from dataclasses import fields, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from avatar_cases import KINDS, random_avatar
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from rig_decoder import Decoder, matrix, product

from facecraft4d.cli import main
from facecraft4d.exporters import ExportOptions, load
from facecraft4d.exporters.gltf.rig import shown_triangles
from facecraft4d.exporters.options import DeltaType, RigOptions
from facecraft4d.exporters.order import splat_order
from facecraft4d.exporters.rig.deltas import FAINTEST, pack, unpack
from facecraft4d.exporters.rig.error import errors
from facecraft4d.exporters.rig.writing import ANGLE, export_rig
from facecraft4d.exporters.splat_deltas import SplatChanges
from facecraft4d.runtime.camera import framing
from facecraft4d.runtime.software import draw_splats
from facecraft4d.toolkit.core.asset import EYEWEAR, Avatar
from facecraft4d.toolkit.core.datatypes import BoundSplats, Pose, Splats
from facecraft4d.toolkit.core.geometry import area_vectors, normalized
from facecraft4d.toolkit.core.rigging import neutral_pose, place_splats, pose_from_weights, pose_vertices

HALF_STEP = 2.0**-11
"""Largest relative rounding of a half; below 6e-5 they are evenly spaced."""
TYPES = tuple(DeltaType)


def decoded(avatar: Avatar, delta_type: DeltaType = DeltaType.HALF) -> Decoder:
    return Decoder(dict(export_rig(avatar, ExportOptions(rig=RigOptions(delta_type)))))


@pytest.fixture(scope="module")
def ball() -> Avatar:
    """Splats off their triangles, four expressions, FLAME's additions."""
    return load(Path(str(files("facecraft4d.samples") / "parity_correctives.glb")))


@pytest.fixture(scope="module", params=TYPES)
def reader(request: pytest.FixtureRequest, ball: Avatar) -> Decoder:
    return decoded(ball, request.param)


def exact(avatar: Avatar, pose: Pose) -> Splats:
    return place_splats(avatar.splats, pose_vertices(avatar.rig, pose), avatar.rig)


def as_splats(like: Splats, played: tuple[np.ndarray, np.ndarray, np.ndarray]) -> Splats:
    means, rotations, scales = (part.astype(np.float32) for part in played)
    return replace(like, means=means, rotations_wxyz=normalized(rotations).astype(np.float32), scales=scales)


@pytest.mark.slow
def test_splats_at_rest_are_those_of_the_avatar(ball: Avatar, reader: Decoder) -> None:
    rest = exact(ball, neutral_pose(ball.rig))
    for field in fields(rest):
        np.testing.assert_array_equal(reader.rest[field.name], getattr(rest, field.name))
    order = splat_order(ball.splats)
    assert reader.document["order"]["sha256"] == order.sha256 and reader.document["splats"]["count"] == order.count


def test_a_single_expression_at_1_is_exact_to_the_rounding(ball: Avatar, reader: Decoder) -> None:
    rest = exact(ball, neutral_pose(ball.rig))
    for name in ball.rig.expression_names:
        expected = exact(ball, pose_from_weights(ball.rig, {name: 1.0}))
        off = errors(as_splats(rest, reader.play({name: 1.0}, reader.turned({}))), expected, rest)
        assert len(off.position_mm) > 2, name
        assert off.position_mm.max() < 0.01 and off.rotation_degrees.max() < 0.03 and off.scale_percent.max() < 0.03


def test_stated_errors_are_what_the_decoder_finds(ball: Avatar, reader: Decoder) -> None:
    """Deltas at half of each expression, and joints by weights and by deltas, in the decoder's own arithmetic."""
    rig = ball.rig
    halves = [(pose_from_weights(rig, {name: 0.5}), {name: 0.5}, {}, False) for name in rig.expression_names]
    turns = [{(name, axis): ANGLE} for name in rig.joint_names for axis in "xyz"]
    for key, rows in (
        ("expressions_at_0.5", halves),
        ("joints_at_0.2_radians", [(turned_pose(ball, turn), {}, turn, False) for turn in turns]),
        ("joint_axes_at_0.2_radians", [(turned_pose(ball, turn), {}, turn, True) for turn in turns]),
    ):
        rest = exact(ball, neutral_pose(rig))
        parts = [
            errors(as_splats(rest, reader.play(weights, reader.turned(turn), by_axes)), exact(ball, pose), rest)
            for pose, weights, turn, by_axes in rows
        ]
        stated = reader.document["error"][key]
        assert stated["poses"] == len(rows)
        for name in ("position_mm", "rotation_degrees", "scale_percent"):
            found = np.concatenate([getattr(part, name) for part in parts])
            assert found.max() == pytest.approx(stated[name]["max"], rel=0.02, abs=2e-3), (key, name)
            assert found.mean() == pytest.approx(stated[name]["mean"], rel=0.02, abs=2e-3), (key, name)


def turned_pose(avatar: Avatar, turn: dict[tuple[str, str], float]) -> Pose:
    rotations = np.zeros((len(avatar.rig.joint_names), 3), np.float32)
    for (joint, axis), angle in turn.items():
        rotations[avatar.rig.joint_names.index(joint), "xyz".index(axis)] = angle
    return replace(neutral_pose(avatar.rig), joint_rotations=rotations)


@pytest.mark.slow
def test_what_is_rigid_on_a_joint_is_exact_at_any_angle(ball: Avatar) -> None:
    """However far the head turns, with all vertices on the neck: the deltas of joints are for small turns, their weights for all."""
    weights = np.zeros_like(ball.rig.skin_weights)
    weights[:, 1] = 1
    rigid = replace(ball, rig=replace(ball.rig, skin_weights=weights, pose_deltas=None))
    reader, rest = decoded(rigid), exact(rigid, neutral_pose(rigid.rig))
    pose = turned_pose(rigid, {("neck", "y"): 2.0, ("root", "x"): 0.7})
    off = errors(
        as_splats(rest, reader.play({}, {**reader.turned({}), **dict(zip(rigid.rig.joint_names, pose.joint_rotations, strict=True))})),
        exact(rigid, pose),
        rest,
    )  # fmt: skip
    assert off.position_mm.max() < 1e-3 and off.rotation_degrees.max() < 1e-3 and off.scale_percent.max() < 1e-3


@pytest.mark.slow
def test_stitching_puts_splats_where_they_rest(ball: Avatar) -> None:
    """By the mesh as the GLB has it: triangles of eyewear come after the others."""
    regions = ball.rig.triangle_regions.copy()
    regions[::5] = len(ball.rig.region_names)
    rig = replace(ball.rig, triangle_regions=regions, region_names=(*ball.rig.region_names, EYEWEAR))
    reader, shown = decoded(replace(ball, rig=rig)), shown_triangles(rig)
    faces = np.concatenate([rig.triangles[shown], rig.triangles[~shown]])[reader.stitching["faces"]]
    corners = rig.vertices[faces].astype(np.float64)
    normals = normalized(area_vectors(corners))
    places = (reader.stitching["weights"][:, :, None] * corners).sum(1) + reader.stitching["distances"][
        :, None
    ] * normals
    np.testing.assert_allclose(places, reader.rest["means"], atol=1e-6)
    assert reader.document["stitching"]["mesh"] == "HeadRig"


@pytest.mark.slow
def test_the_picture_is_that_of_the_exact_deformation(tiny_avatar: Avatar) -> None:
    """Several expressions and a turned neck, drawn: far nearer to the exact one than positions alone."""
    rig, weights, turn = (
        tiny_avatar.rig,
        {"jawOpen": 0.6, "mouthSmileLeft": 0.8, "eyeBlinkRight": 0.5},
        {("neck", "y"): 0.4},
    )
    pose = replace(turned_pose(tiny_avatar, turn), expression=pose_from_weights(rig, weights).expression)
    reader, expected, camera = decoded(tiny_avatar), exact(tiny_avatar, pose), framing(tiny_avatar).camera(128, 128)
    played = as_splats(expected, reader.play(weights, reader.turned(turn)))
    rest = exact(tiny_avatar, neutral_pose(rig))
    target, *found = (draw_splats(each, camera) for each in (expected, played, replace(rest, means=played.means)))
    errors_of = [float(np.mean((each - target) ** 2)) for each in found]
    assert -10 * np.log10(errors_of[0]) > 40 and errors_of[0] < errors_of[1] / 10


def test_the_skin_is_a_partition_of_unity(reader: Decoder) -> None:
    assert (reader.skin["weights"].sum(1, dtype=int) == reader.document["skin"]["whole"]).all()
    assert reader.skin["joints"].max() < len(reader.document["joints"])


def changes() -> st.SearchStrategy[SplatChanges]:
    """Of no splat up to 40, metres and radians of every size."""
    return st.tuples(st.integers(0, 40), st.integers(0, 2**32 - 1), st.floats(1e-6, 3)).map(
        lambda each: _changes(*each)
    )


def _changes(count: int, seed: int, size: float) -> SplatChanges:
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.choice(1000, count, replace=False)).astype(np.int32)
    values = rng.normal(scale=size, size=(count, 7)).astype(np.float32) * (rng.uniform(size=(count, 1)) < 0.8)
    return SplatChanges(rows, values[:, :3], values[:, 3:6], values[:, 6])


@pytest.mark.slow
@given(changes(), st.sampled_from(TYPES))
@settings(max_examples=100, deadline=None)
def test_packing_loses_what_it_says(given_changes: SplatChanges, delta_type: DeltaType) -> None:
    packed = pack(given_changes, delta_type)
    assert len(packed.to_bytes()) % 4 == 0 and (np.diff(packed.rows.astype(int)) > 0).all()
    found, kept = dense(unpack(packed)), np.isin(np.arange(1000), packed.rows)
    expected = dense(given_changes)
    least = np.repeat(FAINTEST, (3, 3, 1))
    assert (np.abs(expected[~kept]) < least).all()
    step = np.repeat(packed.scales, (3, 3, 1)) / 2
    allowed = (
        step * 1.01 if delta_type is DeltaType.INT16 else np.maximum(HALF_STEP * np.abs(expected), 2.0**-25) * 1.01
    )
    assert (np.abs(found - expected) <= allowed)[kept].all()


def dense(of: SplatChanges) -> np.ndarray:
    found = np.zeros((1000, 7))
    found[of.rows] = np.column_stack([of.means, of.rotations, of.log_scales])
    return found


def test_deltas_lie_one_after_another(ball: Avatar, reader: Decoder) -> None:
    """No byte of deltas.bin is nobody's, but the padding."""
    ends = [0]
    for each in (*reader.document["expressions"], *reader.document["correctives"], *reader.document["joint_axes"]):
        assert each["offset"] == ends[-1]
        ends.append(each["offset"] + -(-18 * each["count"] // 4) * 4)
    assert ends[-1] == len(reader.files["deltas.bin"])
    assert len(reader.axes) == 3 * len(ball.rig.joint_names) and len(reader.correctives) == 36


def first(splats: BoundSplats, count: int) -> BoundSplats:
    return BoundSplats(*(getattr(splats, each.name)[:count] for each in fields(splats)))


@pytest.mark.slow
def test_no_expressions_one_splat_and_names_of_any_script(ball: Avatar) -> None:
    bare = replace(ball.rig, expression_names=(), expression_deltas=ball.rig.expression_deltas[:0], joint_deltas=None)
    reader = decoded(Avatar(bare, first(ball.splats, 1), ball.provenance))
    assert reader.expressions == {} and len(reader.rest["means"]) == 1
    names = ("口を開ける", "größe ü", "a\nb", "🙂")
    named = decoded(replace(ball, rig=replace(ball.rig, expression_names=names)))
    assert tuple(named.expressions) == names


def on_sound_triangles(avatar: Avatar) -> Avatar:
    """The splats of triangles without area, whose normal is an accident of rounding, on others."""
    corners = avatar.rig.vertices[avatar.rig.triangles].astype(np.float64)
    longest = np.linalg.norm(corners - np.roll(corners, 1, 1), axis=-1).max(1)
    sound = np.flatnonzero(np.linalg.norm(area_vectors(corners), axis=1) > 0.05 * longest**2)
    triangles = sound[avatar.splats.triangles % len(sound)].astype(np.int32)
    return replace(avatar, splats=replace(avatar.splats, triangles=triangles))


@given(KINDS, st.sampled_from(TYPES))
@settings(
    max_examples=8, deadline=None, phases=(Phase.explicit, Phase.generate)
)  # an export takes a second: no shrinking
@pytest.mark.slow
def test_any_avatar_comes_back_within_the_rounding(kind: dict[str, Any], delta_type: DeltaType) -> None:
    """At rest bit for bit, on its mesh, and with each expression at 1 where the exact deformation has it."""
    avatar = on_sound_triangles(random_avatar(**kind))
    rig, reader = avatar.rig, decoded(avatar, delta_type)
    rest = place_splats(avatar.splats, rig.vertices, rig)
    np.testing.assert_array_equal(reader.rest["means"], rest.means)
    shown = shown_triangles(rig)
    faces = np.concatenate([rig.triangles[shown], rig.triangles[~shown]])[reader.stitching["faces"]]
    np.testing.assert_array_equal(faces, rig.triangles[avatar.splats.triangles])
    assert tuple(reader.expressions) == rig.expression_names
    for name in rig.expression_names:
        played = as_splats(rest, reader.play({name: 1.0}, reader.turned({})))
        off = errors(played, exact(avatar, pose_from_weights(rig, {name: 1.0})), rest)
        for values, most in zip(off, (0.05, 0.15, 0.15), strict=True):
            assert values.max(initial=0) < most, name


@pytest.mark.slow
def test_equal_avatars_give_equal_bytes(ball: Avatar) -> None:
    assert dict(export_rig(ball, ExportOptions())) == dict(export_rig(ball, ExportOptions()))


@pytest.mark.slow
def test_the_command_writes_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = str(files("facecraft4d.samples") / "parity_avatar.glb")
    assert main(["export", source, "--to", "rig", "--delta-type", "int16", "--out", str(tmp_path / "head")]) == 0
    assert "rig: the mesh and its texture" in capsys.readouterr().err
    names = ("rig.json", "splats.bin", "deltas.bin")
    assert {path.name for path in (tmp_path / "head").iterdir()} == set(names)
    reader = Decoder({name: (tmp_path / "head" / name).read_bytes() for name in names})
    assert reader.document["deltas"]["type"] == "int16" and reader.document["rights"]["license"] == "CC0-1.0"


def test_the_decoders_arithmetic() -> None:
    """Of the witness itself: a quarter turn about z carries x to y, and products chain."""
    quarter = matrix(np.array([0, 0, np.pi / 2]))
    np.testing.assert_allclose(quarter @ [1, 0, 0], [0, 1, 0], atol=1e-12)
    half = np.array([[np.cos(np.pi / 8), 0, 0, np.sin(np.pi / 8)]])
    np.testing.assert_allclose(product(half, half), [[np.cos(np.pi / 4), 0, 0, np.sin(np.pi / 4)]], atol=1e-12)
