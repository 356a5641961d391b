"""Reads FLAME model files (2020, 2023, 2023 Open; pickle or npz) and their landmark embeddings as a FaceModel.

Li et al. 2017; the files are the user's own. What they hold is recognised by keys and shapes, the licence by the edition's file name.
"""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Int

from facecraft4d.toolkit.core.arkit import JOINT_NAMES
from facecraft4d.toolkit.core.checks import UserError, check_finite, check_shape
from facecraft4d.toolkit.core.geometry import rotation_from_axis_angle
from facecraft4d.toolkit.core.ingredients import Commercial, Ingredient
from facecraft4d.toolkit.core.pickles import LARGEST_FILE, read_pickle
from facecraft4d.toolkit.face_model.model import (
    JOINT_PARENTS,
    ROLE,
    ContourPoints,
    FaceModel,
    SurfacePoints,
)
from facecraft4d.toolkit.weights import file_sha256

SHAPE_COUNT, EXPRESSION_COUNT = 300, 100
SHAPES: dict[str, tuple[int | str, ...]] = {
    "v_template": ("v", 3), "f": ("f", 3), "shapedirs": ("v", 3, SHAPE_COUNT + EXPRESSION_COUNT), "posedirs": ("v", 3, 36),
    "J_regressor": (5, "v"), "kintree_table": (2, 5), "weights": ("v", 5),
}  # fmt: skip
SIGMAS = (-3.0, 3.0)
"""FLAME's identity weights are in standard deviations."""
EDITIONS = {
    "flame2023_open": ("FLAME 2023 Open", "CC-BY-4.0", Commercial.YES),
    "flame2023": ("FLAME 2023", "LicenseRef-FLAME-noncommercial", Commercial.NO),
    "generic_model": ("FLAME 2020", "LicenseRef-FLAME-noncommercial", Commercial.NO),
}
"""By the start of the file's name: name, licence, commercial use. An unknown name is taken for a non-commercial edition."""
MAX_CONTOUR_DEGREES = 39
FIRST_CORNER = np.array([1, 0, 0], np.float32)


@dataclass(frozen=True, slots=True)
class FlameSideFiles:
    """The landmark files that come beside a FLAME model; each is optional."""

    static: Path | None = None
    """flame_static_embedding.pkl: iBUG's landmarks 18 to 68."""
    dynamic: Path | None = None
    """flame_dynamic_embedding.npy: landmarks 1 to 17 for 79 head yaws."""
    mediapipe: Path | None = None
    """mediapipe_landmark_embedding.npz: 105 of MediaPipe's landmarks."""


def load_flame(path: Path, side_files: FlameSideFiles | None = None) -> FaceModel:
    """A FLAME file as a FaceModel. UserError that says what was expected and found if it is something else."""
    arrays = _checked(path, _read(path))
    sides = side_files or FlameSideFiles()
    deltas = np.moveaxis(arrays["shapedirs"], 2, 0)
    triangles = arrays["f"].astype(np.int32)
    skin = arrays["weights"]
    eyes = skin[triangles][..., JOINT_NAMES.index("eye_left") :].sum(-1).mean(1) > 0.5
    static, contour = _static(sides.static, len(triangles)), _contour(sides.dynamic, len(triangles))
    return FaceModel(
        vertices=arrays["v_template"],
        triangles=triangles,
        corner_uvs=_cylinder_uvs(arrays["v_template"][triangles]),
        triangle_regions=eyes.astype(np.uint8),
        region_names=("skin", "eyes"),
        identity_names=tuple(f"flame_shape_{i:03d}" for i in range(SHAPE_COUNT)),
        identity_deltas=np.ascontiguousarray(deltas[:SHAPE_COUNT]),
        identity_ranges=np.tile(np.array(SIGMAS, np.float32), (SHAPE_COUNT, 1)),
        expression_names=tuple(f"flame_expr_{i:03d}" for i in range(EXPRESSION_COUNT)),
        expression_deltas=np.ascontiguousarray(deltas[SHAPE_COUNT:]),
        joint_names=JOINT_NAMES,
        joint_parents=JOINT_PARENTS,
        joint_regressor=arrays["J_regressor"],
        skin_weights=skin,
        mirror_vertices=np.zeros(0, np.int32),
        ingredients=(_ingredient(path),),
        landmarks_478=_mediapipe(sides.mediapipe, len(triangles)),
        landmarks_68=static,
        contour=contour,
        pose_deltas=np.ascontiguousarray(np.moveaxis(arrays["posedirs"], 2, 0)),
        joints_follow_expression=True,
    )


