"""One frozen dataclass per stage; a dataclass is the command line (tyro). The string under a field is its help text."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated

import tyro


class Device(StrEnum):
    """Where tensors live."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class Matting(StrEnum):
    """Who separates the head from the background."""

    SELFIE = "selfie"
    ISNET = "isnet"


class ShapePrior(StrEnum):
    """Who imagines the head's shape."""

    PARAMETRIC = "parametric"


class ImagePrior(StrEnum):
    """Who sharpens the coarse views."""

    WARP = "warp"


class VideoPrior(StrEnum):
    """Who moves the views."""

    MESH = "mesh"


@dataclass(frozen=True)
class PreprocessConfig:
    """Photograph to portrait."""

    face: Annotated[int | None, tyro.conf.arg(aliases=("--face",))] = None
    """Which face to take, counted from 0 by size; by default the largest."""
    matting: Annotated[Matting, tyro.conf.arg(aliases=("--matting",))] = Matting.SELFIE
    """selfie: Apache-2.0 model with closed-form refinement; isnet: stronger, its weights come in an AGPL-3.0 package."""
    size: int = 512
    """Side of the aligned portrait in pixels."""


@dataclass(frozen=True)
class ShapePriorConfig:
    """Portrait to a coarse head and its 24 views."""

    prior: ShapePrior = ShapePrior.PARAMETRIC
    """parametric: fits the CC0 head in two phases (latent, then pivotal tuning)."""
    latent_iterations: int = 60
    """Steps of the latent phase on the picture (identity, pose, expression, lighting, albedo), after landmarks and contours."""
    pivotal_iterations: int = 60
    """Steps of pivotal tuning on the texture, after vertex offsets and the shells of hair and clothes."""
    texture_size: int = 1024
    """Side of the texture in pixels."""
    views: int = 24
    """Views on the horizon orbit."""


@dataclass(frozen=True)
class ImagePriorConfig:
    """Coarse views to consistent views."""

    prior: ImagePrior = ImagePrior.WARP
    """warp: the paper's depth-guided propagation in pixel space."""
    boundary: float = 0.1
    """Weight of the warped image at the border of its visibility mask (paper, supplement 6.2)."""
    depth_tolerance: float = 0.004
    """A pixel is visible if its depth agrees within this many metres."""


@dataclass(frozen=True)
class VideoPriorConfig:
    """Views to a view x time set of expressions."""

    prior: VideoPrior = VideoPrior.MESH
    """mesh: the fitted mesh moves the pixels and fills what opens."""
    frontal_views: int = 11
    """Views beside the reference that are animated (paper, section 4)."""
    frames: int = 32
    """Poses picked from the driving clips; every animated view is shown in all of them."""
    size: int = 256
    """Side of the pictures in pixels."""


@dataclass(frozen=True)
class LearningRates:
    """Adam's rates at the first step; all decay exponentially. Positions and scales are in units of the triangle."""

    means: float = 5e-3
    rotations: float = 5e-3
    log_scales: float = 1e-2
    opacities: float = 3e-2
    colors: float = 1e-2
    gaussian_embeddings: float = 2e-2
    """0 keeps the position encoding as it is."""
    coin: float = 1e-2
    """The network's weights and its view embeddings; 0 trains without the network."""
    final: float = 0.1
    """What is left of every rate at the last step."""


@dataclass(frozen=True)
class LossWeights:
    """Weights of the training losses (paper, section 3.4; GaussianAvatars for position and scale)."""

    l1: float = 0.8
    ssim: float = 0.2
    lpips: float = 0.05
    """LPIPS (AlexNet) on the image of the consistent model."""
    offset: float = 0.05
    """Mean absolute colour offset, times the head's share of the picture."""
    alpha: float = 0.2
    """Mean absolute difference between coverage and matte: keeps floaters away."""
    position: float = 0.01
    position_free: float = 1.0
    """Distance from the triangle's centre that costs nothing, in units of the triangle's scale."""
    scale: float = 1.0
    scale_free: float = 0.6
    """Standard deviation that costs nothing, in units of the triangle's scale."""


@dataclass(frozen=True)
class DensifyConfig:
    """How the number of Gaussians grows into its budget."""

    start_share: float = 0.7
    """Share of the budget that training starts with."""
    begin: int = 100
    """Step of the first round."""
    end_share: float = 0.6
    """Share of all steps after which nothing is added or pruned."""
    every: int = 100
    """Steps between rounds."""
    gradient: float = 2e-5
    """A splat needs at least this mean gradient of its projected centre (in half images) to be cloned or split."""
    split_sigma: float = 0.0005
    """Splats with a larger standard deviation than this many metres are split, others cloned."""
    prune_opacity: float = 0.005
    """Splats below are removed, except the last one of a triangle."""
    recycle: float = 0.1
    """Share of the splats that a round takes from where they show least to where the gradient is largest."""
    reset_every: int = 0
    """Steps between resets of the opacity to at most 1 %, until densification or the static stage ends; 0 for none."""


