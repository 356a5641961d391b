"""Splats as PLY in the fields of the INRIA reference, which every splat viewer reads: one pose, or a sequence of files.

Kerbl et al. 2023, 3D Gaussian Splatting for Real-Time Radiance Field Rendering. Every byte is described in docs/formats/ply.md.
"""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from facecraft4d.exporters.format import File
from facecraft4d.exporters.options import ExportOptions, Frame, PlyForm
from facecraft4d.exporters.stills.frames import lost_in_stills, still_files
from facecraft4d.exporters.stills.gaussian_avatars import gaussian_avatars_files, lost_in_gaussian_avatars
from facecraft4d.exporters.stills.notes import note
from facecraft4d.exporters.stills.ply_table import ply_bytes, splat_columns
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Splats
from facecraft4d.toolkit.core.geometry import multiply_wxyz

FRAMES = {
    Frame.Y_UP: "+Y up, the face looks along +Z, the subject's left is +X",
    Frame.Y_DOWN: "+Y down, the face looks along -Z, the subject's left is +X",
}
"""In words, for the header; both are right-handed and in metres."""
HALF_TURN_WXYZ = np.array([0, 1, 0, 0], np.float32)
"""About x: from either frame to the other."""
MOST_OPACITY = 1 - 2.0**-24
"""What float32 rounds to 1 has no logit: it is written as that of the number half a step below."""


def ply_files(avatar: Avatar, name: str, options: ExportOptions) -> Iterable[File]:
    """The avatar as PLY in the form that the options name. Raises as `still_files` and `gaussian_avatars_files`."""
    if options.ply.ply_form is PlyForm.GAUSSIAN_AVATARS:
        return gaussian_avatars_files(avatar, name, options)
    frame = options.ply.ply_frame
    return still_files(avatar, name, options, lambda splats, notes: world_ply(splats, notes, frame))


def lost_in_ply(avatar: Avatar, options: ExportOptions) -> str:
    """What of the avatar is not in the files."""
    if options.ply.ply_form is PlyForm.GAUSSIAN_AVATARS:
        return lost_in_gaussian_avatars()
    return lost_in_stills(options)


def world_ply(splats: Splats, notes: Iterable[str], frame: Frame) -> bytes:
    """A PLY of splats of the world frame, turned into `frame`. Scales below 1e-38 m become that; opacity 1 becomes MOST_OPACITY."""
    turned = splats if frame is Frame.Y_UP else half_turned(splats)
    opacities = np.clip(turned.opacities.astype(np.float64), np.finfo(np.float32).tiny, MOST_OPACITY)
    scales = np.maximum(turned.scales.astype(np.float64), np.finfo(np.float32).tiny)
    logits = np.log(opacities) - np.log1p(-opacities)
    columns = splat_columns(turned.means, turned.colors, logits, np.log(scales), turned.rotations_wxyz)
    return ply_bytes(columns, (*notes, note("frame", f"{frame}; {FRAMES[frame]}; metres; colours sRGB as displayed")))


def half_turned(splats: Splats) -> Splats:
    """The splats after half a turn about x: y-up to y-down, and back."""
    means = splats.means * np.array([1, -1, -1], np.float32)
    return replace(splats, means=means, rotations_wxyz=multiply_wxyz(HALF_TURN_WXYZ, splats.rotations_wxyz))
