"""Moves a rig and carries its splats: numpy, the readable twin of the shaders and of the training code."""

from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32, Int, Int32, UInt8

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


def joint_positions(rig: Rig, pose: Pose) -> Float32[np.ndarray, "j 3"]:
    """Bind positions of the joints under the pose's expression, metres."""
    if rig.joint_deltas is None:
        return rig.joint_positions
    return np.asarray(rig.joint_positions + np.tensordot(pose.expression, rig.joint_deltas, 1), np.float32)


def pose_weights(pose: Pose) -> Float32[np.ndarray, " p"]:
    """Weights of a rig's pose correctives: rotation - identity of each joint after the root, row-major."""
    rotations = rotation_from_axis_angle(pose.joint_rotations[1:].astype(np.float64))
    return (rotations - np.eye(3)).astype(np.float32).ravel()


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
    rotations, positions = rotation_from_axis_angle(pose.joint_rotations.astype(np.float64)), joint_positions(rig, pose)
    transforms = np.tile(np.eye(4), (len(rig.joint_parents), 1, 1))
    for joint, parent in enumerate(rig.joint_parents):
        local = np.eye(4)
        local[:3, :3] = rotations[joint]
        local[:3, 3] = positions[joint] - rotations[joint] @ positions[joint]
        transforms[joint] = local if parent < 0 else transforms[parent] @ local
    transforms[:, :3, 3] += pose.translation
    return transforms.astype(np.float32)


def pose_vertices(rig: Rig, pose: Pose) -> Float32[np.ndarray, "v 3"]:
    """Posed vertices, metres, world: linear expression deltas, pose correctives where there are any, then linear blend skinning."""
    active = np.flatnonzero(pose.expression)
    shaped = rig.vertices + np.tensordot(pose.expression[active], rig.expression_deltas[active], 1)
    if rig.pose_deltas is not None:
        shaped = shaped + np.tensordot(pose_weights(pose), rig.pose_deltas, 1)
    blended = np.tensordot(rig.skin_weights, joint_transforms(rig, pose)[:, :3], 1)
    posed: Float32[np.ndarray, "v 3"] = np.einsum("vij,vj->vi", blended[:, :, :3], shaped) + blended[:, :, 3]
    return posed.astype(np.float32)


def with_part(
    rig: Rig, vertices: Float32[np.ndarray, "n 3"], triangles: Int[np.ndarray, "m 3"], region: str, joint: str
) -> Rig:
    """The rig with one more piece (`triangles` index its own `vertices`) in a region of its own, or one of the rig's, rigid on a joint."""
    start, count = len(rig.vertices), len(vertices)
    names = rig.region_names if region in rig.region_names else (*rig.region_names, region)
    weights = np.eye(len(rig.joint_names), dtype=np.float32)[rig.joint_names.index(joint)]
    unmoved = ((0, 0), (0, count), (0, 0))
    return replace(
        rig,
        vertices=np.concatenate([rig.vertices, vertices]),
        triangles=np.concatenate([rig.triangles, triangles + start]).astype(np.int32),
        triangle_regions=np.append(rig.triangle_regions, np.full(len(triangles), names.index(region), np.uint8)),
        region_names=names,
        expression_deltas=np.pad(rig.expression_deltas, unmoved),
        skin_weights=np.concatenate([rig.skin_weights, np.tile(weights, (count, 1))]),
        pose_deltas=None if rig.pose_deltas is None else np.pad(rig.pose_deltas, unmoved),
    )


def opacities(logits: Float32[np.ndarray, " n"]) -> Float32[np.ndarray, " n"]:
    """The logistic function of opacity logits, without overflow at any of them."""
    return np.asarray(np.exp(-np.logaddexp(0, -logits)), np.float32)


def place_splats(splats: BoundSplats, vertices: Float32[np.ndarray, "v 3"], rig: Rig) -> Splats:
    """Bound splats to the world: mean = scale R mean + centroid, rotation = R rotation, sigma = scale exp(log_scale)."""
    rotation, scale, centroid = triangle_frames(vertices[rig.triangles])
    binding = splats.triangles
    means = scale[binding, None] * np.einsum("nij,nj->ni", rotation[binding], splats.means) + centroid[binding]
    rotations = normalized(multiply_wxyz(wxyz_from_rotation(rotation)[binding], normalized(splats.rotations_wxyz)))
    return Splats(
        means=means.astype(np.float32),
        rotations_wxyz=rotations.astype(np.float32),
        scales=(scale[binding, None] * np.exp(splats.log_scales)).astype(np.float32),
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
