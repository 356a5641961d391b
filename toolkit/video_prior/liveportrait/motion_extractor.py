"""M, the motion extractor: a portrait to canonical keypoints and their motion, by ConvNeXt V2 (LivePortrait, section 3.1; Woo et al. 2023)."""

from itertools import pairwise
from typing import NamedTuple, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from facecraft4d.toolkit.video_prior.liveportrait.architecture import Architecture

EPSILON = 1e-6
"""Of every normalisation in ConvNeXt."""
ANGLE_BINS = 66
"""Logits of an angle (keypoints.degrees)."""


class RawMotion(NamedTuple):
    """What M's heads say of a batch of pictures."""

    keypoints: Float[Tensor, "b k 3"]
    """Canonical, without pose and expression."""
    pitch: Float[Tensor, "b 66"]
    """Logits, as those of yaw and roll."""
    yaw: Float[Tensor, "b 66"]
    roll: Float[Tensor, "b 66"]
    translation: Float[Tensor, "b 3"]
    expression: Float[Tensor, "b k 3"]
    """Offsets of the keypoints."""
    scale: Float[Tensor, "b 1"]


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of images [b, c, h, w]."""

    def __init__(self, width: int) -> None:
        super().__init__(width, eps=EPSILON)

    def forward(self, image: Tensor) -> Tensor:
        return super().forward(image.movedim(1, -1)).movedim(-1, 1)


class ResponseNorm(nn.Module):
    """Global response normalisation of images [b, h, w, c]: channels compete by their length over all pixels (Woo et al. 2023, section 3)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1, 1, 1, width))
        self.beta = nn.Parameter(torch.zeros(1, 1, 1, width))

    def forward(self, image: Tensor) -> Tensor:
        lengths = torch.linalg.vector_norm(image, dim=(1, 2), keepdim=True)
        share = lengths / (lengths.mean(dim=-1, keepdim=True) + EPSILON)
        return cast(Tensor, self.gamma * (image * share) + self.beta + image)


class Block(nn.Module):
    """ConvNeXt V2's block: 7 x 7 pixels of each channel, then two layers for every pixel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=EPSILON)
        self.pwconv1 = nn.Linear(width, 4 * width)
        self.grn = ResponseNorm(4 * width)
        self.pwconv2 = nn.Linear(4 * width, width)

    def forward(self, image: Tensor) -> Tensor:
        inner = self.norm(self.dwconv(image).movedim(1, -1))
        inner = self.grn(functional.gelu(self.pwconv1(inner)))
        return cast(Tensor, image + self.pwconv2(inner).movedim(-1, 1))


class Detector(nn.Module):
    """The trunk and its heads."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        widths, keypoints = architecture.motion_widths, architecture.keypoints
        self.downsample_layers = nn.ModuleList(
            [nn.Sequential(nn.Conv2d(3, widths[0], 4, stride=4), ChannelNorm(widths[0]))]
        )
        for before, after in pairwise(widths):
            self.downsample_layers.append(nn.Sequential(ChannelNorm(before), nn.Conv2d(before, after, 2, stride=2)))
        depths = zip(widths, architecture.motion_depths, strict=True)
        self.stages = nn.ModuleList(nn.Sequential(*(Block(width) for _ in range(depth))) for width, depth in depths)
        self.norm = nn.LayerNorm(widths[-1], eps=EPSILON)
        self.fc_kp = nn.Linear(widths[-1], 3 * keypoints)
        self.fc_scale = nn.Linear(widths[-1], 1)
        self.fc_pitch = nn.Linear(widths[-1], ANGLE_BINS)
        self.fc_yaw = nn.Linear(widths[-1], ANGLE_BINS)
        self.fc_roll = nn.Linear(widths[-1], ANGLE_BINS)
        self.fc_t = nn.Linear(widths[-1], 3)
        self.fc_exp = nn.Linear(widths[-1], 3 * keypoints)

    def forward(self, image: Tensor) -> RawMotion:
        for smaller, stage in zip(self.downsample_layers, self.stages, strict=True):
            image = stage(smaller(image))
        seen = self.norm(image.mean(dim=(2, 3)))
        keypoints, expression = (head(seen).unflatten(1, (-1, 3)) for head in (self.fc_kp, self.fc_exp))
        angles = (self.fc_pitch(seen), self.fc_yaw(seen), self.fc_roll(seen))
        return RawMotion(keypoints, *angles, self.fc_t(seen), expression, self.fc_scale(seen))


class MotionExtractor(nn.Module):
    """M."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.detector = Detector(architecture)

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> RawMotion:
        """Of pictures, sRGB in [0, 1] of 256 x 256 pixels."""
        found: RawMotion = self.detector(image)
        return found
