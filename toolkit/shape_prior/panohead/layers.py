"""The layers of StyleGAN2 (Karras et al. 2020, sections 2 and 4, appendix B; learning rates as StyleGAN, Karras et al. 2019, appendix C).

Parameters carry the names of the published files. All is float32.
"""

import math
from typing import cast

import torch
from jaxtyping import Float32
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.2
"""Of the leaky ReLU below zero."""
LRELU_GAIN = math.sqrt(2)
"""Keeps the variance of what a leaky ReLU lets through."""
SMALLEST_SQUARE = 1e-8
"""Added to sums of squares before they divide."""
Images = Float32[Tensor, "b _channels _height _width"]
Filter = Float32[Tensor, "4 4"]


def resample_filter() -> Filter:
    """The binomial low-pass filter [1, 3, 3, 1], squared, of sum 1."""
    row = torch.tensor([1.0, 3.0, 3.0, 1.0])
    return torch.outer(row, row) / 64


def bias_lrelu(images: Images, bias: Float32[Tensor, " c"], gain: float, clamp: float | None) -> Images:
    """Add the bias, leaky ReLU, gain; then limit to -clamp..clamp."""
    return limited(functional.leaky_relu(images + bias.view(1, -1, 1, 1), SLOPE) * gain, clamp)


def limited(images: Images, clamp: float | None) -> Images:
    """Limit to -clamp..clamp; None leaves everything."""
    return images if clamp is None else images.clamp(-clamp, clamp)


def upsample2d(images: Images, low_pass: Filter) -> Images:
    """Twice as many rows and columns: zeros between the pixels, then the low-pass filter."""
    channels = images.shape[1]
    kernel = (4 * low_pass).expand(channels, 1, 4, 4)
    return functional.conv_transpose2d(images, kernel, stride=2, padding=1, groups=channels)


def modulated_conv2d(
    images: Images,
    weight: Float32[Tensor, "o c k k"],
    styles: Float32[Tensor, "b c"],
    demodulate: bool = True,
    upsampling: Filter | None = None,
) -> Images:
    """Correlation with weights scaled by a style per input channel, then by their norm per output channel (StyleGAN2, equations 1 to 3).

    With a low-pass filter it doubles rows and columns first. The images are scaled rather than the weights, so that a batch is one convolution.
    """
    scaled = images * styles[:, :, None, None]
    if upsampling is None:
        result = functional.conv2d(scaled, weight, padding=weight.shape[-1] // 2)
    else:
        result = _upsampling_conv2d(scaled, weight, upsampling)
    if not demodulate:
        return result
    squares = styles.square() @ weight.square().sum((2, 3)).T
    return result * (squares + SMALLEST_SQUARE).rsqrt()[:, :, None, None]


def _upsampling_conv2d(images: Images, weight: Float32[Tensor, "o c k k"], low_pass: Filter) -> Images:
    """Zeros between the pixels, correlation, low-pass filter."""
    spread = functional.conv_transpose2d(images, weight.transpose(0, 1), stride=2)
    channels = spread.shape[1]
    return functional.conv2d(spread, (4 * low_pass).expand(channels, 1, 4, 4), padding=1, groups=channels)


class FullyConnected(nn.Module):
    """A linear layer whose weights are stored with variance 1 / rate^2 and scaled when used; with a leaky ReLU if `lrelu`."""

    def __init__(self, inputs: int, outputs: int, lrelu: bool = False, rate: float = 1.0, bias: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.full((outputs,), bias))
        self.lrelu, self.rate = lrelu, rate

    def forward(self, rows: Float32[Tensor, "n i"]) -> Float32[Tensor, "n o"]:
        gain = self.rate / math.sqrt(self.weight.shape[1])
        result = functional.linear(rows, self.weight * gain, self.bias * self.rate)
        return functional.leaky_relu(result, SLOPE) * LRELU_GAIN if self.lrelu else result


class SynthesisLayer(nn.Module):
    """Modulated 3x3 convolution, noise, bias and leaky ReLU; it doubles rows and columns where it is told to."""

    resample_filter: Tensor
    noise_const: Tensor

    def __init__(
        self, inputs: int, outputs: int, w_size: int, resolution: int, doubling: bool, clamp: float | None
    ) -> None:
        super().__init__()
        self.doubling, self.clamp = doubling, clamp
        self.affine = FullyConnected(w_size, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.register_buffer("resample_filter", resample_filter())
        self.register_buffer("noise_const", torch.randn(resolution, resolution))

    def forward(self, images: Images, w: Float32[Tensor, "b w"], noise: bool) -> Images:
        low_pass = self.resample_filter if self.doubling else None
        result = modulated_conv2d(images, self.weight, self.affine(w), upsampling=low_pass)
        if noise:
            result = result + self.noise_const * self.noise_strength
        return bias_lrelu(result, self.bias, LRELU_GAIN, self.clamp)


class ToRgb(nn.Module):
    """Modulated 1x1 convolution without demodulation: features to the channels of a picture."""

    def __init__(self, inputs: int, outputs: int, w_size: int, clamp: float | None) -> None:
        super().__init__()
        self.clamp = clamp
        self.affine = FullyConnected(w_size, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, images: Images, w: Float32[Tensor, "b w"]) -> Images:
        styles = self.affine(w) / math.sqrt(self.weight.shape[1])
        result = modulated_conv2d(images, self.weight, styles, demodulate=False)
        return limited(result + self.bias.view(1, -1, 1, 1), self.clamp)


class SynthesisBlock(nn.Module):
    """The layers of one resolution; the picture that the blocks before made is doubled and this block's is added ("skip" architecture)."""

    resample_filter: Tensor

    def __init__(
        self, inputs: int, outputs: int, w_size: int, resolution: int, picture_channels: int, clamp: float | None = None
    ) -> None:
        """With 0 `inputs` it begins from a learned constant."""
        super().__init__()
        self.register_buffer("resample_filter", resample_filter())
        if inputs:
            self.conv0 = SynthesisLayer(inputs, outputs, w_size, resolution, doubling=True, clamp=clamp)
        else:
            self.const = nn.Parameter(torch.randn(outputs, resolution, resolution))
        self.conv1 = SynthesisLayer(outputs, outputs, w_size, resolution, doubling=False, clamp=clamp)
        self.torgb = ToRgb(outputs, picture_channels, w_size, clamp)

    @property
    def layer_count(self) -> int:
        """Rows of ws that the convolutions take; the picture takes the one after."""
        return 2 if hasattr(self, "conv0") else 1

    def forward(
        self,
        images: Images | None,
        picture: Images | None,
        ws: Float32[Tensor, "b n w"],
        noise: bool,
    ) -> tuple[Images, Images]:
        """Features and picture at this block's resolution."""
        rows = iter(ws.unbind(1))
        if images is None:
            images = cast(Tensor, self.const).expand(len(ws), -1, -1, -1)
        else:
            images = self.conv0(images, next(rows), noise)
        images = self.conv1(images, next(rows), noise)
        addition = self.torgb(images, next(rows))
        return images, addition if picture is None else upsample2d(picture, self.resample_filter) + addition
