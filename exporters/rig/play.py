"""What an engine makes of the rig export: deltas by their coefficients, then joints by weights. The readable twin of docs/formats/rig.md."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float32

from facecraft4d.exporters.rig.stitching import WHOLE, Skin
from facecraft4d.exporters.splat_deltas import SplatChanges
from facecraft4d.toolkit.core.datatypes import Splats
from facecraft4d.toolkit.core.geometry import (
    Array,
    multiply_wxyz,
    normalized,
    rotation_from_axis_angle,
    wxyz_from_rotation,
)


def blend(rest: Splats, sets: Sequence[SplatChanges], coefficients: Mapping[int, float]) -> Splats:
    """Splats at rest with the sets of these indices added by their coefficients: displacements, axis-angle vectors and logarithms sum."""
    means = rest.means.astype(np.float64)
    rotations, log_scales = np.zeros_like(means), np.zeros(len(means))
    for index, coefficient in coefficients.items():
        rows, moved, turned, grown = sets[index]
        means[rows] += coefficient * moved
        rotations[rows] += coefficient * turned
        log_scales[rows] += coefficient * grown
    turn = wxyz_from_rotation(rotation_from_axis_angle(rotations))
    return _splats(rest, means, multiply_wxyz(turn, rest.rotations_wxyz), rest.scales * np.exp(log_scales)[:, None])


def hang_on_joints(splats: Splats, skin: Skin, transforms: Float32[np.ndarray, "j 4 4"]) -> Splats:
    """Means by the weighted sum of the joints' transforms, rotations by the weighted sum of their quaternions; sizes stay."""
    weights = skin.weights / WHOLE
    matrices = np.einsum("ni,nirc->nrc", weights, transforms[skin.joints][:, :, :3].astype(np.float64))
    means = np.einsum("nrc,nc->nr", matrices[:, :, :3], splats.means) + matrices[:, :, 3]
    quaternions = wxyz_from_rotation(transforms[:, :3, :3].astype(np.float64))[skin.joints]
    near = np.sign((quaternions * quaternions[:, :1]).sum(-1, keepdims=True))  # of q and -q, which are the same turn
    turn = normalized((weights[:, :, None] * np.where(near < 0, -quaternions, quaternions)).sum(1))
    return _splats(splats, means, multiply_wxyz(turn, splats.rotations_wxyz), splats.scales)


def _splats(like: Splats, means: Array, rotations: Array, scales: Array) -> Splats:
    return Splats(
        means.astype(np.float32),
        normalized(rotations).astype(np.float32),
        scales.astype(np.float32),
        like.opacities,
        like.colors,
    )
