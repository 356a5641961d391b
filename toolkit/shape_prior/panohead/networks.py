"""The networks that PanoHead's generator is made of, and the sizes that tell them apart."""

from typing import cast

import torch
from jaxtyping import Float32
from torch import Tensor, nn
from torch.nn import functional

from facecraft4d.toolkit.shape_prior.panohead.layers import (
    SMALLEST_SQUARE,
    FullyConnected,
    Images,
    SynthesisBlock,
)

MAPPING_RATE = 0.01
"""Learning rate of the mapping's layers, relative to all others'."""
FIRST_RESOLUTION = 4
SUPERRESOLUTION_CLAMP = 256.0
"""Limits the superresolution's features, so that half precision could hold them."""


def normalized_rows(rows: Float32[Tensor, "n c"]) -> Float32[Tensor, "n c"]:
    """Rows of mean square 1."""
    return rows * (rows.square().mean(1, keepdim=True) + SMALLEST_SQUARE).rsqrt()


class MappingNetwork(nn.Module):
    """A latent z and a camera label c to a row of style, in two layers (StyleGAN2-ADA, Karras et al. 2020, appendix C).

    Where the row is a translation, the last layer is linear and both learn at the common rate.
    """

    w_avg: Tensor

    def __init__(self, z_size: int, c_size: int, w_size: int, translation: bool = False) -> None:
        super().__init__()
        rate = 1.0 if translation else MAPPING_RATE
        self.embed = FullyConnected(c_size, w_size)
        self.fc0 = FullyConnected(z_size + w_size, w_size, lrelu=True, rate=rate)
        self.fc1 = FullyConnected(w_size, w_size, lrelu=not translation, rate=rate)
        self.register_buffer("w_avg", torch.zeros(w_size))

    def forward(
        self, z: Float32[Tensor, "b z"], c: Float32[Tensor, "b c"], truncation: float = 1.0
    ) -> Float32[Tensor, "b w"]:
        """The row; below 1, `truncation` draws it towards the mean row."""
        rows = torch.cat([normalized_rows(z), normalized_rows(self.embed(c))], 1)
        return self.w_avg.lerp(self.fc1(self.fc0(rows)), truncation)


class SynthesisNetwork(nn.Module):
    """Rows of style to a picture of any number of channels: blocks `b4`, `b8`, ... up to the resolution."""

    def __init__(
        self, w_size: int, resolution: int, picture_channels: int, channel_base: int, channel_max: int
    ) -> None:
        super().__init__()
        self.resolutions = [1 << power for power in range(FIRST_RESOLUTION.bit_length() - 1, resolution.bit_length())]
        inputs = 0
        for each in self.resolutions:
            outputs = min(channel_base // each, channel_max)
            self.add_module(f"b{each}", SynthesisBlock(inputs, outputs, w_size, each, picture_channels))
            inputs = outputs

    @property
    def ws_count(self) -> int:
        """Rows that it takes: one for each convolution and one for the last picture."""
        return 2 * len(self.resolutions)

    def forward(self, ws: Float32[Tensor, "b n w"], noise: bool = True) -> Images:
        images: Images | None = None
        picture: Images | None = None
        row = 0
        for each in self.resolutions:
            block = cast(SynthesisBlock, self.get_submodule(f"b{each}"))
            images, picture = block(images, picture, ws[:, row:], noise)
            row += block.layer_count
        return cast(Tensor, picture)


class Superresolution(nn.Module):
    """Features and the picture rendered from them to a picture of 512 pixels: two blocks, without noise."""

    def __init__(self, inputs: int, channels: tuple[int, int], w_size: int, resolution: int) -> None:
        super().__init__()
        first, second = channels
        self.entry = resolution // 4
        """Pixels a side from which the blocks double."""
        self.block0 = SynthesisBlock(inputs, first, w_size, resolution // 2, 3, SUPERRESOLUTION_CLAMP)
        self.block1 = SynthesisBlock(first, second, w_size, resolution, 3, SUPERRESOLUTION_CLAMP)

    def forward(
        self, picture: Float32[Tensor, "b 3 r r"], features: Float32[Tensor, "b c r r"], w: Float32[Tensor, "b w"]
    ) -> Float32[Tensor, "b 3 s s"]:
        ws = w[:, None].expand(-1, 3, -1)
        picture, features = resized(picture, self.entry), resized(features, self.entry)
        features, picture = self.block0(features, picture, ws, noise=False)
        _, picture = self.block1(features, picture, ws, noise=False)
        return picture


def resized(images: Images, side: int) -> Images:
    """Square images with `side` pixels a side, bilinear and antialiased."""
    if images.shape[-1] == side:
        return images
    return functional.interpolate(images, (side, side), mode="bilinear", align_corners=False, antialias=True)
