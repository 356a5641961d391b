"""Moves a face model in torch: blend shapes, joints, pose correctives, linear blend skinning; differentiable, batched.

FLAME's function (Li et al. 2017, equations 2 to 5), after SMPL (Loper et al. 2015). `reference.py` is the numpy twin.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from facecraft4d.toolkit.face_model.model import FaceModel


@dataclass(frozen=True, slots=True, eq=False)
class ModelTensors:
    """The arrays of a FaceModel that deform() needs, on one device, in one floating type."""

    vertices: Float[Tensor, "v 3"]
    identity_deltas: Float[Tensor, "i v 3"]
    expression_deltas: Float[Tensor, "k v 3"]
    joint_regressor: Float[Tensor, "j v"]
    joint_parents: tuple[int, ...]
    skin_weights: Float[Tensor, "v j"]
    pose_deltas: Float[Tensor, "p v 3"] | None
    joints_follow_expression: bool


def model_tensors(
    model: FaceModel, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> ModelTensors:
    """Copy what deform() needs to a device."""

    def tensor(name: str) -> Tensor:
        return torch.as_tensor(getattr(model, name), dtype=dtype, device=device)

    return ModelTensors(
        vertices=tensor("vertices"),
        identity_deltas=tensor("identity_deltas"),
        expression_deltas=tensor("expression_deltas"),
        joint_regressor=tensor("joint_regressor"),
        joint_parents=model.joint_parents,
        skin_weights=tensor("skin_weights"),
        pose_deltas=None if model.pose_deltas is None else tensor("pose_deltas"),
        joints_follow_expression=model.joints_follow_expression,
    )


def rotation_matrices(axis_angle: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b 3 3"]:
    """Rotation matrices from axis-angle vectors in radians (Rodrigues' formula); exact and differentiable at zero."""
    square = (axis_angle * axis_angle).sum(-1)[..., None, None]
    small = square < 1e-8
    angle = torch.where(small, torch.ones_like(square), square).sqrt()
    first = torch.where(small, 1 - square / 6, torch.sin(angle) / angle)
    second = torch.where(small, 0.5 - square / 24, (1 - torch.cos(angle)) / (angle * angle))
    x, y, z = axis_angle.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*axis_angle.shape[:-1], 3, 3)
    return torch.eye(3, dtype=cross.dtype, device=cross.device) + first * cross + second * (cross @ cross)


def joint_transforms(
    rotations: Float[Tensor, "*b j 3 3"], joints: Float[Tensor, "*b j 3"], parents: tuple[int, ...]
) -> tuple[Float[Tensor, "*b j 3 3"], Float[Tensor, "*b j 3"]]:
    """posed_from_bind of each joint as rotation and translation: rotations about the joints' bind positions, down the chain."""
    local = joints - (rotations @ joints[..., None])[..., 0]
    turned: list[Tensor] = []
    moved: list[Tensor] = []
    for joint, parent in enumerate(parents):
        rotation, translation = rotations[..., joint, :, :], local[..., joint, :]
        if parent >= 0:
            translation = (turned[parent] @ translation[..., None])[..., 0] + moved[parent]
            rotation = turned[parent] @ rotation
        turned.append(rotation)
        moved.append(translation)
    return torch.stack(turned, -3), torch.stack(moved, -2)


def deform(
    model: ModelTensors,
    identity: Float[Tensor, "*b i"],
    expression: Float[Tensor, "*b k"],
    joint_rotations: Float[Tensor, "*b j 3"],
    translation: Float[Tensor, "*b 3"],
    offsets: Float[Tensor, "*b v 3"] | Float[Tensor, "v 3"] | None = None,
) -> Float[Tensor, "*b v 3"]:
    """Posed vertices in metres, with or without leading batch axes.

    `identity` and `expression` are weights (fewer than the model has: the first ones), `joint_rotations` axis-angle in radians local to the parent
    joint, `translation` metres, `offsets` free displacements of the neutral face, added before the joints are found.
    """
    shaped = model.vertices + torch.einsum("...i,ivx->...vx", identity, model.identity_deltas[: identity.shape[-1]])
    if offsets is not None:
        shaped = shaped + offsets
    expressed = shaped + torch.einsum("...k,kvx->...vx", expression, model.expression_deltas[: expression.shape[-1]])
    joints = model.joint_regressor @ (expressed if model.joints_follow_expression else shaped)
    rotations = rotation_matrices(joint_rotations)
    if model.pose_deltas is not None:
        feature = rotations[..., 1:, :, :] - torch.eye(3, dtype=rotations.dtype, device=rotations.device)
        expressed = expressed + torch.einsum("...p,pvx->...vx", feature.flatten(-3), model.pose_deltas)
    turned, moved = joint_transforms(rotations, joints, model.joint_parents)
    skin_rotation = torch.einsum("vj,...jxy->...vxy", model.skin_weights, turned)
    skin_translation = model.skin_weights @ moved
    return (skin_rotation @ expressed[..., None])[..., 0] + skin_translation + translation[..., None, :]
