"""A table of splats as a PLY file: the fields' names and units, and the bytes. PLY 1.0 (Turk 1994), binary, little-endian."""

from collections.abc import Iterable, Mapping

import numpy as np

from facecraft4d.toolkit.core.geometry import SH_C0

POSITION, NORMAL = ("x", "y", "z"), ("nx", "ny", "nz")
COLOR, OPACITY = ("f_dc_0", "f_dc_1", "f_dc_2"), ("opacity",)
SCALE, ROTATION = ("scale_0", "scale_1", "scale_2"), ("rot_0", "rot_1", "rot_2", "rot_3")
FIELDS = (*POSITION, *NORMAL, *COLOR, *OPACITY, *SCALE, *ROTATION)
"""The INRIA reference's, for colours that look the same from everywhere (degree 0): position; normal, which nobody reads, 0; coefficient of
the constant spherical harmonic; logit; logarithm of the standard deviation; quaternion wxyz."""
REST = "f_rest_"
"""Beginning of the names of the coefficients that make colours change with the direction."""


def splat_columns(
    means: np.ndarray,
    colors: np.ndarray,
    opacity_logits: np.ndarray,
    log_scales: np.ndarray,
    rotations_wxyz: np.ndarray,
) -> dict[str, np.ndarray]:
    """The columns of FIELDS, in order; the arguments as in BoundSplats."""
    parts = (means, np.zeros_like(means), (colors - 0.5) / SH_C0, opacity_logits[:, None], log_scales, rotations_wxyz)
    return dict(zip(FIELDS, np.column_stack(parts).T, strict=True))


def ply_bytes(columns: Mapping[str, np.ndarray], notes: Iterable[str]) -> bytes:
    """The file: notes as comments, each column a float property of the element `vertex`."""
    table = np.column_stack(list(columns.values())).astype("<f4")
    lines = (
        "ply", "format binary_little_endian 1.0", *(f"comment {each}" for each in notes), f"element vertex {len(table)}",
        *(f"property float {name}" for name in columns), "end_header",
    )  # fmt: skip
    return "".join(f"{line}\n" for line in lines).encode("ascii") + table.tobytes()
