"""A person who moves: one rig with landmarks and texture coordinates, and how its vertices follow a pose and the person's shape.

A pose's unknowns are its expression, then turns of neck, jaw and eyes about axes of the parent joint, then its translation.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Float64

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Head, Pose, Rig
from facecraft4d.toolkit.core.geometry import axis_angle_from_wxyz, rotation_from_axis_angle, wxyz_from_rotation
from facecraft4d.toolkit.core.rigging import joint_positions, joint_transforms, pose_weights
from facecraft4d.toolkit.face_model.model import FaceModel, SurfacePoints, personalized_rig

FREE_JOINTS = (("neck", 3), ("jaw", 3), ("eye_left", 2), ("eye_right", 2))
"""Joints that turn, and about how many axes: an eye does not roll."""
TURNS = sum(axes for _, axes in FREE_JOINTS)
"""Angles of a pose."""
MOST_RADIANS = {"neck": 1.6, "jaw": 0.6, "eye_left": 0.6, "eye_right": 0.6}
"""How far a joint turns."""


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """The person as the tracker knows them at the moment."""

    rig: Rig
    """Shape and offsets baked in."""
    corner_uvs: Float32[np.ndarray, "f 3 2"]
    expressions: Float32[np.ndarray, "v 3 k"]
    """The rig's, by vertex."""
    landmarks: SurfacePoints
    """The 478, on the rig's triangles."""
    shape: Float64[np.ndarray, " i"]
    """Weights of the model's identity, counted from where the fit began."""
    shape_deltas: Float32[np.ndarray, "v 3 i"]
    joint_deltas: Float64[np.ndarray, "i j 3"]
    """How far a weight of 1 moves the joints."""
    shape_whitening: Float64[np.ndarray, "i i"]
    """Turns what a person differs from the mean by into independent standard deviations."""
    shape_mean: Float64[np.ndarray, " i"]
    """The mean person's weights, counted as `shape`."""
    shape_ranges: Float64[np.ndarray, "i 2"]

    def reshaped(self, change: Float64[np.ndarray, " i"]) -> "Figure":
        """With other identity weights, kept in their ranges."""
        shape = np.clip(self.shape + change, *self.shape_ranges.T)
        step = shape - self.shape
        vertices = self.rig.vertices + self.shape_deltas @ step.astype(np.float32)
        joints = self.rig.joint_positions + np.tensordot(step, self.joint_deltas, 1)
        rig = replace(self.rig, vertices=vertices.astype(np.float32), joint_positions=np.asarray(joints, np.float32))
        return replace(self, rig=rig, shape=shape)


def figure_of_model(model: FaceModel) -> Figure:
    """The mean person of a model. ValueError if it knows no landmarks."""
    rig, mean = personalized_rig(model, model.identity_mean), model.identity_mean.astype(np.float64)
    return Figure(
        rig=rig,
        corner_uvs=model.corner_uvs,
        expressions=_by_vertex(rig.expression_deltas),
        landmarks=_landmarks(model),
        shape=mean,
        shape_deltas=_by_vertex(model.identity_deltas),
        joint_deltas=np.einsum(
            "jv,ivx->ijx", model.joint_regressor.astype(np.float64), model.identity_deltas.astype(np.float64)
        ),
        shape_whitening=model.identity_whitening.astype(np.float64),
        shape_mean=mean.copy(),
        shape_ranges=model.identity_ranges.astype(np.float64),
    )


def figure_of_head(model: FaceModel, head: Head) -> Figure:
    """A head that was made of the model's mesh, with whatever parts were added behind it: who it is was fitted before, its identity has no weights.

    UserError if the head does not begin with the model's triangles, all of them.
    """
    rig, count = head.rig, len(model.triangles)
    if not np.array_equal(rig.triangles[:count], model.triangles):
        raise UserError(
            "the motion is found for heads that have all of their model's mesh: this one was built with --bust neck, or on another head model; take --bust shoulders"
        )
    return Figure(
        rig=rig,
        corner_uvs=head.mesh.corner_uvs,
        expressions=_by_vertex(rig.expression_deltas),
        landmarks=_landmarks(model),
        shape=np.zeros(0),
        shape_deltas=np.zeros((*rig.vertices.shape, 0), np.float32),
        joint_deltas=np.zeros((0, *rig.joint_positions.shape)),
        shape_whitening=np.zeros((0, 0)),
        shape_mean=np.zeros(0),
        shape_ranges=np.zeros((0, 2)),
    )


def _by_vertex(deltas: Float32[np.ndarray, "n v 3"]) -> Float32[np.ndarray, "v 3 n"]:
    return np.ascontiguousarray(np.moveaxis(deltas, 0, -1))


