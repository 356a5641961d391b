"""The arrays of FLAME's files (2020, 2023, 2023 Open; pickle or npz) and of their landmark embeddings, checked: shapes, ranges, sums, indices.

What the published files hold to the last digit is not known here, so tolerances are wide: they refuse another model and nonsense, not rounding.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int32, Int64, Shaped

from facecraft4d.toolkit.core.checks import UserError, check_all, check_finite, check_shape
from facecraft4d.toolkit.core.untrusted.door import at_the_border, open_untrusted
from facecraft4d.toolkit.core.untrusted.npz import read_npz
from facecraft4d.toolkit.core.untrusted.pickles import LARGEST_FILE, read_pickle
from facecraft4d.toolkit.face_model.model import JOINT_PARENTS

MODEL, EMBEDDING = "a FLAME model file (.pkl or .npz)", "a FLAME landmark embedding"
ADVICE = "fetch it again from flame.is.tue.mpg.de"
SHAPE_COUNT, EXPRESSION_COUNT = 300, 100
SHAPES: dict[str, tuple[int | str, ...]] = {
    "v_template": ("v", 3), "f": ("f", 3), "shapedirs": ("v", 3, SHAPE_COUNT + EXPRESSION_COUNT), "posedirs": ("v", 3, 36),
    "J_regressor": (5, "v"), "kintree_table": (2, 5), "weights": ("v", 5),
}  # fmt: skip
MOST_VERTICES, MOST_TRIANGLES = 25_000, 50_000
"""Five times FLAME's."""
SKIN_TOLERANCE = 1e-3
"""Of a skin weight and of a vertex' sum of them."""
REGRESSOR_TOLERANCE = 0.05
"""Of a joint's sum over the vertices. Regressors are learned, and 5 % of a head's distance from its origin are millimetres."""
LARGEST_LENGTH = 100.0
"""Metres, of positions and of what one unit of a shape moves."""
LARGEST_SHARE = 10.0
"""Of a vertex in a joint."""
LIMITS = {
    "v_template": (-LARGEST_LENGTH, LARGEST_LENGTH), "shapedirs": (-LARGEST_LENGTH, LARGEST_LENGTH),
    "posedirs": (-LARGEST_LENGTH, LARGEST_LENGTH), "J_regressor": (-LARGEST_SHARE, LARGEST_SHARE),
    "weights": (-SKIN_TOLERANCE, 1 + SKIN_TOLERANCE),
}  # fmt: skip
SMALLEST_HEAD = 0.01
"""Metres. Files in other units are not refused for being too large before LARGEST_LENGTH."""
MOST_DEGENERATE = 0.01
"""Share of triangles that have a corner twice."""
NO_PARENT = {(1 << 32) - 1: -1, (1 << 64) - 1: -1}
"""What -1 becomes in files that store unsigned numbers."""
BARYCENTRICS = (-1.0, 2.0)
"""Landmarks may lie beside their triangle, but not far."""
BARYCENTRIC_TOLERANCE = 0.01
"""Of a landmark's sum: a millimetre for points 0.1 m from the origin."""


def read_model(path: Path) -> dict[str, np.ndarray]:
    """FLAME's arrays by name: float32, and int64 for `f` and `kintree_table`. UserError that names array, expectation and what was found."""
    content = _content(path)
    missing = [name for name in SHAPES if name not in content]
    if missing:
        raise UserError(f"{path}: expected a FLAME model with {', '.join(SHAPES)}; {', '.join(missing)} missing")
    with at_the_border(path, "FLAME's arrays", ADVICE):
        sizes: dict[str, int] = {}
        for name, shape in SHAPES.items():
            check_shape(name, _array(name, content[name]), shape, sizes)
        if not 3 <= sizes["v"] <= MOST_VERTICES or not 1 <= sizes["f"] <= MOST_TRIANGLES:
            raise ValueError(f"{sizes['v']} vertices and {sizes['f']} triangles where FLAME has 5023 and 9976")
        for name, limits in LIMITS.items():
            check_all(name, content[name], *limits)
        arrays = {name: content[name].astype(np.float32) for name in LIMITS}
        _check_head(arrays["v_template"])
        _check_sums("weights", content["weights"], SKIN_TOLERANCE)
        _check_sums("J_regressor", content["J_regressor"], REGRESSOR_TOLERANCE)
        _check_joints(content["kintree_table"])
        return arrays | {"f": _triangles(content["f"], sizes["v"])}


def read_embedding(
    path: Path, shape: tuple[int, ...], face_count: int
) -> tuple[Int32[np.ndarray, "..."], Float32[np.ndarray, "... 3"]]:
    """Triangles of `shape` and barycentrics of a pickled landmark file. UserError as read_model."""
    return _embedding(path, read_pickle(path, EMBEDDING), shape, face_count)


