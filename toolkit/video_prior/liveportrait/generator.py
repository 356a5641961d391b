"""G, the generator: W's features to a picture, by SPADE (LivePortrait, section 3.1; Park et al. 2019)."""

from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from facecraft4d.toolkit.video_prior.liveportrait.architecture import Architecture
from facecraft4d.toolkit.video_prior.liveportrait.blocks import doubled

SLOPE = 0.2
"""Of G's leaky rectifiers."""


class SpectralConv2d(nn.Module):
    """A convolution whose weight is divided by its largest singular value (Miyato et al. 2018), as its stored singular vectors tell it."""

    def __init__(self, before: int, after: int, side: int, bias: bool = True) -> None:
        super().__init__()
        self.weight_orig = nn.Parameter(torch.zeros(after, before, side, side))
        self.bias = nn.Parameter(torch.zeros(after)) if bias else None
        self.register_buffer("weight_u", torch.zeros(after))
        self.register_buffer("weight_v", torch.zeros(before * side * side))

    def forward(self, image: Tensor) -> Tensor:
        sigma = self.get_buffer("weight_u") @ self.weight_orig.flatten(1) @ self.get_buffer("weight_v")
        padding = self.weight_orig.shape[-1] // 2
        return functional.conv2d(image, self.weight_orig / sigma, self.bias, padding=padding)


class Spade(nn.Module):
    """Normalises every channel of each image, then scales and shifts it place by place as the style says."""

    def __init__(self, width: int, architecture: Architecture) -> None:
        super().__init__()
        hidden = architecture.style_width
        self.mlp_shared = nn.Sequential(nn.Conv2d(architecture.feature_width, hidden, 3, padding=1), nn.ReLU())
        self.mlp_gamma = nn.Conv2d(hidden, width, 3, padding=1)
        self.mlp_beta = nn.Conv2d(hidden, width, 3, padding=1)

    def forward(self, image: Tensor, style: Tensor) -> Tensor:
        shared = self.mlp_shared(functional.interpolate(style, size=image.shape[-2:]))
        return cast(Tensor, functional.instance_norm(image) * (1 + self.mlp_gamma(shared)) + self.mlp_beta(shared))


class SpadeBlock(nn.Module):
    """Two convolutions, each behind a SPADE and a rectifier, beside the image; a third where the width changes."""

    def __init__(self, before: int, after: int, architecture: Architecture) -> None:
        super().__init__()
        inner = min(before, after)
        self.conv_0, self.conv_1 = SpectralConv2d(before, inner, 3), SpectralConv2d(inner, after, 3)
        self.norm_0, self.norm_1 = Spade(before, architecture), Spade(inner, architecture)
        self.resized = before != after
        if self.resized:
            self.conv_s, self.norm_s = SpectralConv2d(before, after, 1, bias=False), Spade(before, architecture)

    def forward(self, image: Tensor, style: Tensor) -> Tensor:
        beside = self.conv_s(self.norm_s(image, style)) if self.resized else image
        inner = self.conv_0(functional.leaky_relu(self.norm_0(image, style), SLOPE))
        return cast(Tensor, beside + self.conv_1(functional.leaky_relu(self.norm_1(inner, style), SLOPE)))


class Generator(nn.Module):
    """G."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        width = architecture.feature_width
        self.middle = [f"G_middle_{k}" for k in range(architecture.middle_blocks)]
        self.fc = nn.Conv2d(width, 2 * width, 3, padding=1)
        for name in self.middle:
            self.add_module(name, SpadeBlock(2 * width, 2 * width, architecture))
        self.up_0 = SpadeBlock(2 * width, width, architecture)
        self.up_1 = SpadeBlock(width, width // 4, architecture)
        self.conv_img = nn.Sequential(nn.Conv2d(width // 4, 12, 3, padding=1), nn.PixelShuffle(2))

    def forward(self, features: Float[Tensor, "b f h w"]) -> Float[Tensor, "b 3 8*h 8*w"]:
        """A picture of W's features, sRGB in [0, 1] of 512 x 512 pixels."""
        image = self.fc(features)
        for name in self.middle:
            image = self.get_submodule(name)(image, features)
        for block in (self.up_0, self.up_1):
            image = block(doubled(image), features)
        picture: Tensor = self.conv_img(functional.leaky_relu(image, SLOPE))
        return picture.sigmoid()
