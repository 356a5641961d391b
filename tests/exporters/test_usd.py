"""USD: what usd-core, which knows nothing of us, opens, checks and poses is our avatar."""

import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from avatar_cases import KINDS, NAMES, random_avatar, random_motion
from hypothesis import given, settings
from PIL import Image
from pxr import Usd, UsdGeom, UsdShade, UsdSkel, UsdValidation, Vt

from facecraft4d import cli
from facecraft4d.exporters.options import ExportOptions, Shown, UsdOptions
from facecraft4d.exporters.order import splat_order
from facecraft4d.exporters.usd.writing import clip_ranges, export_usd, moments
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Motion, Pose
from facecraft4d.toolkit.core.geometry import SH_C0
from facecraft4d.toolkit.core.motion import builtin_clip, on_rig
from facecraft4d.toolkit.core.rigging import neutral_pose, place_splats, pose_from_weights, pose_vertices

CLOSE = 1e-5
"""Metres: what posing in another's float32 may differ by."""


@contextmanager
def opened(avatar: Avatar, options: ExportOptions = ExportOptions()) -> Iterator[Usd.Stage]:  # noqa: B008  (frozen)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "head.usdz"
        path.write_bytes(export_usd(avatar, options))
        yield Usd.Stage.Open(str(path))


def findings(stage: Usd.Stage) -> list[str]:
    """What OpenUSD's own checkers, all of them, have against a stage."""
    registry = UsdValidation.ValidationRegistry()
    return [
        error.GetMessage()
        for error in UsdValidation.ValidationContext(registry.GetOrLoadAllValidators()).Validate(stage)
    ]


def every_motion(avatar: Avatar) -> Motion:
    """Each expression alone, each joint alone about each axis, then ten poses of everything at once."""
    rig, rest, random = avatar.rig, neutral_pose(avatar.rig), random_motion(avatar.rig, 10)
    turns = 0.5 * np.eye(3 * len(rig.joint_names), dtype=np.float32).reshape(-1, len(rig.joint_names), 3)
    alone = np.eye(len(rest.expression), dtype=np.float32)
    still, unmoved = len(turns), len(alone)
    return replace(
        random,
        expressions=np.concatenate([alone, np.zeros((still, unmoved), np.float32), random.expressions]),
        joint_rotations=np.concatenate(
            [np.zeros((unmoved, *turns.shape[1:]), np.float32), turns, random.joint_rotations]
        ),
        translations=np.pad(random.translations, ((unmoved + still, 0), (0, 0))),
    )


def posed_points(stage: Usd.Stage, time: Usd.TimeCode) -> np.ndarray:
    """The mesh's points as UsdSkel poses them: its own blend shapes, then its own skinning."""
    cache, root = UsdSkel.Cache(), UsdSkel.Root(stage.GetPrimAtPath("/Head/Rig"))
    cache.Populate(root, Usd.PrimDefaultPredicate)
    mesh = stage.GetPrimAtPath("/Head/Rig/Mesh")
    skeleton = cache.GetSkelQuery(UsdSkel.Skeleton(stage.GetPrimAtPath("/Head/Rig/Skeleton")))
    points = Vt.Vec3fArray(UsdGeom.Mesh(mesh).GetPointsAttr().Get())
    shapes = UsdSkel.BlendShapeQuery(UsdSkel.BindingAPI(mesh))
    weights = shapes.ComputeSubShapeWeights(skeleton.GetAnimQuery().ComputeBlendShapeWeights(time))
    indices, offsets = shapes.ComputeBlendShapePointIndices(), shapes.ComputeSubShapePointOffsets()
    shapes.ComputeDeformedPoints(*weights, indices, offsets, points)
    cache.GetSkinningQuery(mesh).ComputeSkinnedPoints(skeleton.ComputeSkinningTransforms(time), points, time)
    return np.asarray(points)


def assert_posed(stage: Usd.Stage, avatar: Avatar, motion: Motion) -> None:
    for frame in range(len(motion.expressions)):
        expected = pose_vertices(avatar.rig, motion.pose(frame))
        found = posed_points(stage, Usd.TimeCode(frame))
        np.testing.assert_allclose(found, expected, atol=CLOSE, err_msg=str(frame))


