"""Gaussians bound to triangles: their parameters, their way into the world, the regularisers that keep them near.

The torch twin of rigging.place_splats, with gradients (GaussianAvatars, Qian et al. 2024, section 3.1). Colours are one sRGB triple a
splat: spherical harmonics on moving triangles, seen from the few cameras of generated views, store the views' errors rather than
reflections, and players would have to turn them with every triangle.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor
from torch.nn import functional

from facecraft4d.toolkit.core.datatypes import BoundSplats
from facecraft4d.toolkit.training.frames import TriangleFrames
from facecraft4d.toolkit.training.placing import Place

Parameters = dict[str, Tensor]
"""Everything that is trained, by name."""

SPLAT_NAMES = ("means", "rotations_wxyz", "log_scales", "opacity_logits", "colors", "gaussian_embeddings")
"""Parameters with one row for each splat: densification copies and removes their rows together."""


class WorldSplats(NamedTuple):
    """Splats in the world frame, as `rasterization` takes them."""

    means: Float32[Tensor, "n 3"]
    rotations_wxyz: Float32[Tensor, "n 4"]
    scales: Float32[Tensor, "n 3"]
    opacities: Float32[Tensor, " n"]


def splat_parameters(splats: BoundSplats, device: str) -> tuple[Parameters, Int64[Tensor, " n"]]:
    """Leaf tensors and the triangle of each splat."""
    names = SPLAT_NAMES[:5]
    parameters = {name: torch.from_numpy(getattr(splats, name).copy()).to(device).requires_grad_() for name in names}
    return parameters, torch.from_numpy(splats.triangles.astype(np.int64)).to(device)


def bound_splats(parameters: Parameters, triangles: Int64[Tensor, " n"]) -> BoundSplats:
    """Frozen copies of the parameters, rotations normalised."""
    arrays = {name: parameters[name].detach().cpu().numpy().copy() for name in SPLAT_NAMES[:5]}
    arrays["rotations_wxyz"] /= np.linalg.norm(arrays["rotations_wxyz"], axis=1, keepdims=True)
    return BoundSplats(**arrays, triangles=triangles.cpu().numpy().astype(np.int32))


def _multiply_wxyz(left: Tensor, right: Tensor) -> Tensor:
    """Hamilton product (twin of geometry.multiply_wxyz)."""
    aw, ax, ay, az = left.unbind(-1)
    bw, bx, by, bz = right.unbind(-1)
    return torch.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        -1,
    )


def place(parameters: Parameters, triangles: Int64[Tensor, " n"], frames: TriangleFrames) -> WorldSplats:
    """Bound splats to the world: mean = scale R mean + centroid, rotation = R rotation, sigma = scale exp(log_scale)."""
    if triangles.device.type == "cpu":
        return WorldSplats(*Place.apply(*(parameters[name] for name in SPLAT_NAMES[:4]), triangles, frames))
    return placed(parameters, triangles, frames)


def placed(parameters: Parameters, triangles: Int64[Tensor, " n"], frames: TriangleFrames) -> WorldSplats:
    """In plain torch: what graphics cards compute, and the readable twin of the compiled one."""
    scale = frames.scales[triangles, None]
    turned = torch.bmm(frames.rotations[triangles], parameters["means"][:, :, None])[:, :, 0]
    local_wxyz = functional.normalize(parameters["rotations_wxyz"], dim=-1)
    return WorldSplats(
        scale * turned + frames.centroids[triangles],
        _multiply_wxyz(frames.rotations_wxyz[triangles], local_wxyz),
        scale * parameters["log_scales"].exp(),
        parameters["opacity_logits"].sigmoid(),
    )


def _mean_over(values: Tensor, visible: Tensor) -> Tensor:
    return (values * visible).sum() / visible.sum().clamp_min(1)


def position_excess(parameters: Parameters, visible: Tensor, free: float) -> Tensor:
    """Mean over the visible splats of how far their centres lie beyond `free`, in units of the triangle's scale."""
    return _mean_over(functional.relu(parameters["means"].norm(dim=1) - free), visible)


def scale_excess(parameters: Parameters, visible: Tensor, free: float) -> Tensor:
    """Mean over the visible splats of the length of what their standard deviations exceed `free` by (triangle units)."""
    return _mean_over(functional.relu(parameters["log_scales"].exp() - free).norm(dim=1), visible)
