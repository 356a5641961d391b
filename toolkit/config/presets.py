"""The presets: how much a build spends."""

from dataclasses import replace
from enum import StrEnum

from facecraft4d.toolkit.config.build import BuildConfig
from facecraft4d.toolkit.config.stages import ParametricConfig
from facecraft4d.toolkit.config.training import DensifyConfig, LearningRates, LevelsConfig


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
        shape_prior=replace(
            draft.shape_prior, parametric=ParametricConfig(latent_iterations=200, pivotal_iterations=200)
        ),
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