def landmarks_68_positions(
    model: FaceModel,
    vertices: Float[np.ndarray, "v 3"],
    joint_rotations: Float[np.ndarray, "5 3"],
) -> Float[np.ndarray, "68 3"]:
    """The 68 landmarks of a posed FLAME face, metres; the first 17 are where the outline is for the head's yaw.

    ValueError if the model was loaded without its landmark files.
    """
    if model.contour is None or model.landmarks_68 is None:
        raise ValueError("model must have contour and landmarks_68, was loaded without its landmark files")
    row = contour_row(joint_rotations)
    corners = vertices[model.triangles]
    sliding = np.einsum("nc,ncx->nx", model.contour.barycentrics[row], corners[model.contour.triangles[row]])
    fixed = model.landmarks_68
    return np.concatenate([sliding, np.einsum("nc,ncx->nx", fixed.barycentrics, corners[fixed.triangles])[17:]])


def contour_row(joint_rotations: Float[np.ndarray, "5 3"]) -> int:
    """The row of the contour table for the head's yaw (root and neck together): 0..39 turned right, 40..78 turned left."""
    rotation = np.linalg.multi_dot(rotation_from_axis_angle(joint_rotations[:2].astype(np.float64)))
    yaw = np.degrees(np.arctan2(-rotation[2, 0], np.hypot(rotation[0, 0], rotation[1, 0])))
    turned = int(np.clip(np.round(-yaw), -MAX_CONTOUR_DEGREES, MAX_CONTOUR_DEGREES))
    return turned if turned >= 0 else MAX_CONTOUR_DEGREES - turned


def _read(path: Path) -> Mapping[str, Any]:
    """The file's arrays by name."""
    if not path.is_file():
        raise UserError(f"{path}: expected a FLAME model file (.pkl or .npz), found no such file")
    with path.open("rb") as file:
        start = file.read(2)
    if start == b"PK":
        return _read_npz(path)
    content = read_pickle(path)
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected a FLAME model (a dict of arrays), found a {type(content).__name__}")
    return content


