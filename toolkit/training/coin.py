"""The inconsistent half of COIN: a two-layer network that gives each Gaussian a colour offset for each view (paper, section 3.4).

What the paper leaves open, and our choice: c is the sRGB colour (there is one a splat); e_view is a learned row for each static view,
shared by the animated frames made from it; e_g starts as a position encoding of the splat's neutral mean and is then learned
(rate 0 keeps it); the hidden layer is a ReLU; the last layer starts at zero, so training starts from the consistent model; the
network sees c without sending gradients back through it: c itself is reached by c* = c + offset alone.
"""

import math

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor
from torch.nn import functional

from facecraft4d.toolkit.config import TrainingConfig
from facecraft4d.toolkit.core.trained import CoinNetwork
from facecraft4d.toolkit.training.gaussians import Parameters
from facecraft4d.toolkit.training.offsets import Offsets

HEAD_RADIUS_METRES = 0.125
"""Unit of the position encoding."""

NETWORK_NAMES = (
    "view_embeddings", "hidden_from_view", "hidden_from_color", "hidden_from_gaussian", "hidden_bias", "offset_from_hidden", "offset_bias",
)  # fmt: skip


def position_encoding(points: Float32[Tensor, "n 3"], octaves: int) -> Float32[Tensor, "n e"]:
    """The points in head radii, then sines and cosines of `octaves` doublings of pi times them; e = 3 + 6 octaves."""
    unit = points / HEAD_RADIUS_METRES
    angles = torch.cat([unit * (math.pi * 2**octave) for octave in range(octaves)], 1) if octaves else unit[:, :0]
    return torch.cat([unit, angles.sin(), angles.cos()], 1)


def _uniform(shape: tuple[int, ...], fan_in: int, rng: np.random.Generator) -> Tensor:
    bound = 1 / math.sqrt(fan_in)
    return torch.from_numpy(rng.uniform(-bound, bound, shape).astype(np.float32))


def network_parameters(
    views: int, encodings: Float32[Tensor, "n e"], config: TrainingConfig, rng: np.random.Generator
) -> Parameters:
    """Fresh leaf tensors: embeddings of views and Gaussians and both layers, the last one zero."""
    hidden, code, width = config.coin_hidden, config.view_embedding, encodings.shape[1]
    fan_in = code + 3 + width
    made = {
        "view_embeddings": torch.from_numpy(rng.normal(0, 1, (views, code)).astype(np.float32)),
        "hidden_from_view": _uniform((hidden, code), fan_in, rng),
        "hidden_from_color": _uniform((hidden, 3), fan_in, rng),
        "hidden_from_gaussian": _uniform((hidden, width), fan_in, rng),
        "hidden_bias": _uniform((hidden,), fan_in, rng),
        "offset_from_hidden": torch.zeros(3, hidden),
        "offset_bias": torch.zeros(3),
        "gaussian_embeddings": encodings.detach().clone(),
    }
    return {name: tensor.to(encodings.device).requires_grad_() for name, tensor in made.items()}


def color_offsets(parameters: Parameters, view: int) -> Float32[Tensor, "n 3"]:
    """Offset of every splat's colour in one view. The view's part of the hidden layer is the same for all splats."""
    shared = parameters["hidden_from_view"] @ parameters["view_embeddings"][view] + parameters["hidden_bias"]
    layer = torch.cat([shared[:, None], parameters["hidden_from_color"], parameters["hidden_from_gaussian"]], 1)
    colors, embeddings = parameters["colors"].detach(), parameters["gaussian_embeddings"]
    network = Offsets.apply if colors.device.type == "cpu" else offsets_of
    return network(colors, embeddings, layer, parameters["offset_from_hidden"]) + parameters["offset_bias"]


def offsets_of(
    colors: Float[Tensor, "n 3"],
    embeddings: Float[Tensor, "n e"],
    layer: Float[Tensor, "h 4+e"],
    last: Float[Tensor, "3 h"],
) -> Float[Tensor, "n 3"]:
    """`last` times what is positive of `layer` times (1, colour, embedding). In plain torch: what graphics cards compute, and the readable twin of the
    compiled one."""
    inputs = torch.cat([colors, embeddings], 1)
    return functional.linear(functional.linear(inputs, layer[:, 1:], layer[:, 0]).relu(), last)


def frozen_network(parameters: Parameters) -> CoinNetwork:
    """Copies of the embeddings and layers."""
    names = (*NETWORK_NAMES, "gaussian_embeddings")
    return CoinNetwork(**{name: parameters[name].detach().cpu().numpy().copy() for name in names})
