"""The motion of a face as LivePortrait says it: canonical keypoints, turned, deformed, scaled and shifted (LivePortrait, section 3.1, equation 1).

Keypoints are rows (x, y, z), x to the right and y down in the picture, the picture's middle at 0 and its edges at -1 and 1.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from facecraft4d.toolkit.video_prior.liveportrait.motion_extractor import ANGLE_BINS, RawMotion

BIN_DEGREES, FIRST_BIN = 3.0, -97.5
"""Degrees from one logit of an angle to the next, and of the first: equal logits mean 0."""


@dataclass(frozen=True)
class Motion:
    """Of a batch of pictures."""

    keypoints: Float[Tensor, "b k 3"]
    """Canonical."""
    expression: Float[Tensor, "b k 3"]
    """Offsets of the keypoints once they are turned."""
    rotation: Float[Tensor, "b 3 3"]
    """For rows: turned = keypoints @ rotation."""
    translation: Float[Tensor, "b 3"]
    """Of the scaled keypoints; its z moves nothing."""
    scale: Float[Tensor, "b 1"]


def degrees(logits: Float[Tensor, "*b 66"]) -> Float[Tensor, "*b"]:
    """The angle that the logits of its bins expect."""
    bins = torch.arange(ANGLE_BINS, dtype=logits.dtype, device=logits.device)
    return (logits.softmax(dim=-1) @ bins) * BIN_DEGREES + FIRST_BIN


def rotation(pitch: Float[Tensor, " b"], yaw: Float[Tensor, " b"], roll: Float[Tensor, " b"]) -> Float[Tensor, "b 3 3"]:
    """The transpose of Rz(roll) Ry(yaw) Rx(pitch), angles in degrees: it turns rows."""
    about_x, about_y, about_z = (_about(axis, angle) for axis, angle in enumerate((pitch, yaw, roll)))
    return (about_z @ about_y @ about_x).mT


def _about(axis: int, angle: Float[Tensor, " b"]) -> Float[Tensor, "b 3 3"]:
    """The right-handed turn of columns about one axis."""
    cosine, sine = torch.cos(torch.deg2rad(angle)), torch.sin(torch.deg2rad(angle))
    second, third = (axis + 1) % 3, (axis + 2) % 3
    turn = torch.eye(3, dtype=angle.dtype, device=angle.device).repeat(len(angle), 1, 1)
    turn[:, second, second] = turn[:, third, third] = cosine
    turn[:, second, third], turn[:, third, second] = -sine, sine
    return turn


def motion_of(raw: RawMotion) -> Motion:
    """The motion that M's heads say."""
    turn = rotation(degrees(raw.pitch), degrees(raw.yaw), degrees(raw.roll))
    return Motion(raw.keypoints, raw.expression, turn, raw.translation, raw.scale)


def moved(motion: Motion) -> Float[Tensor, "b k 3"]:
    """The keypoints where the picture has them: scale * (keypoints @ rotation + expression) + (t_x, t_y, 0)."""
    deformed = motion.keypoints @ motion.rotation + motion.expression
    shift = motion.translation * motion.translation.new_tensor([1.0, 1.0, 0.0])
    return motion.scale[..., None] * deformed + shift[:, None]
