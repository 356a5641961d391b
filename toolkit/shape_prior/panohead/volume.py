"""Tri-grids and their rendering (PanoHead, An et al. 2023, section 3.3; EG3D, Chan et al. 2022, section 4.1).

A tri-grid is three stacks of feature planes; a point takes from each by its coordinates in a different order. Rays are sampled twice: evenly,
then where the first samples weigh (NeRF, Mildenhall et al. 2020, section 5.2, with the filter of mip-NeRF, Barron et al. 2021, equation 18).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float32
from torch import Tensor, nn
from torch.nn import functional

from facecraft4d.toolkit.shape_prior.panohead.layers import FullyConnected

FEATURES = 32
AXES = ((0, 1, 2), (0, 2, 1), (1, 2, 0))
"""Coordinates by which each stack is read: column, row, layer."""
DENSITY_SHIFT = 1.0
"""Taken from a density before the softplus."""
CROP = 0.1
"""How far inside of the box's sides nothing stands, in x and z: the published code leaves a rim of the planes unused."""
EMPTY = -1000.0
"""Density before the softplus where nothing stands."""
BLUR = 0.01
"""Added to the filtered weights, so that the second samples go everywhere a little."""
SMALLEST = 1e-5
"""Added to weights that are drawn from; shares below it are not divided by."""
RAYS_AT_ONCE = 4096
MASK_STRETCH, MASK_SHIFT = 1.002, 0.001
"""The published mask is a weight stretched beyond 0 and 1."""

Grids = Float32[Tensor, "b 3 _features _layers _rows _columns"]
Points = Float32[Tensor, "b n 3"]
Readout = Callable[[Float32[Tensor, "n c"]], tuple[Float32[Tensor, " n"], Float32[Tensor, "n k"]]]
"""What stands at a point, by the mean of what the stacks hold there: density before the softplus, and features (`Decoder`)."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Where rays are sampled: distances from the camera, in the box's units, and counts."""

    near: float = 2.25
    far: float = 3.3
    coarse: int = 48
    fine: int = 48
    box: float = 1.0
    """Side of the box that the tri-grids fill."""


class Rendered(NamedTuple):
    """What rays met."""

    features: Float32[Tensor, "b n c"]
    distance: Float32[Tensor, "b n"]
    """Mean distance along the ray; means nothing where the weight is near 0."""
    weight: Float32[Tensor, "b n"]
    """How much of the ray was stopped, 0 to 1."""


class Decoder(nn.Module):
    """Features of a point to its density (before the softplus) and its colour features."""

    def __init__(self, hidden: int = 64) -> None:
        super().__init__()
        self.net = nn.Sequential(FullyConnected(FEATURES, hidden), nn.Softplus(), FullyConnected(hidden, 1 + FEATURES))

    def forward(self, rows: Float32[Tensor, "n c"]) -> tuple[Float32[Tensor, " n"], Float32[Tensor, "n c"]]:
        result = self.net(rows)
        return result[:, 0], result[:, 1:]


def as_grids(planes: Float32[Tensor, "b _channels _rows _columns"], depth: int) -> Grids:
    """The channels of a picture as three stacks: channel = (stack * features + feature) * depth + layer."""
    return planes.view(len(planes), 3, -1, depth, *planes.shape[-2:])


def sample_grids(grids: Grids, points: Points, box: float) -> Float32[Tensor, "b 3 n c"]:
    """Features that each stack has at points, trilinear; zero outside of the box."""
    batch, _, channels, *_ = grids.shape
    scaled = points * (2 / box)
    ordered = torch.stack([scaled[:, :, list(axes)] for axes in AXES], 1)
    places = ordered.view(3 * batch, 1, 1, -1, 3)
    found = functional.grid_sample(grids.flatten(0, 1), places, padding_mode="zeros", align_corners=False)
    return found.view(batch, 3, channels, -1).transpose(2, 3)


def query(
    grids: Grids, readout: Readout, points: Points, box: float
) -> tuple[Float32[Tensor, "b n"], Float32[Tensor, "b n k"]]:
    """Density before the softplus, and features, at points of the world."""
    rows = sample_grids(grids, points, box).mean(1)
    density, features = readout(rows.flatten(0, 1))
    return density.view(points.shape[:2]), features.view(*points.shape[:2], -1)


def cropped(density: Float32[Tensor, "b n"], points: Points, box: float) -> Float32[Tensor, "b n"]:
    """Densities with nothing beyond the crop."""
    outside = (points[:, :, [0, 2]].abs() > box / 2 - CROP).any(2)
    return density.masked_fill(outside, EMPTY)


def render(
    grids: Grids,
    readout: Readout,
    origins: Float32[Tensor, "b 3"],
    directions: Points,
    sampling: Sampling,
    random: torch.Generator | None = None,
) -> Rendered:
    """Follow rays through the tri-grids, some at a time. Without `random` each sample lies in the middle of its interval."""
    parts = []
    for some in directions.chunk(math.ceil(directions.shape[1] / RAYS_AT_ONCE), 1):
        parts.append(_render(grids, readout, origins, some, sampling, random))
    return Rendered(*(torch.cat(each, 1) for each in zip(*parts, strict=True)))


