"""The files of GaussianAvatars read back, ours and others': hostile until checked."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from facecraft4d.exporters.gltf.glb import MAX_ELEMENTS, MAX_FILE_BYTES
from facecraft4d.exporters.stills.gaussian_avatars import BINDING, PARAMETERS_FILE
from facecraft4d.exporters.stills.ply_reading import EXPECTED, PlyTable, checked_rotations, read_table, sh_degree
from facecraft4d.exporters.stills.ply_table import COLOR, OPACITY, POSITION, SCALE
from facecraft4d.toolkit.core.asset import LOCAL_RANGES
from facecraft4d.toolkit.core.checks import check_all, check_shape
from facecraft4d.toolkit.core.datatypes import BoundSplats
from facecraft4d.toolkit.core.geometry import SH_C0
from facecraft4d.toolkit.core.untrusted.door import at_the_border, read_untrusted
from facecraft4d.toolkit.core.untrusted.npz import read_npz

PARAMETERS = "FLAME's parameters of a GaussianAvatars head (.npz)"
SHAPES: dict[str, tuple[int | str, ...]] = {
    "shape": ("s",), "expr": ("t", "e"), "rotation": ("t", 3), "neck_pose": ("t", 3), "jaw_pose": ("t", 3), "eyes_pose": ("t", 6),
    "translation": ("t", 3), "static_offset": (1, "v", 3), "dynamic_offset": ("t", "v", 3),
}  # fmt: skip
MOST_PARAMETER = 100.0
"""Of any of them: radians, standard deviations, metres."""


@dataclass(frozen=True, slots=True, eq=False)
class FlameParameters:
    """What moves FLAME, frame by frame."""

    shape: Float32[np.ndarray, " s"]
    expr: Float32[np.ndarray, "t e"]
    rotation: Float32[np.ndarray, "t 3"]
    """Axis-angle, radians, as those that follow."""
    neck_pose: Float32[np.ndarray, "t 3"]
    jaw_pose: Float32[np.ndarray, "t 3"]
    eyes_pose: Float32[np.ndarray, "t 6"]
    """Left, then right."""
    translation: Float32[np.ndarray, "t 3"]
    static_offset: Float32[np.ndarray, "1 v 3"]
    """Of the template's vertices, metres."""
    dynamic_offset: Float32[np.ndarray, "t v 3"]


@dataclass(frozen=True, slots=True, eq=False)
class GaussianAvatar:
    """A head of GaussianAvatars: its splats in the frames of FLAME's triangles, and the parameters of its frames."""

    splats: BoundSplats
    parameters: FlameParameters
    notes: tuple[str, ...]
    """The PLY's comments."""
    sh_degree: int
    """Of the colours in the file; what is above 0 is not in `splats`."""


def read_gaussian_avatar(ply: Path, parameters: Path | None = None) -> GaussianAvatar:
    """The head in a PLY with a binding and in the parameters beside it. UserError for files that are none."""
    data = read_untrusted(ply, EXPECTED, MAX_FILE_BYTES)
    with at_the_border(ply, f"{EXPECTED} with the property {BINDING}"):
        table = read_table(data)
        splats, degree = _local_splats(table), sh_degree(table)
    return GaussianAvatar(
        splats, read_flame_parameters(parameters or ply.parent / PARAMETERS_FILE), table.notes, degree
    )


def read_flame_parameters(path: Path) -> FlameParameters:
    """The parameters, as float32. UserError where one is missing, of another shape, or beyond all sense."""
    arrays = read_npz(path, PARAMETERS, MAX_FILE_BYTES)
    with at_the_border(path, PARAMETERS):
        if missing := SHAPES.keys() - arrays.keys():
            raise ValueError(f"none of the name {min(missing)}")
        sizes: dict[str, int] = {}
        for name, shape in SHAPES.items():
            check_shape(name, arrays[name], shape, sizes)
            if arrays[name].dtype.kind not in "iuf":
                raise ValueError(f"{name} of type {arrays[name].dtype}")
            check_all(name, arrays[name], -MOST_PARAMETER, MOST_PARAMETER)
        return FlameParameters(**{name: arrays[name].astype(np.float32) for name in SHAPES})


def _local_splats(table: PlyTable) -> BoundSplats:
    """The rows as they stand: rotations are not normalised, as GaussianAvatars leaves them."""
    triangles = table.columns((BINDING,))[:, 0]
    if not ((triangles >= 0) & (triangles < MAX_ELEMENTS) & (triangles % 1 == 0)).all():
        raise ValueError(f"a {BINDING} that is no triangle's number")
    splats = BoundSplats(
        means=table.columns(POSITION),
        rotations_wxyz=checked_rotations(table),
        log_scales=table.columns(SCALE),
        opacity_logits=table.columns(OPACITY)[:, 0],
        colors=(SH_C0 * table.columns(COLOR).astype(np.float64) + 0.5).astype(np.float32),
        triangles=triangles.astype(np.int32),
    )
    for name, limits in LOCAL_RANGES.items():
        check_all(name, getattr(splats, name), *limits)
    return splats
