"""The frames of a clip in FLAME's own terms: expressions that turn the jaw or the eyes turn FLAME's joints, offsets leave the mesh as it is."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float32, Float64

from facecraft4d.exporters.options import FlameMesh
from facecraft4d.exporters.stills.flame_terms import TEETH_VERTICES, FlameTerms, has_teeth
from facecraft4d.toolkit.core.datatypes import Motion, Pose, Rig
from facecraft4d.toolkit.core.geometry import axis_angle_from_wxyz, rotation_from_axis_angle, wxyz_from_rotation
from facecraft4d.toolkit.core.rigging import joint_transforms, pose_vertices, pose_weights

ROUNDS = 6
"""Of finding offsets and the joints that follow them: joints move by a tenth of an offset."""


def flame_frames(
    rig: Rig, mesh: FlameMesh, terms: FlameTerms, motion: Motion
) -> tuple[Float32[np.ndarray, "t j 3"], Float32[np.ndarray, "t v 3"]]:
    """Rotations of FLAME's joints in each frame, axis-angle, and what expressions and turns leave of its mesh before joints move it, metres."""
    rotations = motion.joint_rotations.astype(np.float64)
    offsets = np.tensordot(motion.expressions, terms.expression_offsets, 1).astype(np.float32)
    turns = np.tensordot(motion.expressions.astype(np.float64), terms.turns, 1)
    for frame in np.flatnonzero(turns.any((1, 2))):
        pose = motion.pose(int(frame))
        rotations[frame] = _both(pose.joint_rotations.astype(np.float64), turns[frame])
        offsets[frame] = _offset(rig, mesh, terms, pose, rotations[frame])
    return rotations.astype(np.float32), offsets


def _both(joints: Float64[np.ndarray, "j 3"], turns: Float64[np.ndarray, "j 3"]) -> Float64[np.ndarray, "j 3"]:
    """The turns of expressions, then those of the joints themselves, where there are any of the former."""
    together = rotation_from_axis_angle(joints) @ rotation_from_axis_angle(turns)
    return np.where(turns.any(1, keepdims=True), axis_angle_from_wxyz(wxyz_from_rotation(together)), joints)


def _offset(
    rig: Rig, mesh: FlameMesh, terms: FlameTerms, pose: Pose, rotations: Float64[np.ndarray, "j 3"]
) -> Float32[np.ndarray, "v 3"]:
    """What is to be added to FLAME's face with its expression so that joints turned by `rotations` bring it where the rig has it."""
    count = len(mesh.vertices) + (TEETH_VERTICES if has_teeth(rig, mesh) else 0)
    wanted = pose_vertices(rig, pose)[:count].astype(np.float64) - pose.translation - terms.translation
    own = terms.static_offset[: len(mesh.vertices)] + np.tensordot(terms.shape, mesh.identities, 1)
    own = own + np.tensordot(pose.expression @ terms.expressions, mesh.expressions, 1)
    teeth = rig.vertices[len(mesh.vertices) : count] - terms.translation
    base = np.concatenate([mesh.vertices + own, teeth]).astype(np.float64)
    theirs = Pose(np.zeros(0, np.float32), rotations.astype(np.float32), np.zeros(3, np.float32))
    corrective = np.zeros_like(base)
    if rig.pose_deltas is not None:
        corrective = np.tensordot(pose_weights(theirs).astype(np.float64), rig.pose_deltas[:, :count], 1)
    found = np.zeros_like(base)
    for _ in range(ROUNDS):
        joints = (mesh.joint_regressor @ (base + found)[: len(mesh.vertices)]).astype(np.float32)
        transforms = joint_transforms(replace(rig, joint_positions=joints, joint_deltas=None), theirs)
        blended = np.tensordot(rig.skin_weights[:count].astype(np.float64), transforms[:, :3].astype(np.float64), 1)
        rest = np.linalg.solve(blended[:, :, :3], (wanted - blended[:, :, 3])[..., None])[..., 0]
        found = rest - corrective - base
    missing = np.zeros((len(terms.static_offset) - count, 3))
    return np.concatenate([found, missing]).astype(np.float32)