def assert_splats(stage: Usd.Stage, avatar: Avatar, pose: Pose, time: Usd.TimeCode) -> None:
    prim = stage.GetPrimAtPath("/Head/Splats")
    expected = place_splats(avatar.splats, pose_vertices(avatar.rig, pose), avatar.rig)
    found = {name: np.asarray(prim.GetAttribute(name).Get(time)) for name in ("positions", "scales", "opacities")}
    turns = [(q.GetReal(), *q.GetImaginary()) for q in prim.GetAttribute("orientations").Get(time)]
    coefficients = np.asarray(prim.GetAttribute("radiance:sphericalHarmonicsCoefficients").Get())
    assert np.array_equal(found["positions"], expected.means) and np.array_equal(found["scales"], expected.scales)
    assert np.array_equal(found["opacities"], expected.opacities)
    assert np.array_equal(np.float32(turns), expected.rotations_wxyz)
    np.testing.assert_allclose(coefficients * SH_C0 + 0.5, expected.colors, atol=1e-6)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(kind=KINDS)
def test_any_avatar_comes_back_equal_and_moves_as_ours(kind: dict[str, Any]) -> None:
    """OpenUSD's checkers find nothing; splats of a clip are ours in every bit; its own skinning gives our vertices."""
    avatar = random_avatar(**kind)
    motion = random_motion(avatar.rig, 3)
    with opened(avatar, ExportOptions(clips=(motion,))) as stage:
        assert findings(stage) == []
        assert_splats(stage, avatar, neutral_pose(avatar.rig), Usd.TimeCode.Default())
        for frame in range(3):
            assert_splats(stage, avatar, motion.pose(frame), Usd.TimeCode(frame))
        assert_posed(stage, avatar, motion)


@pytest.mark.slow
def test_usds_skinning_is_ours_for_every_expression_and_joint(tiny_avatar: Avatar) -> None:
    motion = every_motion(tiny_avatar)
    with opened(tiny_avatar, ExportOptions(clips=(motion,))) as stage:
        assert_posed(stage, tiny_avatar, motion)


def test_a_flame_head_moves_exactly_too() -> None:
    """Pose correctives are blend shapes whose weights follow the joints; joints move with the face."""
    avatar = random_avatar(3, expressions=5, flame=True)
    motion = every_motion(avatar)
    with opened(avatar, ExportOptions(clips=(motion,))) as stage:
        assert_posed(stage, avatar, motion)


def test_the_default_pose_is_the_expressions(tiny_avatar: Avatar) -> None:
    weights = {"jawOpen": 0.8, "eyeBlinkLeft": 1.0}
    with opened(tiny_avatar, ExportOptions(expressions=weights)) as stage:
        pose = pose_from_weights(tiny_avatar.rig, weights)
        assert_splats(stage, tiny_avatar, pose, Usd.TimeCode.Default())
        points = posed_points(stage, Usd.TimeCode.Default())
        np.testing.assert_allclose(points, pose_vertices(tiny_avatar.rig, pose), atol=CLOSE)


def test_splats_are_what_the_schema_asks_for(tiny_avatar: Avatar) -> None:
    with opened(tiny_avatar) as stage:
        prim = stage.GetPrimAtPath("/Head/Splats")
        hints = {name: prim.GetAttribute(name).Get() for name in ("sortingModeHint", "projectionModeHint")}
        assert prim.GetTypeName() == "ParticleField3DGaussianSplat"
        assert hints == {"sortingModeHint": "cameraDistance", "projectionModeHint": "perspective"}
        assert prim.GetAttribute("radiance:sphericalHarmonicsDegree").Get() == 0
        low, high = np.asarray(prim.GetAttribute("extent").Get())
        means = np.asarray(prim.GetAttribute("positions").Get())
        assert (low < means.min(0)).all() and (means.max(0) < high).all()
        display = np.asarray(UsdGeom.Gprim(prim).GetDisplayColorAttr().Get())
        assert display.shape == means.shape and 0 <= display.min() and display.max() <= 1