def read_chosen_embedding(
    path: Path, face_count: int, landmark_count: int
) -> tuple[Int64[np.ndarray, " n"], Int32[np.ndarray, " n"], Float32[np.ndarray, "n 3"]]:
    """Which of the landmarks an .npz gives, their triangles and barycentrics. UserError as read_model."""
    content = read_npz(path, EMBEDDING, LARGEST_FILE, LARGEST_FILE)
    if "landmark_indices" not in content:
        raise UserError(f"{path}: expected a landmark embedding with landmark_indices, found none")
    with at_the_border(path, EMBEDDING, ADVICE):
        chosen = _indices("landmark_indices", content["landmark_indices"].ravel(), landmark_count)
    return chosen, *_embedding(path, content, (len(chosen),), face_count)


def _content(path: Path) -> Mapping[str, Any]:
    """What the file holds by name."""
    with open_untrusted(path, MODEL, LARGEST_FILE) as file, at_the_border(path, MODEL):
        packed = file.read(2) == b"PK"
    if packed:
        return read_npz(path, MODEL, LARGEST_FILE, LARGEST_FILE)
    content = read_pickle(path, MODEL)
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected a FLAME model (a dict of arrays), found a {type(content).__name__}")
    return content


def _embedding(path: Path, content: Any, shape: tuple[int, ...], face_count: int) -> tuple[Any, Any]:
    if not isinstance(content, Mapping) or not {"lmk_face_idx", "lmk_b_coords"} <= set(content):
        raise UserError(f"{path}: expected a landmark embedding with lmk_face_idx and lmk_b_coords, found neither")
    with at_the_border(path, EMBEDDING, ADVICE):
        triangles, barycentrics = (_array(name, content[name]) for name in ("lmk_face_idx", "lmk_b_coords"))
        check_shape("lmk_face_idx", triangles, shape)
        check_shape("lmk_b_coords", barycentrics, (*shape, 3))
        check_all("lmk_b_coords", barycentrics, *BARYCENTRICS)
        _check_sums("lmk_b_coords", barycentrics, BARYCENTRIC_TOLERANCE)
        return _indices("lmk_face_idx", triangles, face_count).astype(np.int32), barycentrics.astype(np.float32)


def _array(name: str, value: Any) -> Shaped[np.ndarray, "..."]:
    """ValueError unless it is an array of numbers."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "iuf":
        found = value.dtype if isinstance(value, np.ndarray) else type(value).__name__
        raise ValueError(f"{name} must be an array of numbers, got {found}")
    return value


def _indices(name: str, array: Any, count: int) -> Int64[np.ndarray, "..."]:
    """Whole numbers below `count`; some files store them as floats."""
    check_finite(name, _array(name, array))
    if array.size and not (0 <= array.min() and array.max() < count and (array == np.floor(array)).all()):
        raise ValueError(f"{name} must index 0..{count - 1}, got {array.min()}..{array.max()}")
    return np.asarray(array, np.int64)


def _triangles(array: Shaped[np.ndarray, "f 3"], vertex_count: int) -> Int64[np.ndarray, "f 3"]:
    triangles = _indices("f", array, vertex_count)
    degenerate = (triangles == np.roll(triangles, 1, axis=1)).any(1).mean()
    if degenerate > MOST_DEGENERATE:
        raise ValueError(f"f must be triangles of three corners, got {degenerate:.0%} with a corner twice")
    return triangles


def _check_sums(name: str, array: Shaped[np.ndarray, "... n"], tolerance: float) -> None:
    """Along the last axis."""
    off = np.abs(array.sum(-1, dtype=np.float64) - 1)
    if off.size and off.max() > tolerance:
        raise ValueError(f"{name} must sum to 1 within {tolerance:g}, got rows that are off by up to {off.max():g}")


def _check_head(template: Float32[np.ndarray, "v 3"]) -> None:
    size = float(np.ptp(template, axis=0).max())
    if not SMALLEST_HEAD <= size <= LARGEST_LENGTH:
        raise ValueError(f"v_template must be {SMALLEST_HEAD} to {LARGEST_LENGTH:g} metres large, got {size:g}")


def _check_joints(table: Shaped[np.ndarray, "2 5"]) -> None:
    check_finite("kintree_table", table)
    parents, joints = (tuple(NO_PARENT.get(int(each), int(each)) for each in row) for row in table)
    if parents != JOINT_PARENTS or joints != tuple(range(len(JOINT_PARENTS))):
        raise ValueError(
            f"kintree_table must be joints 0 to 4 with parents {JOINT_PARENTS}, got {joints} with {parents}"
        )
