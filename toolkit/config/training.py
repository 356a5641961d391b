"""Options of the training: static stage, then COIN (paper, section 3.4), then levels of detail."""

from dataclasses import dataclass, field
from typing import Annotated

import tyro

from facecraft4d.toolkit.config.bounds import SHARE, Bounds
from facecraft4d.toolkit.config.stages import PICTURE_SIDE

RATE = Bounds(0, 1)
"""Adam moves a number by about its rate in a step: at 1 a splat crosses its triangle, a colour its whole range."""
WEIGHT = Bounds(0, 100)
"""L1 and SSIM are at most 1 and 2: beside a weight of 100 nothing of the other terms is left."""
FREE = Bounds(0, 100)
"""In units of the triangle, which is a few millimetres wide: 100 is the whole head."""
STEPS = Bounds(0, 10_000_000)
"""A hundred times the paper's schedule."""
PERIOD = Bounds(1, 10_000_000)
"""Steps between two events: once in a training or more often."""
RESET_OPACITY = 0.01
"""What a reset of opacities leaves at most (Kerbl et al. 2023, section 5.2)."""


@dataclass(frozen=True)
class LearningRates:
    """Adam's rates at the first step; all decay exponentially. Positions and scales are in units of the triangle."""

    means: Annotated[float, RATE] = 5e-3
    rotations: Annotated[float, RATE] = 5e-3
    log_scales: Annotated[float, RATE] = 1e-2
    opacities: Annotated[float, RATE] = 3e-2
    colors: Annotated[float, RATE] = 1e-2
    gaussian_embeddings: Annotated[float, RATE] = 2e-2
    """0 keeps the position encoding as it is."""
    coin: Annotated[float, RATE] = 1e-2
    """The network's weights and its view embeddings; 0 trains without the network."""
    final: Annotated[float, Bounds(1e-6, 1)] = 0.1  # above 1 rates would grow; at 0 only the first step would train
    """What is left of every rate at the last step."""


@dataclass(frozen=True)
class LossWeights:
    """Weights of the training losses (paper, section 3.4; GaussianAvatars for position and scale)."""

    l1: Annotated[float, WEIGHT] = 0.8
    ssim: Annotated[float, WEIGHT] = 0.2
    lpips: Annotated[float, WEIGHT] = 0.05
    """LPIPS (AlexNet) on the image of the consistent model."""
    offset: Annotated[float, WEIGHT] = 0.05
    """Mean absolute colour offset, times the head's share of the picture."""
    alpha: Annotated[float, WEIGHT] = 0.2
    """Mean absolute difference between coverage and matte: keeps floaters away."""
    position: Annotated[float, WEIGHT] = 0.01
    position_free: Annotated[float, FREE] = 1.0
    """Distance from the triangle's centre that costs nothing, in units of the triangle's scale."""
    scale: Annotated[float, WEIGHT] = 1.0
    scale_free: Annotated[float, FREE] = 0.6
    """Standard deviation that costs nothing, in units of the triangle's scale."""


@dataclass(frozen=True)
class DensifyConfig:
    """How the number of Gaussians grows into its budget."""

    start_share: Annotated[float, SHARE] = 0.8
    """Share of the budget that training starts with."""
    begin: Annotated[int, PERIOD] = 100  # a round at step 0 would know one picture
    """Step of the first round."""
    end_share: Annotated[float, SHARE] = 0.6
    """Share of all steps after which nothing is added or pruned."""
    every: Annotated[int, PERIOD] = 100
    """Steps between rounds."""
    gradient: Annotated[float, Bounds(0, 1)] = 2e-5  # mean losses change by less than 1 over half an image
    """A splat needs at least this mean gradient of its projected centre (in half images) to be cloned or split."""
    split_sigma: Annotated[float, Bounds(0, 1)] = 0.0005  # 0 splits all, a splat of a metre is larger than any head
    """Splats with a larger standard deviation than this many metres are split, others cloned."""
    prune_opacity: Annotated[float, Bounds(0, 0.9)] = (
        0.005  # splats start at 0.95: from there on the first round removes all
    )
    """Splats below are removed, except the last one of a triangle."""
    recycle: Annotated[float, SHARE] = 0.1
    """Share of the splats that a round takes from where they show least to where the gradient is largest."""
    reset_every: Annotated[int, STEPS] = 0
    """Steps between resets of the opacity to at most 1 %, until densification or the static stage ends; 0 for none."""


