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
from facecraft4d.exporters.options import PlyForm, PlyOptions
from facecraft4d.exporters.order import order_in, splat_order
from facecraft4d.exporters.stills.frames import placed
from facecraft4d.exporters.stills.gaussian_avatars import PARAMETERS_FILE
from facecraft4d.exporters.stills.gaussian_avatars_reading import read_flame_parameters, read_gaussian_avatar
from facecraft4d.toolkit.core.asset import Avatar, Provenance
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import BoundSplats, Motion, Pose
from facecraft4d.toolkit.core.geometry import SH_C0
from facecraft4d.toolkit.core.rigging import place_splats, pose_vertices
from facecraft4d.toolkit.face_model import load_flame, personalized_rig

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
    return ExportOptions(clips=clips, ply=FORM, flame_template=load_flame(flame_path).vertices, expressions=held)


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


def test_our_file_has_the_properties_of_the_original_in_its_order(
    tmp_path: Path, avatar: Avatar, flame_path: Path
) -> None:
    ply, parameters = export(avatar, tmp_path / "head.ply", options=options_for(avatar, flame_path))
    assert parameters.name == PARAMETERS_FILE
    header = ply.read_bytes().split(b"end_header\n")[0].decode("ascii").splitlines()
    names = [line.split()[2] for line in header if line.startswith("property float ")]
    assert names == np.load(ARRAYS)["property_names"].tolist()


def test_what_is_written_is_read(tmp_path: Path, avatar: Avatar, flame_path: Path, motion: Motion) -> None:
    ply, _ = export(avatar, tmp_path / "head.ply", options=options_for(avatar, flame_path, motion))
    found = read_gaussian_avatar(ply)
    for name in ("means", "rotations_wxyz", "log_scales", "opacity_logits", "triangles"):
        assert np.array_equal(getattr(found.splats, name), getattr(avatar.splats, name)), name
    assert np.allclose(found.splats.colors, avatar.splats.colors, atol=1e-6)
    assert order_in(found.notes) == splat_order(avatar.splats)
    parameters = found.parameters
    assert np.array_equal(parameters.expr, motion.expressions) and np.array_equal(
        parameters.translation, motion.translations
    )
    turns = [parameters.rotation, parameters.neck_pose, parameters.jaw_pose, *np.split(parameters.eyes_pose, 2, axis=1)]
    assert np.array_equal(np.stack(turns, 1), motion.joint_rotations)
    assert parameters.shape.shape == (300,) and not parameters.shape.any() and not parameters.dynamic_offset.any()
    assert parameters.dynamic_offset.shape == (FRAMES, VERTICES, 3)


def test_flame_with_these_parameters_carries_the_splats_where_ours_are(
    tmp_path: Path, avatar: Avatar, flame_path: Path, motion: Motion
) -> None:
    """A reader with FLAME's file alone: identity 0, the static offset on the template, joints from what results."""
    ply, _ = export(avatar, tmp_path / "head.ply", options=options_for(avatar, flame_path, motion))
    found, model = read_gaussian_avatar(ply), load_flame(flame_path)
    parameters = found.parameters
    reader_rig = personalized_rig(model, parameters.shape, parameters.static_offset[0])
    assert np.allclose(reader_rig.vertices, avatar.rig.vertices, atol=1e-7)
    for frame in range(FRAMES):
        turns = np.stack(
            [
                parameters.rotation,
                parameters.neck_pose,
                parameters.jaw_pose,
                *np.split(parameters.eyes_pose, 2, axis=1),
            ],
            1,
        )
        pose = Pose(parameters.expr[frame], turns[frame], parameters.translation[frame])
        ours = placed(avatar, motion.pose(frame))
        theirs = place_splats(found.splats, pose_vertices(reader_rig, pose), reader_rig)
        assert np.allclose(theirs.means, ours.means, atol=1e-5)
        assert turned_between(theirs.rotations_wxyz, ours.rotations_wxyz).max() < 1e-3
        assert np.allclose(theirs.scales, ours.scales, rtol=1e-3) and np.allclose(theirs.opacities, ours.opacities)


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
        (avatar, ExportOptions(ply=FORM), "give the FLAME file with --flame"),
        (avatar, replace(right, flame_template=np.zeros((9, 3), np.float32)), "300 vertices, the FLAME file 9"),
        (avatar, replace(right, clips=(motion, motion)), "holds one clip, got 2"),
    ):
        with pytest.raises(UserError, match=words):
            export(head, tmp_path / "head.ply", options=options)
    assert not list(tmp_path.iterdir())


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
