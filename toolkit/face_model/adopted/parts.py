"""Pieces that a head lacks, put behind its own vertices and triangles."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64, Int

from facecraft4d.toolkit.face_model.model import FaceModel


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Vertices and triangles to be added; no joint is found by them, no corrective moves them."""

    vertices: Float64[np.ndarray, "n 3"]
    triangles: Int[np.ndarray, "m 3"]
    """Of the whole: the head's vertices first, then these."""
    region: str
    identity_deltas: Float64[np.ndarray, "i n 3"]
    expression_deltas: Float64[np.ndarray, "k n 3"]
    skin_weights: Float64[np.ndarray, "n j"]


def with_part(model: FaceModel, part: Part) -> FaceModel:
    """The model with the part behind what it has. Its texture coordinates and mirror vertices are not told here."""
    count = len(part.vertices)
    region = model.region_names.index(part.region)
    correctives = model.pose_deltas
    return replace(
        model,
        vertices=np.concatenate([model.vertices, part.vertices]).astype(np.float32),
        triangles=np.concatenate([model.triangles, part.triangles]).astype(np.int32),
        corner_uvs=np.concatenate([model.corner_uvs, np.zeros((len(part.triangles), 3, 2), np.float32)]),
        triangle_regions=np.append(model.triangle_regions, np.full(len(part.triangles), region, np.uint8)),
        identity_deltas=np.concatenate([model.identity_deltas, part.identity_deltas], 1).astype(np.float32),
        expression_deltas=np.concatenate([model.expression_deltas, part.expression_deltas], 1).astype(np.float32),
        joint_regressor=np.pad(model.joint_regressor, ((0, 0), (0, count))),
        skin_weights=np.concatenate([model.skin_weights, part.skin_weights]).astype(np.float32),
        pose_deltas=None if correctives is None else np.pad(correctives, ((0, 0), (0, count), (0, 0))),
    )
