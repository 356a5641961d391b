"""Moves a rig and carries its splats: numpy, the readable twin of the shaders and of the training code."""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32, Int32, UInt8

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import BoundSplats, Pose, Rig, Splats
from facecraft4d.toolkit.core.geometry import (
    multiply_wxyz,
    normalized,
    rotation_from_axis_angle,
    triangle_frames,
    wxyz_from_rotation,
)


def neutral_pose(rig: Rig) -> Pose:
    """The rig at rest."""
    return Pose(
        np.zeros(len(rig.expression_names), np.float32),
        np.zeros((len(rig.joint_names), 3), np.float32),
        np.zeros(3, np.float32),
    )


@runtime_checkable
class HasRegions(Protocol):
    """A mesh whose triangles are sorted into named regions: a Rig, a FaceModel."""

    @property
    def vertices(self) -> Float32[np.ndarray, "v 3"]: ...
    @property
    def triangles(self) -> Int32[np.ndarray, "f 3"]: ...
    @property
    def triangle_regions(self) -> UInt8[np.ndarray, " f"]: ...
    @property
    def region_names(self) -> tuple[str, ...]: ...


def in_regions(mesh: HasRegions, *names: str, optional: bool = False) -> Bool[np.ndarray, " f"]:
    """Which triangles belong to any of the named regions. ValueError for a region that the mesh lacks, unless it is `optional`."""
    unknown = [name for name in names if name not in mesh.region_names]
    if unknown and not optional:
        raise ValueError(f"region must be one of {', '.join(mesh.region_names)}, got {unknown[0]}")
    return np.isin(mesh.triangle_regions, [index for index, name in enumerate(mesh.region_names) if name in names])


def vertices_in_regions(mesh: HasRegions, *names: str, optional: bool = False) -> Bool[np.ndarray, " v"]:
    """Which vertices are corners of triangles in any of the named regions; else as `in_regions`."""
    member = np.zeros(len(mesh.vertices), bool)
    member[mesh.triangles[in_regions(mesh, *names, optional=optional)]] = True
    return member


def joint_transforms(rig: Rig, pose: Pose) -> Float32[np.ndarray, "j 4 4"]:
    """posed_from_bind of each joint: rotations about the joints' bind positions down the chain, then the translation."""
    rotations = rotation_from_axis_angle(pose.joint_rotations.astype(np.float64))
    transforms = np.tile(np.eye(4), (len(rig.joint_parents), 1, 1))
    for joint, parent in enumerate(rig.joint_parents):
        local = np.eye(4)
        local[:3, :3] = rotations[joint]
        local[:3, 3] = rig.joint_positions[joint] - rotations[joint] @ rig.joint_positions[joint]
        transforms[joint] = local if parent < 0 else transforms[parent] @ local
    transforms[:, :3, 3] += pose.translation
    return transforms.astype(np.float32)


def pose_vertices(rig: Rig, pose: Pose) -> Float32[np.ndarray, "v 3"]:
    """Posed vertices, metres, world: linear expression deltas, then linear blend skinning."""
    active = np.flatnonzero(pose.expression)
    shaped = rig.vertices + np.tensordot(pose.expression[active], rig.expression_deltas[active], 1)
    blended = np.tensordot(rig.skin_weights, joint_transforms(rig, pose)[:, :3], 1)
    posed: Float32[np.ndarray, "v 3"] = np.einsum("vij,vj->vi", blended[:, :, :3], shaped) + blended[:, :, 3]
    return posed.astype(np.float32)


def opacities(logits: Float32[np.ndarray, " n"]) -> Float32[np.ndarray, " n"]:
    """The logistic function of opacity logits, without overflow at any of them."""
    return np.asarray(np.exp(-np.logaddexp(0, -logits)), np.float32)


def carry_splats(splats: BoundSplats, vertices: Float32[np.ndarray, "v 3"], rig: Rig) -> Splats:
    """Bound splats to the world: mean = scale R mean + centroid, rotation = R rotation, sigma = scale exp(log_scale)."""
    rotation, scale, centroid = triangle_frames(vertices[rig.triangles])
    carrier = splats.triangles
    means = scale[carrier, None] * np.einsum("nij,nj->ni", rotation[carrier], splats.means) + centroid[carrier]
    rotations = normalized(multiply_wxyz(wxyz_from_rotation(rotation)[carrier], normalized(splats.rotations_wxyz)))
    return Splats(
        means=means.astype(np.float32),
        rotations_wxyz=rotations.astype(np.float32),
        scales=(scale[carrier, None] * np.exp(splats.log_scales)).astype(np.float32),
        opacities=opacities(splats.opacity_logits),
        colors=splats.colors,
    )


def pose_from_weights(rig: Rig, weights: dict[str, float]) -> Pose:
    """The rig at rest but for the named expressions. Raises UserError for a name that the rig does not have."""
    pose = neutral_pose(rig)
    for name, weight in weights.items():
        if name not in rig.expression_names:
            near = [known for known in rig.expression_names if name.lower()[:4] in known.lower()]
            names = ", ".join(near or (*rig.expression_names[:6], "..."))
            raise UserError(f"this avatar has no expression {name}; it has {names}")
        pose.expression[rig.expression_names.index(name)] = weight
    return pose