def _landmarks(model: FaceModel) -> SurfacePoints:
    if model.landmarks_478 is None:
        raise ValueError("model must know where the 478 landmarks lie, got landmarks_478=None")
    return model.landmarks_478


def unknowns(rig: Rig) -> int:
    """Of a pose: expression, turns, translation."""
    return len(rig.expression_names) + TURNS + 3


def free_axes(rig: Rig) -> list[tuple[int, int]]:
    """Joint and axis of each turn, in the order of a pose's unknowns."""
    return [(rig.joint_names.index(name), axis) for name, axes in FREE_JOINTS for axis in range(axes)]


@dataclass(frozen=True, slots=True, eq=False)
class Posed:
    """Vertices in a pose, and how they follow it."""

    vertices: Float64[np.ndarray, "v 3"]
    by_pose: Float32[np.ndarray, "v 3 n"]
    """Derivative by the pose's unknowns, metres; pose correctives are held."""
    turned: Float32[np.ndarray, "v 3 3"]
    """The rotation that skinning gives each vertex: how it follows a change of the neutral face."""


def posed_with_slopes(figure: Figure, pose: Pose) -> Posed:
    """Exact for linear blend skinning of linear deltas (the default head); a joint turns by a left factor in its parent's frame."""
    rig = figure.rig
    shaped = rig.vertices + figure.expressions @ pose.expression
    if rig.pose_deltas is not None:
        shaped = shaped + np.tensordot(pose_weights(pose), rig.pose_deltas, 1)
    transforms = joint_transforms(rig, pose).astype(np.float64)
    rotations = transforms[:, :3, :3]
    moved = np.einsum("jxy,vy->jvx", rotations, shaped.astype(np.float64)) + transforms[:, None, :3, 3]
    weighted = rig.skin_weights.T[..., None] * moved
    turned = np.tensordot(rig.skin_weights, rotations.astype(np.float32), 1)
    centres = joint_positions(rig, pose).astype(np.float64)
    by_turn = []
    for joint, axis in free_axes(rig):
        below = _below(rig, joint)
        centre = rotations[joint] @ centres[joint] + transforms[joint, :3, 3]
        arms = weighted[below].sum(0) - rig.skin_weights[:, below].sum(1)[:, None] * centre
        parent = rig.joint_parents[joint]
        by_turn.append(np.cross(np.eye(3)[axis] if parent < 0 else rotations[parent][:, axis], arms))
    count = len(rig.expression_names)
    slopes = np.empty((len(shaped), 3, unknowns(rig)), np.float32)
    np.matmul(turned, figure.expressions, out=slopes[..., :count])
    slopes[..., count:-3], slopes[..., -3:] = np.moveaxis(np.stack(by_turn), 0, -1), np.eye(3)
    return Posed(weighted.sum(0), slopes, turned)


def _below(rig: Rig, joint: int) -> list[int]:
    """The joint and all that hang from it."""
    found = [joint]
    for each in range(joint + 1, len(rig.joint_parents)):
        if rig.joint_parents[each] in found:
            found.append(each)
    return found


def moved(rig: Rig, pose: Pose, change: Float64[np.ndarray, " n"]) -> Pose:
    """The pose after a step of its unknowns: weights within 0 and 1, joints within `MOST_RADIANS`."""
    count = len(rig.expression_names)
    rotations = pose.joint_rotations.astype(np.float64)
    turns = np.zeros_like(rotations)
    for (joint, axis), angle in zip(free_axes(rig), change[count : count + TURNS], strict=True):
        turns[joint, axis] = angle
    for name, _ in FREE_JOINTS:
        joint = rig.joint_names.index(name)
        turned = rotation_from_axis_angle(turns[joint]) @ rotation_from_axis_angle(rotations[joint])
        rotations[joint] = axis_angle_from_wxyz(wxyz_from_rotation(turned))
        length = np.linalg.norm(rotations[joint])
        rotations[joint] *= min(1.0, MOST_RADIANS[name] / max(float(length), 1e-9))
    return Pose(
        np.clip(pose.expression + change[:count], 0, 1).astype(np.float32),
        rotations.astype(np.float32),
        (pose.translation + change[-3:]).astype(np.float32),
    )


def as_unknowns(rig: Rig, pose: Pose) -> Float64[np.ndarray, " n"]:
    """A pose as a vector: what priors and smoothness compare."""
    turns = [pose.joint_rotations[joint, axis] for joint, axis in free_axes(rig)]
    return np.concatenate([pose.expression, turns, pose.translation]).astype(np.float64)
