"""head.usdz: splats that play a clip, and beside them the rig as a skinned mesh with blend shapes; docs/formats/usd.md lists every prim.

pxr (usd-core) is imported inside of functions: it comes with the extra [usd].
"""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from facecraft4d.exporters.archive import package
from facecraft4d.exporters.options import ExportOptions, Shown
from facecraft4d.exporters.order import splat_order
from facecraft4d.exporters.rights import rights_of
from facecraft4d.exporters.usd.material import ALBEDO, define_material
from facecraft4d.exporters.usd.rig import define_rig, pose_rig
from facecraft4d.exporters.usd.splats import BYTES_A_FRAME, define_splats, set_splats
from facecraft4d.toolkit.core.asset import Avatar, check_avatar
from facecraft4d.toolkit.core.checks import UserError, check_range
from facecraft4d.toolkit.core.datatypes import Motion, Pose
from facecraft4d.toolkit.core.motion import on_rig
from facecraft4d.toolkit.core.pixels import encoded_bytes
from facecraft4d.toolkit.core.rigging import place_splats, pose_from_weights, pose_vertices

STAGE = "head.usdc"
"""The stage's name inside of the package."""
HEAD = "/Head"
"""The default prim; below it Splats, Rig and Material."""
VARIANTS = "shown"
"""The set of variants that says which of the two is visible."""
STILL_RATE = 24.0
"""Time codes a second of a stage without a clip: USD's own default."""
SAVED_BYTES = 64 << 20
"""After so many bytes of frames the stage is written out, so that a long clip does not stand in memory as objects."""
MOST_BYTES = 2 << 30
"""Of all frames: a zip without 64-bit fields, which USD's package forbids, ends at 4 GiB, and few programs open half of that."""


class Moment(NamedTuple):
    """A pose on the stage's timeline."""

    time: float
    """Time code."""
    pose: Pose


def export_usd(avatar: Avatar, options: ExportOptions) -> bytes:
    """The avatar as one .usdz: by default in the pose of `options.expressions`, over time in that of `options.clips`, one after the other.

    Metres, +Y up. ValueError for an unsound avatar, UserError for an expression that it lacks and for clips of more frames than fit.
    """
    check_avatar(avatar)
    check_range("number of splats", float(len(avatar.splats.means)), 1.0, float(np.iinfo(np.int32).max))
    _check_length(avatar, options.clips)
    with TemporaryDirectory() as folder:
        path = Path(folder) / STAGE
        _write_stage(avatar, options, path)
        files = [(STAGE, path.read_bytes())]
    if avatar.texture is not None:
        files.append((ALBEDO, encoded_bytes(avatar.texture.picture, "PNG")))
    return package(files)


def usd_loss(avatar: Avatar, options: ExportOptions) -> str:
    """What is not in the file: splats move in its clips alone, and their binding stays behind."""
    lost = "the splats' binding to the rig and levels of detail are not in it"
    return lost if options.clips else f"{lost}; without --clip the splats stand still"


def moments(clips: tuple[Motion, ...]) -> Iterator[Moment]:
    """Every frame of the clips, laid out for a rig, one clip after the other; a time code is a frame of the first."""
    for clip, (start, _) in zip(clips, clip_ranges(clips), strict=True):
        for frame in range(len(clip.expressions)):
            yield Moment(start + frame * clips[0].fps / clip.fps, clip.pose(frame))


def clip_ranges(clips: tuple[Motion, ...]) -> list[tuple[float, float]]:
    """First and last time code of each clip; the next begins a code after the last ended."""
    ranges: list[tuple[float, float]] = []
    for clip in clips:
        start = ranges[-1][1] + 1 if ranges else 0.0
        ranges.append((start, start + (len(clip.expressions) - 1) * clips[0].fps / clip.fps))
    return ranges


def _check_length(avatar: Avatar, clips: tuple[Motion, ...]) -> None:
    frames, splats = sum(len(clip.expressions) for clip in clips), len(avatar.splats.means)
    if frames * splats * BYTES_A_FRAME > MOST_BYTES:
        raise UserError(
            f"a USD of {splats:,} splats holds at most {MOST_BYTES // (splats * BYTES_A_FRAME):,} frames, the clips have {frames:,}; "
            "choose fewer splats (--splats) or shorter clips"
        )


