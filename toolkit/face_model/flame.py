"""Reads FLAME model files (2020, 2023, 2023 Open; pickle or npz) and their landmark embeddings as a FaceModel.

Li et al. 2017; the files are the user's own. What they hold is recognised by keys and shapes, the licence by the edition's file name.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, Int32

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.core.arkit import JOINT_NAMES
from facecraft4d.toolkit.core.geometry import rotation_from_axis_angle
from facecraft4d.toolkit.core.ingredients import Commercial, Ingredient
from facecraft4d.toolkit.core.untrusted.door import at_the_border
from facecraft4d.toolkit.face_model.flame_files import (
    ADVICE,
    EXPRESSION_COUNT,
    SHAPE_COUNT,
    read_chosen_embedding,
    read_embedding,
    read_model,
)
from facecraft4d.toolkit.face_model.model import (
    JOINT_PARENTS,
    ROLE,
    ContourPoints,
    FaceModel,
    SurfacePoints,
)
from facecraft4d.toolkit.face_model.obj_files import read_obj, uvs_for

TEMPLATE = "the template mesh of this FLAME model (.obj)"
SIGMAS = (-3.0, 3.0)
"""FLAME's identity weights are in standard deviations."""
EDITIONS = {"flame_2023_open": "FLAME 2023 Open", "flame_2023": "FLAME 2023", "flame_2020": "FLAME 2020"}
"""Names of the weights' table and of people."""
MAX_CONTOUR_DEGREES = 39
LANDMARKS = 478
"""MediaPipe's, with irises."""
FIRST_CORNER = np.array([1, 0, 0], np.float32)


@dataclass(frozen=True, slots=True)
class FlameSideFiles:
    """The files that come beside a FLAME model; each is optional."""

    static: Path | None = None
    """flame_static_embedding.pkl: iBUG's landmarks 18 to 68."""
    dynamic: Path | None = None
    """flame_dynamic_embedding.npy: landmarks 1 to 17 for 79 head yaws."""
    mediapipe: Path | None = None
    """mediapipe_landmark_embedding.npz: 105 of MediaPipe's landmarks."""
    template: Path | None = None
    """head_template_mesh.obj: texture coordinates."""


def load_flame(path: Path, side_files: FlameSideFiles | None = None) -> FaceModel:
    """A FLAME file as a FaceModel. UserError that says what was expected and found if it is something else."""
    arrays = read_model(path)
    sides = side_files or FlameSideFiles()
    deltas = np.moveaxis(arrays["shapedirs"], 2, 0)
    triangles = arrays["f"].astype(np.int32)
    skin = arrays["weights"]
    eyes = skin[triangles][..., JOINT_NAMES.index("eye_left") :].sum(-1).mean(1) > 0.5
    static, contour = _static(sides.static, len(triangles)), _contour(sides.dynamic, len(triangles))
    return FaceModel(
        vertices=arrays["v_template"],
        triangles=triangles,
        corner_uvs=_corner_uvs(sides.template, arrays["v_template"], triangles),
        triangle_regions=eyes.astype(np.uint8),
        region_names=("skin", "eyes"),
        identity_names=tuple(f"flame_shape_{i:03d}" for i in range(SHAPE_COUNT)),
        identity_deltas=np.ascontiguousarray(deltas[:SHAPE_COUNT]),
        identity_ranges=np.tile(np.array(SIGMAS, np.float32), (SHAPE_COUNT, 1)),
        identity_mean=np.zeros(SHAPE_COUNT, np.float32),
        identity_whitening=np.eye(SHAPE_COUNT, dtype=np.float32),
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


def edition(file_name: str) -> str | None:
    """The name in the weights' table of the edition whose files are called so, in capitals or not; None for any other name."""
    for name in EDITIONS:
        row = weights.row(name)
        known = row.expected if isinstance(row, weights.BroughtWeights) else ()
        if file_name.lower() in {pattern.lower() for pattern, _ in known}:
            return name
    return None


def _ingredient(path: Path) -> Ingredient:
    """The edition and its licence by the file's name, for nothing in a file tells them; of another name nothing is known."""
    sha256, known = weights.file_sha256(path), edition(path.name)
    if known is None:
        source = f"{path.name}, the user's own file: its name is none of FLAME's editions', so its licence is not known"
        return Ingredient("FLAME, edition unknown", ROLE, "unknown", Commercial.UNKNOWN, source, sha256)
    row, title = weights.row(known), EDITIONS[known]
    source = f"{path.name}, the user's own file, taken for {title} by its file name; {row.credit}"
    return Ingredient(title, ROLE, row.licence, row.commercial_use, source, sha256)


def _corner_uvs(
    template: Path | None, vertices: Float32[np.ndarray, "v 3"], triangles: Int32[np.ndarray, "f 3"]
) -> Float32[np.ndarray, "f 3 2"]:
    """The template's; without one around the vertical axis. UserError for a template of another mesh."""
    if template is None:
        return _cylinder_uvs(vertices[triangles])
    mesh = read_obj(template, TEMPLATE, ADVICE)
    with at_the_border(template, TEMPLATE, ADVICE):
        return uvs_for(mesh, triangles)


def _cylinder_uvs(corners: Float32[np.ndarray, "f 3 3"]) -> Float32[np.ndarray, "f 3 2"]:
    """Texture coordinates around the vertical axis, the seam at the back; a FLAME model file has none of its own."""
    u = 0.5 + np.arctan2(corners[..., 0], corners[..., 2]) / (2 * np.pi)
    seam = np.ptp(u, axis=1) > 0.5
    u[seam] = np.where(u[seam] < 0.5, 1.0, u[seam])
    y = corners[..., 1]
    return np.stack([u, (y.max() - y) / max(float(np.ptp(y)), 1e-9)], -1).astype(np.float32)


def _contour(path: Path | None, face_count: int) -> ContourPoints | None:
    if path is None:
        return None
    return ContourPoints(*read_embedding(path, (2 * MAX_CONTOUR_DEGREES + 1, 17), face_count))


def _static(path: Path | None, face_count: int) -> SurfacePoints | None:
    """The 68 points; the first 17 slide and are not valid here."""
    if path is None:
        return None
    triangles, barycentrics = read_embedding(path, (51,), face_count)
    return SurfacePoints(
        np.concatenate([np.zeros(17, np.int32), triangles]),
        np.concatenate([np.tile(FIRST_CORNER, (17, 1)), barycentrics]),
        np.repeat(np.array([0, 1], np.float32), [17, 51]),
    )


def _mediapipe(path: Path | None, face_count: int) -> SurfacePoints | None:
    """The landmarks that the file gives of the 478; the others are not valid."""
    if path is None:
        return None
    chosen, triangles, barycentrics = read_chosen_embedding(path, face_count, LANDMARKS)
    points = SurfacePoints(
        np.zeros(LANDMARKS, np.int32), np.tile(FIRST_CORNER, (LANDMARKS, 1)), np.zeros(LANDMARKS, np.float32)
    )
    points.triangles[chosen], points.barycentrics[chosen], points.validity[chosen] = triangles, barycentrics, 1
    return points
