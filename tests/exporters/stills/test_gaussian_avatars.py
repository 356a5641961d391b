"""GaussianAvatars' files: the sample that its own code wrote is read, and an avatar on FLAME is written so that its reader's mesh is ours."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import synthetic_flame
from places import DATA
from splat_cases import turned_between

from facecraft4d import cli
from facecraft4d.exporters import ExportOptions, export
from facecraft4d.exporters.formats import PLY
from facecraft4d.exporters.options import FlameMesh, PlyForm, PlyOptions
from facecraft4d.exporters.order import order_in, splat_order
from facecraft4d.exporters.stills.flame_terms import TEETH_TRIANGLES, TEETH_VERTICES
from facecraft4d.exporters.stills.frames import placed
from facecraft4d.exporters.stills.gaussian_avatars import PARAMETERS_FILE
from facecraft4d.exporters.stills.gaussian_avatars_reading import (
    FlameParameters,
    read_flame_parameters,
    read_gaussian_avatar,
)
from facecraft4d.toolkit.core.asset import Avatar, Provenance
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import BoundSplats, Motion, Pose, Rig
from facecraft4d.toolkit.core.geometry import SH_C0
from facecraft4d.toolkit.core.rigging import (
    neutral_pose,
    place_splats,
    pose_from_weights,
    pose_vertices,
    with_part,
)
from facecraft4d.toolkit.face_model import FaceModel, load_flame, personalized_rig

SAMPLE, ARRAYS = DATA / "gaussianavatars_sample.ply", DATA / "gaussianavatars_sample_arrays.npz"
"""Written by GaussianAvatars' own code, and what it was given."""
FORM = PlyOptions(ply_form=PlyForm.GAUSSIAN_AVATARS)
VERTICES = 300
FRAMES = 4


@pytest.fixture(scope="module")
def flame_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("flame") / "generic_model.npz"
    np.savez(path, **synthetic_flame.small(VERTICES))
    return path