def _write_stage(avatar: Avatar, options: ExportOptions, path: Path) -> None:
    """The stage as a file; frame after frame."""
    from pxr import Usd

    rig, clips = avatar.rig, tuple(on_rig(clip, avatar.rig) for clip in options.clips)
    stage = _new_stage(path)
    _describe(stage, avatar, options)
    neutral = place_splats(avatar.splats, rig.vertices, rig)
    splats = define_splats(stage, f"{HEAD}/Splats", neutral)
    animation = define_rig(stage, f"{HEAD}/Rig", rig, avatar.texture)
    define_material(
        stage, f"{HEAD}/Material", stage.GetPrimAtPath(f"{HEAD}/Rig/Mesh"), textured=avatar.texture is not None
    )
    _set_timeline(stage, clips)
    written = 0
    for time, pose in _poses(avatar, options, clips):
        code = Usd.TimeCode.Default() if time is None else Usd.TimeCode(time)
        vertices = pose_vertices(rig, pose)
        set_splats(splats, place_splats(avatar.splats, vertices, rig), code)
        pose_rig(animation, rig, pose, code)
        _set_extent(stage.GetPrimAtPath(f"{HEAD}/Rig"), vertices, code)
        written += BYTES_A_FRAME * len(neutral.means)
        if written > SAVED_BYTES:
            stage.GetRootLayer().Save()
            written = 0
    _define_variants(stage, options.usd.usd_shown)
    stage.GetRootLayer().Save()


def _poses(avatar: Avatar, options: ExportOptions, clips: tuple[Motion, ...]) -> Iterator[tuple[float | None, Pose]]:
    """The default pose, whose time is None, and every frame."""
    yield None, pose_from_weights(avatar.rig, dict(options.expressions))
    yield from moments(clips)


def _new_stage(path: Path) -> Any:
    from pxr import Kind, Usd, UsdGeom

    stage = Usd.Stage.CreateNew(str(path))
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    head = UsdGeom.Xform.Define(stage, HEAD)
    Usd.ModelAPI(head).SetKind(Kind.Tokens.component)
    stage.SetDefaultPrim(head.GetPrim())
    return stage


def _describe(stage: Any, avatar: Avatar, options: ExportOptions) -> None:
    """Where the avatar comes from, which splats these are, where each clip is on the timeline."""
    rights, order = rights_of(avatar.provenance, options), splat_order(avatar.splats)
    ranges = zip(options.clips, clip_ranges(options.clips), strict=True)
    stage.GetRootLayer().customLayerData = {
        "dc": {**asdict(rights), "source": "; ".join(rights.source)},
        "facecraft4d": {
            "splats": asdict(order),
            "splat_color_space": "srgb_rec709_display",
            "clips": "; ".join(f"{clip.name} {first:g}-{last:g}" for clip, (first, last) in ranges),
        },
    }


def _set_timeline(stage: Any, clips: tuple[Motion, ...]) -> None:
    rate = clips[0].fps if clips else STILL_RATE
    stage.SetTimeCodesPerSecond(rate)
    stage.SetFramesPerSecond(rate)
    if clips:
        stage.SetStartTimeCode(0.0)
        stage.SetEndTimeCode(clip_ranges(clips)[-1][1])


def _set_extent(prim: Any, vertices: np.ndarray, time: Any) -> None:
    from pxr import UsdGeom, Vt

    extent = np.stack([vertices.min(0), vertices.max(0)])
    UsdGeom.Boundable(prim).CreateExtentAttr().Set(Vt.Vec3fArray.FromNumpy(extent), time)


def _define_variants(stage: Any, chosen: Shown) -> None:
    """One of the two is visible; whoever does not know splats needs the mesh, whoever does wants the splats alone."""
    from pxr import UsdGeom

    head = stage.GetPrimAtPath(HEAD)
    variants = head.GetVariantSets().AddVariantSet(VARIANTS)
    for shown in Shown:
        variants.AddVariant(str(shown))
        variants.SetVariantSelection(str(shown))
        with variants.GetVariantEditContext():
            for name, each in (("Rig", Shown.MESH), ("Splats", Shown.SPLATS)):
                visible = UsdGeom.Tokens.inherited if each is shown else UsdGeom.Tokens.invisible
                UsdGeom.Imageable(stage.GetPrimAtPath(f"{HEAD}/{name}")).CreateVisibilityAttr(visible)
    variants.SetVariantSelection(str(chosen))