@dataclass(frozen=True)
class LevelsConfig:
    """Levels of detail: the first half, quarter and eighth of an avatar's splats, tuned to be heads of their own."""

    iterations: int = 0
    """Steps for each level, at the coarse resolution, when all splats are trained; 0 makes none. With 400 a level is as good as a
    training of its own (docs/levels.md)."""
    cell: float = 0.012
    """Every level covers the head: splats take turns in cells of this many metres."""


@dataclass(frozen=True)
class TrainingConfig:
    """Static stage, then COIN (paper, section 3.4)."""

    static_iterations: int = 500
    """Steps on the static views."""
    coin_iterations: int = 800
    """Steps with the colour-offset network on static and animated views."""
    resolution: int = 512
    """Side of the training pictures in pixels in the last part of training; smaller ones stay as they are."""
    coarse_resolution: int = 256
    """Side of the training pictures before."""
    fine_share: float = 0.3
    """Share of all steps, at the end, that runs at the full resolution."""
    splats: Annotated[int, tyro.conf.arg(aliases=("--splats",))] = 24_000
    """Hard cap on the number of Gaussians."""
    checkpoint_every: int = 200
    """Steps between checkpoints; a killed build loses at most this many."""
    reference_share: float = 0.25
    """Share of the steps that look at the photograph."""
    static_share: float = 0.25
    """Share of the COIN steps that look at another static view, so that the back stays as it was."""
    opening_share: float = 0.15
    """Share of the steps that look at one of the few frames with closed lids, open mouth or tongue, in the static stage too: splats that
    the static views do not show would otherwise have drifted when they are needed."""
    lpips_every: int = 2
    """Only every so many COIN steps compute LPIPS, with a weight that makes up for it."""
    coin_hidden: int = 64
    """Width of the network's hidden layer."""
    view_embedding: int = 16
    """Length of a view's embedding."""
    anchors: int = 4
    """Views, evenly spaced around the head from the photograph on, that shape the consistent model in full: together they see all of it,
    and they overlap so little that they hardly contradict each other."""
    consistent_share: float = 0.2
    """Under COIN, share of the other views' pixel losses' gradient that reaches the consistent model, geometry and base colours: colour
    offsets explain what contradicts the anchors, and the model need not blur for it."""
    position_octaves: int = 4
    """Octaves of the position encoding that a Gaussian's embedding starts from."""
    rates: LearningRates = field(default_factory=LearningRates)
    losses: LossWeights = field(default_factory=LossWeights)
    densify: DensifyConfig = field(default_factory=DensifyConfig)
    levels: LevelsConfig = field(default_factory=LevelsConfig)


@dataclass(frozen=True)
class BuildConfig:
    """Everything that decides what a build makes."""

    preprocess: PreprocessConfig = field(default_factory=PreprocessConfig)
    shape_prior: ShapePriorConfig = field(default_factory=ShapePriorConfig)
    image_prior: ImagePriorConfig = field(default_factory=ImagePriorConfig)
    video_prior: VideoPriorConfig = field(default_factory=VideoPriorConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    seed: int = 0
    """Every random choice of the build follows from it."""
    device: Device = Device.AUTO
    """auto takes CUDA where gsplat draws on it, else the processor."""


class Preset(StrEnum):
    """How much a build spends."""

    DRAFT = "draft"
    STANDARD = "standard"
    PAPER = "paper"


def preset(name: Preset) -> BuildConfig:
    """The configuration behind a preset: draft (minutes on a CPU), standard (under an hour on a CPU), paper (hours on CUDA)."""
    draft = BuildConfig()
    if name is Preset.DRAFT:
        return draft
    standard = replace(
        draft,
        shape_prior=replace(draft.shape_prior, latent_iterations=200, pivotal_iterations=200),
        video_prior=replace(draft.video_prior, frames=72, size=512),
        training=replace(
            draft.training,
            static_iterations=1500,
            coin_iterations=3000,
            fine_share=0.5,
            splats=50_000,
            checkpoint_every=500,
            levels=LevelsConfig(iterations=400),
        ),
    )
    if name is Preset.STANDARD:
        return standard
    return _paper(standard)


def _paper(standard: BuildConfig) -> BuildConfig:
    """The paper's schedule and weights."""
    return replace(
        standard,
        training=replace(
            standard.training,
            static_iterations=30_000,
            coin_iterations=90_000,
            fine_share=1.0,
            splats=100_000,
            checkpoint_every=2000,
            levels=LevelsConfig(iterations=3000),
            lpips_every=1,
            consistent_share=1.0,
            losses=replace(standard.training.losses, offset=1.0),
            rates=LearningRates(
                rotations=1e-3,
                log_scales=1.7e-2,
                opacities=5e-2,
                colors=2.5e-3,
                gaussian_embeddings=2e-3,
                coin=1e-3,
                final=0.01,
            ),
            densify=DensifyConfig(begin=500, end_share=0.25, gradient=2e-4, reset_every=3000),
        ),
    )
