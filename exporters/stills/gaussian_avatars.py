"""An avatar on FLAME in the files of GaussianAvatars (Qian et al. 2024): splats in their triangles' frames, and FLAME's parameters beside them.

The local frame is that of docs/conventions.md, which is GaussianAvatars' own. Every array is described in docs/formats/ply.md.
"""

import io
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from facecraft4d.exporters.format import File
from facecraft4d.exporters.options import ExportOptions, FlameMesh
from facecraft4d.exporters.stills.flame_frames import flame_frames
from facecraft4d.exporters.stills.flame_terms import built_on, flame_terms, on_flame
from facecraft4d.exporters.stills.notes import note, notes_of
from facecraft4d.exporters.stills.ply_table import COLOR, FIELDS, REST, ply_bytes, splat_columns
from facecraft4d.toolkit.core.arkit import JOINT_NAMES
from facecraft4d.toolkit.core.asset import Avatar, check_avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import BoundSplats, Motion, Rig
from facecraft4d.toolkit.core.motion import on_rig
from facecraft4d.toolkit.core.rigging import pose_from_weights

PARAMETERS_FILE = "flame_param.npz"
"""The one name that the reader looks for beside the PLY."""
BINDING = "binding_0"
REST_COUNT = 45
"""Coefficients of spherical harmonics to degree 3, all 0: the reader's default degree, and it takes no other number of them."""
STILL_FPS = 1.0
"""Of a single frame: no file says it."""


def gaussian_avatars_files(avatar: Avatar, name: str, options: ExportOptions) -> Iterator[File]:
    """The PLY of local splats, and `PARAMETERS_FILE` with the pose of the options or the frames of their clip.

    Raises ValueError for an unsound avatar; UserError where its rig is not that of the FLAME file, that is not given, or there are two clips.
    """
    check_avatar(avatar)
    motion, mesh = _motion(avatar.rig, options), _mesh(avatar.rig, options)
    parameters = flame_parameters(avatar.rig, mesh, motion)
    splats = on_flame(avatar.splats, avatar.rig, mesh)
    yield name, local_ply(splats, (*notes_of(avatar, options), note("frame", "the triangle's, of FLAME's mesh")))
    yield PARAMETERS_FILE, parameters


def lost_in_gaussian_avatars() -> str:
    """What of the avatar is not in the files."""
    return "the rig is not in it (a reader brings FLAME), nor texture and levels of detail; hair and clothes hang on FLAME's skin"


def local_ply(splats: BoundSplats, notes: tuple[str, ...]) -> bytes:
    """The PLY: every number as it stands in the avatar, the triangle as a float."""
    columns = splat_columns(
        splats.means, splats.colors, splats.opacity_logits, splats.log_scales, splats.rotations_wxyz
    )
    nothing = np.zeros(len(splats.means), np.float32)
    named = {}
    for field in FIELDS:
        named[field] = columns[field]
        if field == COLOR[-1]:
            named |= {f"{REST}{index}": nothing for index in range(REST_COUNT)}
    return ply_bytes({**named, BINDING: splats.triangles}, notes)


def flame_parameters(rig: Rig, mesh: FlameMesh, motion: Motion) -> bytes:
    """`PARAMETERS_FILE`: float32; one row of the pose for each frame, offsets for what FLAME's own directions and joints leave."""
    terms = flame_terms(rig, mesh)
    rotations, offsets = flame_frames(rig, mesh, terms, motion)
    turns = dict(zip(JOINT_NAMES, np.moveaxis(rotations, 1, 0), strict=True))
    arrays = {
        "shape": terms.shape,
        "expr": motion.expressions @ terms.expressions,
        "rotation": turns["root"],
        "neck_pose": turns["neck"],
        "jaw_pose": turns["jaw"],
        "eyes_pose": np.concatenate([turns["eye_left"], turns["eye_right"]], 1),
        "translation": motion.translations + terms.translation,
        "static_offset": terms.static_offset[None],
        "dynamic_offset": offsets,
    }
    buffer = io.BytesIO()
    np.savez(buffer, **{name: array.astype(np.float32) for name, array in arrays.items()})
    return buffer.getvalue()


def _mesh(rig: Rig, options: ExportOptions) -> FlameMesh:
    """The FLAME file's mesh. UserError where it is not given, or is not what the rig was built on."""
    if options.flame is None:
        raise UserError(
            "the form gaussian-avatars stores an avatar by FLAME's parameters: give the FLAME file that it was built on with --flame; "
            "for avatars on another head model use --to rig"
        )
    if rig.joint_names != JOINT_NAMES or not built_on(rig, options.flame):
        raise UserError(
            "the form gaussian-avatars is for avatars built on FLAME with all of its mesh, since its reader brings that mesh and no other: "
            "this one was built on another head model or with --bust neck; use --to rig for it"
        )
    return options.flame


def _motion(rig: Rig, options: ExportOptions) -> Motion:
    """The clip, or one frame of the expressions. UserError for more than one clip."""
    held = pose_from_weights(rig, dict(options.expressions))
    if len(options.clips) > 1:
        raise UserError(f"the form gaussian-avatars holds one clip, got {len(options.clips)}")
    if options.clips:
        found = on_rig(options.clips[0], rig)
        return replace(found, expressions=found.expressions + held.expression)
    still = (held.expression[None], rig.joint_names, held.joint_rotations[None], held.translation[None])
    return Motion("still", STILL_FPS, rig.expression_names, *still)
