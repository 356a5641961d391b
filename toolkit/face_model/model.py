"""What a face model is, whoever made it: a mesh that identity, expression and joints move, with what is known about it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int32, UInt8

from facecraft4d.toolkit.core.datatypes import Rig
from facecraft4d.toolkit.core.ingredients import Ingredient

JOINT_PARENTS = (-1, 0, 1, 1, 1)
ROLE = "head model"
"""What a face model does in an avatar: the role of its ingredients."""


@dataclass(frozen=True, slots=True, eq=False)
class SurfacePoints:
    """Points that ride on the mesh's triangles, such as landmarks."""

    triangles: Int32[np.ndarray, " n"]
    barycentrics: Float32[np.ndarray, "n 3"]
    """Weights of the triangle's corners; rows sum to 1."""
    validity: Float32[np.ndarray, " n"]
    """How far to trust each point, 0 (not on this surface, or it slides with the view) to 1."""


@dataclass(frozen=True, slots=True, eq=False)
class ContourPoints:
    """Landmarks 1 to 17 of the 68, which slide along the face's outline: one row of surface points per head yaw (FLAME)."""

    triangles: Int32[np.ndarray, "r 17"]
    barycentrics: Float32[np.ndarray, "r 17 3"]


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """Neck, shoulders, chest and back below a head model, which move with its identity: what clothes hang on. No part of the head's mesh."""

    vertices: Float32[np.ndarray, "b 3"]
    """Of the mean person, metres."""
    triangles: Int32[np.ndarray, "g 3"]
    identity_deltas: Float32[np.ndarray, "i b 3"]
    """As the model's."""


@dataclass(frozen=True, slots=True, eq=False)
class FaceModel:
    """A linear face model with skinning: the default head or a FLAME file.

    World frame of datatypes.py; metres; every delta is the displacement at weight 1.
    """

    vertices: Float32[np.ndarray, "v 3"]
    """The mean neutral face."""
    triangles: Int32[np.ndarray, "f 3"]
    """Counter-clockwise seen from outside."""
    corner_uvs: Float32[np.ndarray, "f 3 2"]
    """Texture coordinates of each corner, origin at the image's top left, in [0, 1]."""
    triangle_regions: UInt8[np.ndarray, " f"]
    region_names: tuple[str, ...]
    identity_names: tuple[str, ...]
    identity_deltas: Float32[np.ndarray, "i v 3"]
    identity_ranges: Float32[np.ndarray, "i 2"]
    """Lowest and highest sensible weight; 0 is the mean face."""
    identity_mean: Float32[np.ndarray, " i"]
    """The weights of people on average."""
    identity_whitening: Float32[np.ndarray, "i i"]
    """Turns what a person's weights differ from the average by into independent standard deviations: whitening @ (weights - mean)."""
    expression_names: tuple[str, ...]
    expression_deltas: Float32[np.ndarray, "k v 3"]
    joint_names: tuple[str, ...]
    joint_parents: tuple[int, ...]
    joint_regressor: Float32[np.ndarray, "j v"]
    """Joint positions = regressor @ neutral vertices; rows sum to 1."""
    skin_weights: Float32[np.ndarray, "v j"]
    """Rows sum to 1."""
    mirror_vertices: Int32[np.ndarray, " m"]
    """The vertex on the other side (itself on the middle line); empty where the model does not say."""
    ingredients: tuple[Ingredient, ...]
    landmarks_478: SurfacePoints | None = None
    """MediaPipe's face mesh with irises."""
    landmarks_68: SurfacePoints | None = None
    """iBUG's 68 points."""
    landmark_depth_bias: Float32[np.ndarray, "478"] | None = None
    """How much farther than it is the landmark network sees each of the 478, in parts of the face's width; None: not known."""
    contour: ContourPoints | None = None
    pose_deltas: Float32[np.ndarray, "p v 3"] | None = None
    """FLAME's pose correctives: displacement per entry of (rotation - identity) of the joints after the root, row-major."""
    neck_ring: Int32[np.ndarray, " n"] | None = None
    """Vertices of the edge loop around the base of the neck, in order, to the subject's left from behind; None where the model does not say."""
    body: Body | None = None
    joints_follow_expression: bool = False
    """FLAME regresses the joints from the face with its expression; the default head's joints rest in the neutral face."""


def body_vertices(body: Body, identity: Float32[np.ndarray, " i"]) -> Float32[np.ndarray, "b 3"]:
    """The body of an identity, metres."""
    return np.asarray(body.vertices + np.tensordot(identity, body.identity_deltas, 1), np.float32)


def neutral_vertices(
    model: FaceModel,
    identity: Float32[np.ndarray, " i"] | None = None,
    offsets: Float32[np.ndarray, "v 3"] | None = None,
) -> Float32[np.ndarray, "v 3"]:
    """The neutral face of an identity, metres; `offsets` are free displacements per vertex."""
    vertices = model.vertices if offsets is None else model.vertices + offsets
    if identity is not None:
        vertices = vertices + np.tensordot(identity, model.identity_deltas, 1)
    return vertices.astype(np.float32)


def personalized_rig(
    model: FaceModel,
    identity: Float32[np.ndarray, " i"] | None = None,
    offsets: Float32[np.ndarray, "v 3"] | None = None,
) -> Rig:
    """The rig of one person, for rigging.pose_vertices: identity and `offsets` baked in, joints where they belong in that face."""
    vertices = neutral_vertices(model, identity, offsets)
    return Rig(
        vertices=vertices,
        triangles=model.triangles,
        triangle_regions=model.triangle_regions,
        region_names=model.region_names,
        expression_names=model.expression_names,
        expression_deltas=model.expression_deltas,
        joint_names=model.joint_names,
        joint_parents=model.joint_parents,
        joint_positions=model.joint_regressor @ vertices,
        skin_weights=model.skin_weights,
        pose_deltas=model.pose_deltas,
        joint_deltas=_joint_deltas(model) if model.joints_follow_expression else None,
    )


def _joint_deltas(model: FaceModel) -> Float32[np.ndarray, "k j 3"]:
    """Where the regressor puts the joints of a face with an expression, less where they are without."""
    moved = np.tensordot(model.expression_deltas, model.joint_regressor, ((1,), (1,)))
    return np.ascontiguousarray(np.swapaxes(moved, 1, 2), np.float32)


def surface_positions(
    points: SurfacePoints, triangles: Int32[np.ndarray, "f 3"], vertices: Float32[np.ndarray, "v 3"]
) -> Float32[np.ndarray, "n 3"]:
    """Where surface points lie on a (posed) mesh, metres."""
    corners = vertices[triangles[points.triangles]]
    return np.asarray(np.einsum("nc,ncx->nx", points.barycentrics, corners), np.float32)
