"""A PanoHead generator whose head is known, of one colour on white, made of nothing but weights, so that a file can hold it.

The tri-grid's pictures come from noise, which is a constant of a checkpoint: the last block's, for an ellipsoid x^2/a^2 + y^2/b^2, fills the
first stack, and the one before it, z^2/c^2, the third. All convolutions take the difference of two equal channels, which is nothing, so that a step of
tuning changes little. The decoder makes of the sum q a density that falls through zero at q = 1.
"""

from dataclasses import replace

import numpy as np
import torch
from panohead_cases import NARROW, ruled
from torch import Tensor
from torch.nn.functional import interpolate

from facecraft4d.toolkit.shape_prior.panohead.generator import Architecture, Generator
from facecraft4d.toolkit.shape_prior.panohead.layers import LRELU_GAIN, SynthesisLayer, ToRgb
from facecraft4d.toolkit.shape_prior.panohead.volume import FEATURES

KNOWN = replace(NARROW, sampling=replace(NARROW.sampling, coarse=24, fine=24))
HALVES = (0.20, 0.27, 0.24)
"""Half axes in the box's units: right, up, ahead."""
STEEP = 1e7
"""Density by q: half of a ray is stopped within a few tenthousandths of the box."""
MOST = 4.0
"""Of a map, far from the head."""
SKIN = (0.8, 0.6, 0.5)


Maps = tuple[Tensor, Tensor]
"""Of a head seen from the front (rows y, columns x) and from its left (rows z, columns y): their sum is 1 at the surface, less inside."""


@torch.no_grad()
def known_head(architecture: Architecture = KNOWN, maps: Maps | None = None) -> Generator:
    """The generator of one head about the origin, whatever the rows of style: an ellipsoid, or what `maps` say."""
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
    _paint(generator, maps or ellipsoid(HALVES, architecture.grid_side, architecture.sampling.box))
    _decode(generator)
    generator.t_mapping.fc1.weight.zero_()
    generator.t_mapping.fc1.bias.zero_()
    return generator


def centres(count: int, box: float) -> Tensor:
    """Of so many cells along the box."""
    return ((torch.arange(count) + 0.5) / count - 0.5) * box


def ellipsoid(halves: tuple[float, float, float], side: int, box: float) -> Maps:
    """Its maps, the second with half as many cells."""
    a, b, c = halves
    fine, coarse = centres(side, box), centres(side // 2, box)
    front = (fine[None] / a) ** 2 + (fine[:, None] / b) ** 2
    return front, ((coarse[:, None] / c) ** 2).expand(-1, side // 2)


def slices(middle: np.ndarray, half: np.ndarray, deep: np.ndarray, side: int, box: float) -> Maps:
    """A head of ellipses, one at each of `side` heights: where their middles lie across, and their half axes across and ahead."""
    fine, coarse = centres(side, box), centres(side // 2, box)
    x0, a, c = (torch.from_numpy(np.asarray(each, np.float32)) for each in (middle, half, deep))
    front = ((fine[None] - x0[:, None]) / a[:, None]) ** 2
    return front.clamp(max=MOST), ((coarse[:, None] / c[::2][None]) ** 2).clamp(max=MOST)


def _silence(layer: SynthesisLayer) -> None:
    layer.affine.weight.zero_()
    layer.affine.bias.fill_(1)
    layer.weight.zero_()
    middle = layer.weight.shape[-1] // 2
    layer.weight[:, 0, middle, middle] = 1
    layer.weight[:, 1, middle, middle] = -1
    layer.bias.zero_()
    layer.noise_strength.zero_()


def _paint(generator: Generator, maps: Maps) -> None:
    """The pictures of the first stack, which is read by x, y, and of the third, by y, z."""
    side, depth, synthesis = (
        generator.architecture.grid_side,
        generator.architecture.grid_depth,
        generator.backbone.synthesis,
    )
    for stack, resolution, values in ((0, side, maps[0]), (2, side // 2, maps[1])):
        block = getattr(synthesis, f"b{resolution}")
        block.conv1.noise_const.copy_(values)
        block.conv1.noise_strength.fill_(1)
        first = stack * FEATURES * depth
        block.torgb.weight[first : first + depth, 0] = block.torgb.weight.shape[1] ** 0.5 / LRELU_GAIN


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


def planes_of(maps: Maps, depth: int) -> Tensor:
    """What the backbone of `known_head` paints but for rounding by the doubling of the second map."""
    front, aside = maps
    planes = torch.zeros(3, FEATURES, depth, *front.shape)
    planes[0, 0] = front
    planes[2, 0] = interpolate(aside[None, None], tuple(front.shape), mode="bilinear")[0, 0]
    return planes.view(1, -1, *front.shape)