def _read_npz(path: Path) -> dict[str, Any]:
    if path.stat().st_size > LARGEST_FILE:
        raise UserError(f"{path}: expected at most {LARGEST_FILE >> 20} MiB, found {path.stat().st_size >> 20} MiB")
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > LARGEST_FILE:
            raise UserError(f"{path}: expected at most {LARGEST_FILE >> 20} MiB unpacked, found {size >> 20} MiB")
        with np.load(path, allow_pickle=False) as stored:
            return dict(stored)
    except (ValueError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise UserError(f"{path}: expected an npz with arrays only, found {error}") from error


def _checked(path: Path, content: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The model's arrays, float32 and int64, their shapes and indices checked."""
    missing = [name for name in SHAPES if name not in content]
    if missing:
        raise UserError(f"{path}: expected a FLAME model with {', '.join(SHAPES)}; {', '.join(missing)} missing")
    sizes: dict[str, int] = {}
    arrays = {}
    try:
        for name, shape in SHAPES.items():
            array = np.asarray(content[name])
            check_shape(name, array, shape, sizes)
            arrays[name] = array.astype(np.int64 if name in ("f", "kintree_table") else np.float32)
            check_finite(name, arrays[name])
    except (ValueError, TypeError) as error:
        raise UserError(f"{path}: expected FLAME's array shapes: {error}") from error
    _check_indices(path, "f", arrays["f"], sizes["v"])
    parents = tuple(arrays["kintree_table"][0].astype(np.uint32).astype(np.int32).tolist())
    if parents != JOINT_PARENTS:
        raise UserError(f"{path}: expected FLAME's joints with parents {JOINT_PARENTS}, found {parents}")
    return arrays


def _check_indices(path: Path, name: str, indices: Int[np.ndarray, "..."], count: int) -> None:
    if indices.size and not 0 <= int(indices.min()) <= int(indices.max()) < count:
        raise UserError(f"{path}: expected {name} to index 0..{count - 1}, found {indices.min()}..{indices.max()}")


def _ingredient(path: Path) -> Ingredient:
    """The edition by the file's name."""
    known = next((edition for start, edition in EDITIONS.items() if path.name.lower().startswith(start)), None)
    name, licence, commercial = known or ("FLAME, edition unknown", "LicenseRef-FLAME-noncommercial", Commercial.NO)
    source = f"{path.name}, given by the user; Max Planck Institute for Intelligent Systems, flame.is.tue.mpg.de"
    return Ingredient(name, ROLE, licence, commercial, source, file_sha256(path))


def _cylinder_uvs(corners: Float32[np.ndarray, "f 3 3"]) -> Float32[np.ndarray, "f 3 2"]:
    """Texture coordinates around the vertical axis, the seam at the back; a FLAME model file has none of its own."""
    u = 0.5 + np.arctan2(corners[..., 0], corners[..., 2]) / (2 * np.pi)
    seam = np.ptp(u, axis=1) > 0.5
    u[seam] = np.where(u[seam] < 0.5, 1.0, u[seam])
    y = corners[..., 1]
    return np.stack([u, (y.max() - y) / max(float(np.ptp(y)), 1e-9)], -1).astype(np.float32)


def _embedding(path: Path, content: Any, shape: tuple[int, ...], face_count: int) -> tuple[Any, Any]:
    """Triangle indices of `shape` and barycentrics from a landmark file."""
    if not isinstance(content, Mapping) or not {"lmk_face_idx", "lmk_b_coords"} <= set(content):
        raise UserError(f"{path}: expected a landmark embedding with lmk_face_idx and lmk_b_coords, found neither")
    try:
        triangles = np.asarray(content["lmk_face_idx"]).astype(np.int32)
        barycentrics = np.asarray(content["lmk_b_coords"]).astype(np.float32)
    except (TypeError, ValueError) as error:
        raise UserError(f"{path}: expected landmark arrays of numbers, found others ({error})") from error
    if triangles.shape != shape or barycentrics.shape != (*shape, 3):
        raise UserError(f"{path}: expected {list(shape)} landmarks, found {list(triangles.shape)}")
    _check_indices(path, "lmk_face_idx", triangles, face_count)
    return triangles, barycentrics


def _contour(path: Path | None, face_count: int) -> ContourPoints | None:
    if path is None:
        return None
    content = read_pickle(path)
    return ContourPoints(*_embedding(path, content, (2 * MAX_CONTOUR_DEGREES + 1, 17), face_count))


def _static(path: Path | None, face_count: int) -> SurfacePoints | None:
    """The 68 points; the first 17 slide and are not valid here."""
    if path is None:
        return None
    triangles, barycentrics = _embedding(path, read_pickle(path), (51,), face_count)
    return SurfacePoints(
        np.concatenate([np.zeros(17, np.int32), triangles]),
        np.concatenate([np.tile(FIRST_CORNER, (17, 1)), barycentrics]),
        np.repeat(np.array([0, 1], np.float32), [17, 51]),
    )


def _mediapipe(path: Path | None, face_count: int) -> SurfacePoints | None:
    """The landmarks that the file gives of the 478; the others are not valid."""
    if path is None:
        return None
    content = _read_npz(path)
    chosen = np.asarray(content.get("landmark_indices", [])).astype(np.int64).ravel()
    triangles, barycentrics = _embedding(path, content, (len(chosen),), face_count)
    _check_indices(path, "landmark_indices", chosen, 478)
    points = SurfacePoints(np.zeros(478, np.int32), np.tile(FIRST_CORNER, (478, 1)), np.zeros(478, np.float32))
    points.triangles[chosen], points.barycentrics[chosen], points.validity[chosen] = triangles, barycentrics, 1
    return points