@dataclass(frozen=True)
class LevelsConfig:
    """Levels of detail: the first half, quarter and eighth of an avatar's splats, tuned to be heads of their own."""

    iterations: Annotated[int, STEPS] = 0
    """Steps for each level, at the coarse resolution, when all splats are trained; 0 makes none. With 400 a level is as good as a
    training of its own (docs/levels.md)."""
    cell: Annotated[float, Bounds(0.001, 1)] = (
        0.012  # below a millimetre each splat has its own, from a metre on all share one
    )
    """Every level covers the head: splats take turns in cells of this many metres."""


@dataclass(frozen=True)
class TrainingConfig:
    """Static stage, then COIN (paper, section 3.4)."""

    static_iterations: Annotated[int, STEPS] = 500
    """Steps on the static views."""
    coin_iterations: Annotated[int, STEPS] = 800
    """Steps with the colour-offset network on static and animated views."""
    resolution: Annotated[int, PICTURE_SIDE] = 512
    """Side of the training pictures in pixels in the last part of training; smaller ones stay as they are."""
    coarse_resolution: Annotated[int, PICTURE_SIDE] = 256
    """Side of the training pictures before; never more than `resolution`."""
    fine_share: Annotated[float, SHARE] = 0.4
    """Share of all steps, at the end, that runs at the full resolution."""
    # An eighth of 1000 is the smallest level that still shows a face; two million take 10 GB with Adam's moments and embeddings.
    splats: Annotated[int, Bounds(1_000, 2_000_000), tyro.conf.arg(aliases=("--splats",))] = 32_000
    """Hard cap on the number of Gaussians."""
    checkpoint_every: Annotated[int, PERIOD] = 200
    """Steps between checkpoints; a killed build loses at most this many."""
    reference_share: Annotated[float, SHARE] = 0.25
    """Share of the steps that look at the photograph."""
    static_share: Annotated[float, SHARE] = 0.45
    """Share of the COIN steps that look at another static view, so that the back stays as it was."""
    opening_share: Annotated[float, SHARE] = 0.15
    """Share of the steps that look at one of the few frames with closed lids, open mouth or tongue, in the static stage too: splats that
    the static views do not show would otherwise have drifted when they are needed."""
    lpips_every: Annotated[int, PERIOD] = 2
    """Only every so many COIN steps compute LPIPS, with a weight that makes up for it."""
    coin_hidden: Annotated[int, Bounds(1, 1024)] = 64  # a step holds this many numbers for each splat
    """Width of the network's hidden layer."""
    view_embedding: Annotated[int, Bounds(1, 1024)] = 16
    """Length of a view's embedding."""
    anchors: Annotated[int, Bounds(1, 72)] = 4  # the photograph at least, all of the most views at most
    """Views, evenly spaced around the head from the photograph on, that shape the consistent model in full: together they see all of it,
    and they overlap so little that they hardly contradict each other. At most --shape-prior.views."""
    consistent_share: Annotated[float, Bounds(0.001, 1)] = 0.2  # its inverse multiplies the offsets' gradient
    """Under COIN, share of the other views' pixel losses' gradient that reaches the consistent model, geometry and base colours: colour
    offsets explain what contradicts the anchors, and the model need not blur for it."""
    position_octaves: Annotated[int, Bounds(0, 16)] = 4  # the 16th has a wave of 8 micrometres: no splat is finer
    """Octaves of the position encoding that a Gaussian's embedding starts from."""
    rates: LearningRates = field(default_factory=LearningRates)
    losses: LossWeights = field(default_factory=LossWeights)
    densify: DensifyConfig = field(default_factory=DensifyConfig)
    levels: LevelsConfig = field(default_factory=LevelsConfig)