def test_what_is_shown_is_a_choice_that_the_file_keeps(tiny_avatar: Avatar) -> None:
    for chosen in Shown:
        with opened(tiny_avatar, ExportOptions(usd=UsdOptions(chosen))) as stage:
            variants = stage.GetPrimAtPath("/Head").GetVariantSet("shown")
            assert variants.GetVariantNames() == ["mesh", "splats"] and variants.GetVariantSelection() == chosen
            stage.SetEditTarget(stage.GetSessionLayer())
            for shown in Shown:
                variants.SetVariantSelection(shown)
                visible = [
                    UsdGeom.Imageable(stage.GetPrimAtPath(f"/Head/{name}")).ComputeVisibility() == "inherited"
                    for name in ("Rig", "Splats")
                ]
                assert visible == [shown is Shown.MESH, shown is Shown.SPLATS]
    assert ExportOptions().usd.usd_shown is Shown.MESH


def test_the_stage_says_frame_unit_origin_and_order(tiny_avatar: Avatar) -> None:
    with opened(tiny_avatar, ExportOptions(title="Ада", creator="Грейс")) as stage:
        assert UsdGeom.GetStageUpAxis(stage) == "Y" and UsdGeom.GetStageMetersPerUnit(stage) == 1.0
        assert stage.GetDefaultPrim().GetPath() == "/Head" and not stage.HasAuthoredTimeCodeRange()
        data = stage.GetRootLayer().customLayerData
    order = splat_order(tiny_avatar.splats)
    assert data["dc"]["title"] == "Ада" and data["dc"]["creator"] == "Грейс" and data["dc"]["license"] == "CC0-1.0"
    assert data["facecraft4d"]["splats"] == {"count": order.count, "sha256": order.sha256}
    assert data["facecraft4d"]["splat_color_space"] == "srgb_rec709_display"


def test_the_mesh_shows_the_picture_in_its_own_light(tiny_avatar: Avatar, tmp_path: Path) -> None:
    texture = tiny_avatar.texture
    assert texture is not None
    path = tmp_path / "head.usdz"
    path.write_bytes(export_usd(tiny_avatar, ExportOptions()))
    stage = Usd.Stage.Open(str(path))
    mesh = stage.GetPrimAtPath("/Head/Rig/Mesh")
    st = UsdGeom.PrimvarsAPI(mesh).GetPrimvar("st")
    assert st.GetInterpolation() == "faceVarying"
    np.testing.assert_allclose(np.asarray(st.Get()) * [1, -1] + [0, 1], texture.corner_uvs.reshape(-1, 2), atol=1e-6)
    material, _ = UsdShade.MaterialBindingAPI(mesh).ComputeBoundMaterial()
    surface = material.ComputeSurfaceSource()[0]
    assert surface.GetInput("diffuseColor").Get() == (0, 0, 0) and surface.GetInput("specularColor").Get() == (0, 0, 0)
    source = UsdShade.Shader(surface.GetInput("emissiveColor").GetConnectedSources()[0][0].source)
    resolved = source.GetInput("file").Get().resolvedPath
    assert resolved.endswith("head.usdz[albedo.png]") and source.GetInput("sourceColorSpace").Get() == "sRGB"
    with zipfile.ZipFile(path) as archive, Image.open(archive.open("albedo.png")) as picture:
        assert np.array_equal(np.asarray(picture), texture.picture)


def test_glasses_are_not_in_the_mesh_and_a_head_without_a_picture_is_clay() -> None:
    avatar = random_avatar(1, textured=False)
    with opened(avatar) as stage:
        mesh = UsdGeom.Mesh(stage.GetPrimAtPath("/Head/Rig/Mesh"))
        assert len(mesh.GetFaceVertexCountsAttr().Get()) == len(avatar.rig.triangles) - 2
        assert not UsdGeom.PrimvarsAPI(mesh).HasPrimvar("st")
        assert stage.GetPrimAtPath("/Head/Material/Surface").GetAttribute("inputs:diffuseColor").Get()[0] > 0.5