def _render(
    grids: Grids,
    readout: Readout,
    origins: Float32[Tensor, "b 3"],
    directions: Points,
    sampling: Sampling,
    random: torch.Generator | None,
) -> Rendered:
    def at(distances: Float32[Tensor, "b n s"]) -> tuple[Float32[Tensor, "b n s"], Float32[Tensor, "b n s c"]]:
        points = (origins[:, None, None] + distances[..., None] * directions[:, :, None]).flatten(1, 2)
        density, features = query(grids, readout, points, sampling.box)
        return cropped(density, points, sampling.box).view_as(distances), features.view(*distances.shape, -1)

    coarse = coarse_distances(sampling, directions, random)
    density, features = at(coarse)
    with torch.no_grad():
        weights = ray_weights(density, coarse)
        fine = fine_distances(coarse, weights, sampling.fine, random)
    more_density, more_features = at(fine)
    distances, order = torch.cat([coarse, fine], 2).sort(2)
    density = torch.cat([density, more_density], 2).gather(2, order)
    features = torch.cat([features, more_features], 2)
    features = features.gather(2, order[..., None].expand_as(features))
    return composite(density, features, distances)


def _uniform(like: Float32[Tensor, "b n s"], random: torch.Generator | None) -> Float32[Tensor, "b n s"]:
    """Numbers in 0..1; one half without a generator."""
    if random is None:
        return torch.full_like(like, 0.5)
    return torch.rand(like.shape, generator=random, device=like.device, dtype=like.dtype)


def coarse_distances(
    sampling: Sampling, directions: Points, random: torch.Generator | None
) -> Float32[Tensor, "b n s"]:
    """Even steps from near to far, each moved on within its interval (so the last may lie beyond far)."""
    steps = torch.linspace(
        sampling.near, sampling.far, sampling.coarse, device=directions.device, dtype=directions.dtype
    )
    steps = steps.expand(*directions.shape[:2], -1)
    return steps + _uniform(steps, random) * ((sampling.far - sampling.near) / (sampling.coarse - 1))


def ray_weights(density: Float32[Tensor, "b n s"], distances: Float32[Tensor, "b n s"]) -> Float32[Tensor, "b n t"]:
    """How much of each ray stops in each of the intervals between samples (quadrature with the mean of both ends)."""
    between = (density[..., 1:] + density[..., :-1]) / 2
    opacity = 1 - torch.exp(-functional.softplus(between - DENSITY_SHIFT) * distances.diff(dim=2))
    passed = torch.cumprod(1 - opacity + 1e-10, 2)
    return opacity * functional.pad(passed[..., :-1], (1, 0), value=1.0)


def fine_distances(
    distances: Float32[Tensor, "b n s"],
    weights: Float32[Tensor, "b n t"],
    count: int,
    random: torch.Generator | None,
) -> Float32[Tensor, "b n f"]:
    """Distances drawn from the filtered weights as a density; evenly by its quantiles without `random`."""
    wide = functional.max_pool1d(weights, 2, 1, padding=1)
    blurred = functional.avg_pool1d(wide, 2, 1) + BLUR
    middles = (distances[..., 1:] + distances[..., :-1]) / 2
    return _drawn(middles, blurred[..., 1:-1] + SMALLEST, count, random)


def _drawn(
    edges: Float32[Tensor, "b n e"], weights: Float32[Tensor, "b n m"], count: int, random: torch.Generator | None
) -> Float32[Tensor, "b n f"]:
    """Inverse of the piecewise linear distribution with these weights between edges."""
    below = functional.pad((weights / weights.sum(2, keepdim=True)).cumsum(2), (1, 0))
    if random is None:
        u = torch.linspace(0, 1, count, device=edges.device, dtype=edges.dtype).expand(*edges.shape[:2], -1)
    else:
        u = _uniform(edges.new_empty(*edges.shape[:2], count), random)
    after = torch.searchsorted(below, u.contiguous(), right=True)
    first, last = (after - 1).clamp_min(0), after.clamp_max(below.shape[2] - 1)
    low, high = below.gather(2, first), below.gather(2, last)
    share = high - low
    place = (u - low) / torch.where(share < SMALLEST, torch.ones_like(share), share)
    start = edges.gather(2, first)
    return start + place * (edges.gather(2, last) - start)


def composite(
    density: Float32[Tensor, "b n s"], features: Float32[Tensor, "b n s c"], distances: Float32[Tensor, "b n s"]
) -> Rendered:
    """Sum what samples in order along a ray show, each interval by the means of its ends."""
    weights = ray_weights(density, distances)
    total = weights.sum(2)
    middles = (distances[..., 1:] + distances[..., :-1]) / 2
    shown = (features[..., 1:, :] + features[..., :-1, :]) / 2
    distance = (weights * middles).sum(2) / total
    limits = distances.detach().aminmax()
    distance = torch.nan_to_num(distance, float("inf")).clamp(limits.min, limits.max)
    return Rendered((weights[..., None] * shown).sum(2), distance, total)
