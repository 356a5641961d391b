"""An avatar on FLAME in the files of GaussianAvatars (Qian et al. 2024): splats in their triangles' frames, and FLAME's parameters beside them.

The local frame is that of docs/conventions.md, which is GaussianAvatars' own. Every array is described in docs/formats/ply.md.
"""

import io
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from facecraft4d.exporters.format import File
from facecraft4d.exporters.options import ExportOptions
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
SHAPE_COUNT = 300
STILL_FPS = 1.0
"""Of a single frame: no file says it."""
FLAME_EXPRESSION = "flame_expr_"
"""Beginning of the names of FLAME's expressions in a rig."""


def gaussian_avatars_files(avatar: Avatar, name: str, options: ExportOptions) -> Iterator[File]:
    """The PLY of local splats, and `PARAMETERS_FILE` with the pose of the options or the frames of their clip.

    Raises ValueError for an unsound avatar; UserError where its rig is not FLAME's, the template of FLAME is not given, or there are two clips.
    """
    check_avatar(avatar)
    parameters = flame_parameters(avatar.rig, _motion(avatar.rig, options), _template(avatar.rig, options))
    yield name, local_ply(avatar.splats, (*notes_of(avatar, options), note("frame", "the triangle's, of FLAME's mesh")))
    yield PARAMETERS_FILE, parameters


def lost_in_gaussian_avatars() -> str:
    """What of the avatar is not in the files."""
    return "the rig is not in it (a reader brings FLAME), nor texture and levels of detail"


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


def flame_parameters(rig: Rig, motion: Motion, template: np.ndarray) -> bytes:
    """`PARAMETERS_FILE`: float32; identity as an offset of every vertex from FLAME's template, one row of the pose for each frame."""
    turns = dict(zip(JOINT_NAMES, np.moveaxis(motion.joint_rotations, 1, 0), strict=True))
    arrays = {
        "shape": np.zeros(SHAPE_COUNT),
        "expr": motion.expressions,
        "rotation": turns["root"],
        "neck_pose": turns["neck"],
        "jaw_pose": turns["jaw"],
        "eyes_pose": np.concatenate([turns["eye_left"], turns["eye_right"]], 1),
        "translation": motion.translations,
        "static_offset": (rig.vertices - template)[None],
        "dynamic_offset": np.zeros((len(motion.expressions), *rig.vertices.shape), np.float32),
    }
    buffer = io.BytesIO()
    np.savez(buffer, **{name: array.astype(np.float32) for name, array in arrays.items()})
    return buffer.getvalue()


def _template(rig: Rig, options: ExportOptions) -> np.ndarray:
    """FLAME's template for this rig. UserError where the rig is another model's, or has other vertices."""
    names = rig.expression_names
    if not names or rig.joint_names != JOINT_NAMES or not all(name.startswith(FLAME_EXPRESSION) for name in names):
        raise UserError(
            "the form gaussian-avatars is for avatars built on FLAME, since its reader brings FLAME's mesh and no other; use --to rig for this one"
        )
    if options.flame_template is None:
        raise UserError(
            "the form gaussian-avatars stores the face as offsets from FLAME's template: give the FLAME file with --flame"
        )
    if options.flame_template.shape != rig.vertices.shape:
        raise UserError(
            f"this avatar has {len(rig.vertices)} vertices, the FLAME file {len(options.flame_template)}: it was not built on that file alone"
        )
    return options.flame_template


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