def test_names_stay_whole_where_usd_allows_it() -> None:
    avatar = random_avatar(expressions=len(NAMES))
    with opened(avatar) as stage:
        binding = UsdSkel.BindingAPI(stage.GetPrimAtPath("/Head/Rig/Mesh"))
        assert tuple(binding.GetBlendShapesAttr().Get()) == NAMES
        targets = [path.name for path in binding.GetBlendShapeTargetsRel().GetTargets()]
        assert len(set(targets)) == len(NAMES) and all(target.isascii() for target in targets)
        assert targets[0] == "jawOpen"


def test_clips_follow_one_another_each_at_its_own_speed(tiny_avatar: Avatar) -> None:
    rig = tiny_avatar.rig
    clips = (random_motion(rig, 5, fps=30.0), random_motion(rig, 4, seed=1, fps=60.0))
    assert clip_ranges(clips) == [(0.0, 4.0), (5.0, 6.5)]
    with opened(tiny_avatar, ExportOptions(clips=clips)) as stage:
        assert (stage.GetStartTimeCode(), stage.GetEndTimeCode(), stage.GetTimeCodesPerSecond()) == (0.0, 6.5, 30.0)
        assert stage.GetRootLayer().customLayerData["facecraft4d"]["clips"] == "random 0-4; random 5-6.5"
        times = stage.GetPrimAtPath("/Head/Splats").GetAttribute("positions").GetTimeSamples()
        assert times == [moment.time for moment in moments(clips)] == [0, 1, 2, 3, 4, 5, 5.5, 6, 6.5]
        assert_splats(stage, tiny_avatar, clips[1].pose(3), Usd.TimeCode(6.5))


@pytest.mark.slow
def test_a_long_clip_is_saved_in_pieces_and_stays_whole(tiny_avatar: Avatar, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = builtin_clip("head_turns")
    monkeypatch.setattr("facecraft4d.exporters.usd.writing.SAVED_BYTES", 20 * 40 * len(tiny_avatar.splats.means))
    motion = on_rig(clip, tiny_avatar.rig)
    with opened(tiny_avatar, ExportOptions(clips=(clip,))) as stage:
        assert findings(stage) == []
        for frame in range(0, len(clip.expressions), 7):
            assert_splats(stage, tiny_avatar, motion.pose(frame), Usd.TimeCode(frame))


@pytest.mark.slow
def test_two_hundred_thousand_splats() -> None:
    avatar = random_avatar(splats=200_000)
    with opened(avatar) as stage:
        assert findings(stage) == []
        assert_splats(stage, avatar, neutral_pose(avatar.rig), Usd.TimeCode.Default())


def test_clips_that_fill_more_than_a_package_are_refused(tiny_avatar: Avatar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facecraft4d.exporters.usd.writing.MOST_BYTES", 10 * 40 * len(tiny_avatar.splats.means))
    with pytest.raises(
        UserError, match=r"a USD of 1,944 splats holds at most 10 frames, the clips have 11; choose fewer"
    ):
        export_usd(tiny_avatar, ExportOptions(clips=(random_motion(tiny_avatar.rig, 11),)))


def test_equal_avatars_give_equal_packages_as_the_specification_asks(tiny_avatar: Avatar, tmp_path: Path) -> None:
    """No compression, every file at a multiple of 64 bytes, no clock."""
    options = ExportOptions(clips=(random_motion(tiny_avatar.rig, 3),))
    data = export_usd(tiny_avatar, options)
    assert data == export_usd(tiny_avatar, options)
    path = tmp_path / "head.usdz"
    path.write_bytes(data)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["head.usdc", "albedo.png"] and archive.testzip() is None
        for entry in archive.infolist():
            name, extra = (int.from_bytes(data[entry.header_offset + at :][:2], "little") for at in (26, 28))
            assert entry.compress_type == zipfile.ZIP_STORED and (entry.header_offset + 30 + name + extra) % 64 == 0


def test_without_usd_core_one_line_says_how_to_get_it(
    tiny_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pxr", None)
    assert cli.main(["export", str(tiny_path), "--out", str(tmp_path / "head.usdz")]) != 0
    lines = capsys.readouterr().err.strip().splitlines()
    assert 'export needs pxr; install it with: pip install "facecraft4d[usd]"' in lines[-1]
    assert list(tmp_path.iterdir()) == []