@pytest.fixture(scope="module")
def avatar(flame_path: Path) -> Avatar:
    """Somebody on that FLAME: identity and offsets of his own, splats anywhere, rotations not normalised."""
    model, rng = load_flame(flame_path), np.random.default_rng(2)
    identity = rng.normal(size=300).astype(np.float32)
    offsets = rng.normal(scale=0.002, size=(VERTICES, 3)).astype(np.float32)
    rig, count = personalized_rig(model, identity, offsets), 70

    def numbers(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    triangles = rng.integers(0, len(rig.triangles), count).astype(np.int32)
    splats = BoundSplats(
        numbers(count, 3), numbers(count, 4), numbers(count, 3), numbers(count), numbers(count, 3), triangles
    )
    return Avatar(rig, splats, Provenance())


@pytest.fixture(scope="module")
def motion(avatar: Avatar) -> Motion:
    """Everything moves."""
    rng, rig = np.random.default_rng(4), avatar.rig
    expressions = rng.normal(size=(FRAMES, len(rig.expression_names))).astype(np.float32)
    turns = rng.normal(scale=0.3, size=(FRAMES, 5, 3)).astype(np.float32)
    shifts = rng.normal(scale=0.1, size=(FRAMES, 3)).astype(np.float32)
    return Motion("all", 25.0, rig.expression_names, expressions, rig.joint_names, turns, shifts)


def options_for(avatar: Avatar, flame_path: Path, *clips: Motion, **held: float) -> ExportOptions:
    model = load_flame(flame_path)
    mesh = FlameMesh(
        model.vertices, model.triangles, model.identity_deltas, model.expression_deltas, model.joint_regressor
    )
    return ExportOptions(clips=clips, ply=FORM, flame=mesh, expressions=held)


def read_rig(model: FaceModel, parameters: FlameParameters, frame: int = 0) -> Rig:
    """What a reader with FLAME's file alone poses: identity, static and dynamic offsets on the template, joints from what results."""
    offsets = (parameters.static_offset[0] + parameters.dynamic_offset[frame])[: len(model.vertices)]
    return personalized_rig(model, parameters.shape, offsets)


def read_pose(parameters: FlameParameters, frame: int = 0) -> Pose:
    turns = [parameters.rotation, parameters.neck_pose, parameters.jaw_pose, *np.split(parameters.eyes_pose, 2, axis=1)]
    return Pose(parameters.expr[frame], np.stack(turns, 1)[frame], parameters.translation[frame])


@pytest.mark.slow
def test_the_sample_of_the_original_code_is_read(tmp_path: Path, avatar: Avatar, flame_path: Path) -> None:
    export(avatar, tmp_path / "ours.ply", options=options_for(avatar, flame_path))
    found, given = read_gaussian_avatar(SAMPLE, tmp_path / PARAMETERS_FILE), np.load(ARRAYS)
    splats = found.splats
    assert np.array_equal(splats.means, given["xyz"]) and np.array_equal(splats.log_scales, given["log_scale"])
    assert np.array_equal(splats.rotations_wxyz, given["rotation_wxyz"])
    assert np.array_equal(splats.opacity_logits, given["opacity_logit"][:, 0])
    assert np.array_equal(splats.triangles, given["binding"])
    assert np.allclose(splats.colors, SH_C0 * given["features_dc"][:, 0] + 0.5, atol=1e-6)
    assert found.sh_degree == 3


@pytest.mark.slow
def test_our_file_has_the_properties_of_the_original_in_its_order(
    tmp_path: Path, avatar: Avatar, flame_path: Path
) -> None:
    ply, parameters = export(avatar, tmp_path / "head.ply", options=options_for(avatar, flame_path))
    assert parameters.name == PARAMETERS_FILE
    header = ply.read_bytes().split(b"end_header\n")[0].decode("ascii").splitlines()
    names = [line.split()[2] for line in header if line.startswith("property float ")]
    assert names == np.load(ARRAYS)["property_names"].tolist()


@pytest.mark.slow
def test_what_is_written_is_read(tmp_path: Path, avatar: Avatar, flame_path: Path, motion: Motion) -> None:
    ply, _ = export(avatar, tmp_path / "head.ply", options=options_for(avatar, flame_path, motion))
    found = read_gaussian_avatar(ply)
    for name in ("means", "rotations_wxyz", "log_scales", "opacity_logits", "triangles"):
        assert np.array_equal(getattr(found.splats, name), getattr(avatar.splats, name)), name
    assert np.allclose(found.splats.colors, avatar.splats.colors, atol=1e-6)
    assert order_in(found.notes) == splat_order(avatar.splats)
    parameters = found.parameters
    assert np.array_equal(parameters.expr, motion.expressions) and not parameters.dynamic_offset.any()
    assert np.ptp(parameters.translation - motion.translations, axis=0).max() < 1e-6
    turns = [read_pose(parameters, frame).joint_rotations for frame in range(FRAMES)]
    assert np.array_equal(turns, motion.joint_rotations)
    assert parameters.shape.shape == (300,) and parameters.shape.any()
    assert parameters.static_offset.shape == (1, VERTICES + TEETH_VERTICES, 3)
    assert parameters.dynamic_offset.shape == (FRAMES, VERTICES + TEETH_VERTICES, 3)


@pytest.mark.slow
def test_flame_with_these_parameters_carries_the_splats_where_ours_are(
    tmp_path: Path, avatar: Avatar, flame_path: Path, motion: Motion
) -> None:
    """Whatever the split between identity, offset and translation."""
    ply, _ = export(avatar, tmp_path / "head.ply", options=options_for(avatar, flame_path, motion))
    found, model = read_gaussian_avatar(ply), load_flame(flame_path)
    for frame in range(FRAMES):
        reader_rig = read_rig(model, found.parameters, frame)
        pose = read_pose(found.parameters, frame)
        ours = placed(avatar, motion.pose(frame))
        theirs = place_splats(found.splats, pose_vertices(reader_rig, pose), reader_rig)
        assert np.allclose(theirs.means, ours.means, atol=1e-5)
        assert turned_between(theirs.rotations_wxyz, ours.rotations_wxyz).max() < 1e-3
        assert np.allclose(theirs.scales, ours.scales, rtol=1e-3) and np.allclose(theirs.opacities, ours.opacities)


@pytest.fixture(scope="module")
def dressed(avatar: Avatar, flame_path: Path) -> Avatar:
    """The same head moved elsewhere, with teeth, with hair that hangs on a mesh of its own, and with an expression that FLAME's do not reach."""
    rng, rig = np.random.default_rng(5), avatar.rig
    moved = replace(
        rig,
        vertices=rig.vertices + np.float32([0.01, -0.03, 0.02]),
        joint_positions=rig.joint_positions + np.float32([0.01, -0.03, 0.02]),
    )
    names, deltas = ("jawOpen", *rig.expression_names[:3]), rig.expression_deltas[:3]
    opening = rng.normal(scale=0.003, size=(1, VERTICES, 3)).astype(np.float32)
    deltas = np.concatenate([opening + 0.5 * deltas[:1], deltas])
    joints = np.einsum("kvx,jv->kjx", deltas, load_flame(flame_path).joint_regressor).astype(np.float32)
    moved = replace(moved, expression_names=names, expression_deltas=deltas, joint_deltas=joints)
    corners = np.arange(TEETH_VERTICES).reshape(-1, 3)
    rows = np.concatenate(
        [corners, np.roll(corners, 1, 0)[:, [0, 2, 1]], corners[:, ::-1], corners[:, [1, 2, 0]], corners[:8]]
    )[:TEETH_TRIANGLES]
    for name, count, triangles in (("teeth", TEETH_VERTICES, rows), ("hair", 30, np.arange(30).reshape(-1, 3))):
        places = rng.normal(scale=0.1, size=(count, 3)).astype(np.float32)
        moved = with_part(moved, places, triangles.astype(np.int32), name, "neck")
    count = len(avatar.splats.triangles)
    triangles = np.concatenate(
        [avatar.splats.triangles[: count // 2], np.arange(len(moved.triangles) - count // 2, len(moved.triangles))]
    )
    return replace(avatar, rig=moved, splats=replace(avatar.splats, triangles=triangles.astype(np.int32)))


@pytest.mark.slow
def test_a_dressed_head_is_where_ours_is_and_moves_with_it(tmp_path: Path, dressed: Avatar, flame_path: Path) -> None:
    """FLAME's own skin exactly, in every pose; what hung on other meshes exactly at rest."""
    model, rig = load_flame(flame_path), dressed.rig
    own = dressed.splats.triangles < len(model.triangles)
    behind = dressed.splats.triangles >= len(model.triangles) + TEETH_TRIANGLES
    assert own.any() and behind.any()
    ours = {}
    for name, held in (("rest", {}), ("moved", {"jawOpen": 0.7, rig.expression_names[2]: -0.4})):
        options = options_for(dressed, flame_path, **held)
        found = read_gaussian_avatar(export(dressed, tmp_path / f"{name}.ply", options=options)[0])
        reader_rig = read_rig(model, found.parameters)
        on_skin = found.splats.triangles < len(model.triangles)
        assert np.array_equal(on_skin, own | behind)
        theirs = place_splats(
            replace(found.splats, triangles=np.where(on_skin, found.splats.triangles, 0)),
            pose_vertices(reader_rig, read_pose(found.parameters)),
            reader_rig,
        )
        ours = placed(dressed, pose_from_weights(rig, held))
        compared = own | behind if name == "rest" else own
        assert np.allclose(theirs.means[compared], ours.means[compared], atol=2e-5)
        assert turned_between(theirs.rotations_wxyz[compared], ours.rotations_wxyz[compared]).max() < 1e-3
        assert np.allclose(theirs.scales[compared], ours.scales[compared], rtol=1e-3)
        assert found.parameters.expr.any() == (name == "moved") == found.parameters.dynamic_offset.any()


@pytest.fixture(scope="module")
def talking(avatar: Avatar, flame_path: Path) -> Avatar:
    """The same head with an expression that is a line near a turn of the jaw by 20 degrees and a mixture of FLAME's own."""
    rig, model = avatar.rig, load_flame(flame_path)
    pose = neutral_pose(rig)
    pose.joint_rotations[2] = np.radians([20.0, 4.0, 0.0])
    opening = pose_vertices(rig, pose) - rig.vertices + 0.7 * rig.expression_deltas[4]
    deltas = np.concatenate([opening[None], rig.expression_deltas])
    joints = np.einsum("kvx,jv->kjx", deltas, model.joint_regressor).astype(np.float32)
    moved = replace(
        rig, expression_names=("jawOpen", *rig.expression_names), expression_deltas=deltas, joint_deltas=joints
    )
    return replace(avatar, rig=moved)


@pytest.mark.slow
@pytest.mark.parametrize("weight", [0.5, 1.0])
def test_an_expression_of_the_jaw_turns_flames_own(
    tmp_path: Path, talking: Avatar, flame_path: Path, weight: float
) -> None:
    """A reader with FLAME's file poses our mesh; what stands in the offsets is the way from the arc to the line."""
    model, rig = load_flame(flame_path), talking.rig
    found = read_gaussian_avatar(
        export(talking, tmp_path / "head.ply", options=options_for(talking, flame_path, jawOpen=weight))[0]
    )
    parameters = found.parameters
    assert np.degrees(parameters.jaw_pose[0]) == pytest.approx(weight * np.array([20, 4, 0]), abs=0.7)
    assert parameters.expr[0, 4] == pytest.approx(0.7 * weight, abs=0.1)
    ours = pose_vertices(rig, pose_from_weights(rig, {"jawOpen": weight}))
    theirs = pose_vertices(read_rig(model, parameters), read_pose(parameters))
    assert np.allclose(theirs, ours, atol=1e-5)
    whole = np.linalg.norm(weight * rig.expression_deltas[0], axis=1).mean()
    assert np.linalg.norm(parameters.dynamic_offset[0, :VERTICES], axis=1).mean() < 0.15 * whole


@pytest.mark.slow
def test_a_still_is_one_frame(tmp_path: Path, avatar: Avatar, flame_path: Path) -> None:
    options = options_for(avatar, flame_path, flame_expr_003=0.5)
    export(avatar, tmp_path / "head.ply", options=options)
    expr = read_flame_parameters(tmp_path / PARAMETERS_FILE).expr
    assert expr.shape == (1, 100) and expr[0, 3] == 0.5 and np.count_nonzero(expr) == 1
    assert "a reader brings FLAME" in PLY.loses(avatar, options)


def test_what_cannot_be_written_so_is_one_line(
    tmp_path: Path, avatar: Avatar, flame_path: Path, motion: Motion, tiny_avatar: Avatar
) -> None:
    right = options_for(avatar, flame_path)
    for head, options, words in (
        (tiny_avatar, right, "is for avatars built on FLAME"),
        (avatar, ExportOptions(ply=FORM), "with --flame"),
        (avatar, replace(right, flame=replace(right.flame, triangles=right.flame.triangles[::-1])), "built on FLAME"),
        (avatar, replace(right, clips=(motion, motion)), "holds one clip, got 2"),
    ):
        with pytest.raises(UserError, match=words):
            export(head, tmp_path / "head.ply", options=options)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_command_writes_both_files(tmp_path: Path, avatar: Avatar, flame_path: Path) -> None:
    export(avatar, tmp_path / "avatar.glb")
    words = ["export", str(tmp_path / "avatar.glb"), "--ply-form", "gaussian-avatars", "--flame", str(flame_path)]
    assert cli.main([*words, "--out", str(tmp_path / "out" / "point_cloud.ply")]) == 0
    found = read_gaussian_avatar(tmp_path / "out" / "point_cloud.ply")
    assert np.array_equal(found.splats.means, avatar.splats.means)


PLY_SPOILED = {
    "no binding": (b"binding_0", b"binding_1", "without the property binding_0"),
    "half a triangle": (np.float32(6).tobytes(), np.float32(6.5).tobytes(), "no triangle's number"),
    "negative triangle": (np.float32(6).tobytes(), np.float32(-6).tobytes(), "no triangle's number"),
    "not a triangle": (np.float32(6).tobytes(), np.float32(np.nan).tobytes(), "no triangle's number"),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", PLY_SPOILED)
def test_a_binding_that_is_none_is_refused(case: str, tmp_path: Path, avatar: Avatar, flame_path: Path) -> None:
    splats = replace(avatar.splats, triangles=np.full_like(avatar.splats.triangles, 6))
    ply, _ = export(replace(avatar, splats=splats), tmp_path / "a.ply", options=options_for(avatar, flame_path))
    old, new, words = PLY_SPOILED[case]
    data = ply.read_bytes()
    place = data.rindex(old)
    ply.write_bytes(data[:place] + new + data[place + len(old) :])
    with pytest.raises(UserError, match=words):
        read_gaussian_avatar(ply)


@pytest.mark.slow
def test_parameters_that_are_none_are_refused(tmp_path: Path, avatar: Avatar, flame_path: Path) -> None:
    export(avatar, tmp_path / "a.ply", options=options_for(avatar, flame_path))
    sound = dict(np.load(tmp_path / PARAMETERS_FILE))
    for changed, words in (
        ({"jaw_pose": np.zeros((2, 3))}, r"jaw_pose must be \[t, 3\]"),
        ({"shape": np.full(300, np.nan)}, "shape must be finite"),
        ({"expr": np.full((1, 100), 1e6)}, "expr must be between"),
        ({"static_offset": np.zeros((1, 7, 3))}, "dynamic_offset must be"),
        ({"translation": np.zeros((1, 3), "U1")}, "translation of type"),
    ):
        np.savez(tmp_path / "b.npz", **sound | changed)
        with pytest.raises(UserError, match=words):
            read_flame_parameters(tmp_path / "b.npz")
    del sound["neck_pose"]
    np.savez(tmp_path / "b.npz", **sound)
    with pytest.raises(UserError, match="none of the name neck_pose"):
        read_flame_parameters(tmp_path / "b.npz")
