"""A PanoHead generator whose head is known: an ellipsoid of one colour on white, made of nothing but weights, so that a file can hold it.

The tri-grid's pictures come from noise, which is a constant of a checkpoint: the last block's is x^2/a^2 + y^2/b^2, for the first stack, the
one before it holds z^2/c^2 for the second. All convolutions take the difference of two equal channels, which is nothing, so that a step of
tuning changes little. The decoder makes of the sum q a density that falls through zero at q = 1.
"""

from dataclasses import replace

import numpy as np
import torch
from panohead_cases import NARROW, ruled
from torch import Tensor

from facecraft4d.toolkit.shape_prior.panohead.generator import Architecture, Generator
from facecraft4d.toolkit.shape_prior.panohead.layers import LRELU_GAIN, SynthesisLayer, ToRgb
from facecraft4d.toolkit.shape_prior.panohead.volume import FEATURES

KNOWN = replace(NARROW, sampling=replace(NARROW.sampling, coarse=24, fine=24))
HALVES = (0.20, 0.27, 0.24)
"""Half axes in the box's units: right, up, ahead."""
STEEP = 1e7
"""Density by q: half of a ray is stopped within a few tenthousandths of the box."""
SKIN = (0.8, 0.6, 0.5)


@torch.no_grad()
def known_head(architecture: Architecture = KNOWN, halves: tuple[float, float, float] = HALVES) -> Generator:
    """The generator of one ellipsoid about the origin, whatever the rows of style."""
    generator = ruled(architecture)
    for name, module in generator.named_modules():
        if isinstance(module, SynthesisLayer):
            _silence(module)
        elif isinstance(module, ToRgb):
            module.affine.weight.zero_()
            module.affine.bias.fill_(1)
            module.weight.zero_()
            module.bias.zero_()
        elif name.endswith("synthesis.b4"):
            module.const.zero_()
    _paint(generator, halves)
    _decode(generator)
    generator.t_mapping.fc1.weight.zero_()
    generator.t_mapping.fc1.bias.zero_()
    return generator


def _silence(layer: SynthesisLayer) -> None:
    layer.affine.weight.zero_()
    layer.affine.bias.fill_(1)
    layer.weight.zero_()
    middle = layer.weight.shape[-1] // 2
    layer.weight[:, 0, middle, middle] = 1
    layer.weight[:, 1, middle, middle] = -1
    layer.bias.zero_()
    layer.noise_strength.zero_()


def _paint(generator: Generator, halves: tuple[float, float, float]) -> None:
    """The pictures of the first two stacks."""
    side, depth = generator.architecture.grid_side, generator.architecture.grid_depth
    box, synthesis = generator.architecture.sampling.box, generator.backbone.synthesis
    a, b, c = halves
    for stack, resolution in ((0, side), (1, side // 2)):
        centres = ((torch.arange(resolution) + 0.5) / resolution - 0.5) * box
        row, column = torch.meshgrid(centres, centres, indexing="ij")
        block = getattr(synthesis, f"b{resolution}")
        # the first stack is read by x, y; the second by x, z; a doubling adds the mean square of its filter's reach
        block.conv1.noise_const.copy_((column / a) ** 2 + (row / b) ** 2 if stack == 0 else (row / c) ** 2)
        block.conv1.noise_strength.fill_(1)
        first = stack * FEATURES * depth
        gain = block.torgb.weight.shape[1] ** 0.5 / LRELU_GAIN
        block.torgb.weight[first : first + depth, 0] = gain


def _decode(generator: Generator) -> None:
    """Density and colours of the mean of three stacks, of which two hold something."""
    first, _, last = generator.decoder.net
    for layer in (first, last):
        layer.weight.zero_()
        layer.bias.zero_()
    into, out = first.weight.shape[1] ** 0.5, last.weight.shape[1] ** 0.5
    first.weight[0, 0], first.weight[1, 0] = 3 * into, -3 * into  # softplus(q) - softplus(-q) = q
    last.weight[0, 0], last.weight[0, 1] = -STEEP * out, STEEP * out
    last.bias[0] = STEEP
    last.bias[1] = 1  # a feature that all of the head has, and nothing else
    gain = FEATURES**0.5
    generator.torgb.bias.copy_(torch.ones(3))
    generator.torgb.weight[:, 0, 0, 0] = gain * (2 * torch.tensor(SKIN) - 1 - 1)


def analytic_depth(
    origin: np.ndarray, directions: np.ndarray, halves: tuple[float, float, float] = HALVES
) -> np.ndarray:
    """Distances along unit rays to the ellipsoid; nan where they miss."""
    o, d = origin / halves, directions / halves
    a, b, c = (d * d).sum(-1), (d * o).sum(-1), (o * o).sum(-1) - 1
    with np.errstate(invalid="ignore"):
        return (-b - np.sqrt(b * b - a * c)) / a


def planes_of(halves: tuple[float, float, float], side: int, depth: int, box: float) -> Tensor:
    """What the backbone of `known_head` paints, exactly."""
    centres = ((torch.arange(side) + 0.5) / side - 0.5) * box
    row, column = torch.meshgrid(centres, centres, indexing="ij")
    a, b, c = halves
    planes = torch.zeros(3, FEATURES, depth, side, side)
    planes[0, 0] = (column / a) ** 2 + (row / b) ** 2
    planes[1, 0] = (row / c) ** 2
    return planes.view(1, -1, side, side)
