"""The one check of a whole config: each field's bounds, then what fields must not do together."""

import math

from facecraft4d.toolkit.config.bounds import check_bounds
from facecraft4d.toolkit.config.build import BuildConfig
from facecraft4d.toolkit.config.sdxl import CELL
from facecraft4d.toolkit.config.stages import (
    Bust,
    FaceModelConfig,
    FaceModelKind,
    ImagePrior,
    ImagePriorConfig,
    ShapePrior,
    ShapePriorConfig,
    VideoPrior,
    VideoPriorConfig,
)
from facecraft4d.toolkit.config.training import RESET_OPACITY, TrainingConfig
from facecraft4d.toolkit.core.checks import UserError


def check_config(config: BuildConfig) -> None:
    """UserError that names the option, for numbers that no stage can work with. Everything that needs no file is found here."""
    check_bounds(config)
    _check_face_model(config.face_model)
    _check_shape_prior(config.shape_prior)
    _check_image_prior(config.image_prior)
    _check_views(config)
    _check_animator(config.video_prior, config.shape_prior.bust)
    _check_steps(config.training)
    _check_resets(config.training)


def _check_face_model(chosen: FaceModelConfig) -> None:
    """What belongs to one head model is not given for another, where it would be passed over."""
    given = {
        "file": (chosen.file is not None, (FaceModelKind.FLAME, FaceModelKind.ICT)),
        "components": (chosen.components > 0, (FaceModelKind.FLAME,)),
        "template": (chosen.template is not None, (FaceModelKind.FLAME,)),
        "mediapipe": (chosen.mediapipe is not None, (FaceModelKind.FLAME,)),
    }
    for option, (is_given, kinds) in given.items():
        if is_given and chosen.model not in kinds:
            wanted = " or ".join(f"--face-model {kind}" for kind in kinds)
            raise UserError(f"--face-model.{option} is for {wanted}, and the head model here is {chosen.model}")


def _check_shape_prior(chosen: ShapePriorConfig) -> None:
    """A checkpoint is not given for a prior that would pass it over."""
    if chosen.panohead.checkpoint is not None and chosen.prior is not ShapePrior.PANOHEAD:
        raise UserError(
            f"--shape-prior.panohead.checkpoint is for --shape-prior panohead, and the shape prior here is {chosen.prior}"
        )


def _check_image_prior(chosen: ImagePriorConfig) -> None:
    """A diffusion model that is given is chosen, and every step and picture asked of it exists."""
    sdxl = chosen.sdxl
    if chosen.prior is not ImagePrior.SDXL:
        for option, place in (("folder", sdxl.folder), ("unet", sdxl.unet)):
            if place is not None:
                raise UserError(
                    f"--image-prior.sdxl.{option} is for --image-prior sdxl, and the image prior here is {chosen.prior}"
                )
        return
    if sdxl.resolution % CELL:
        raise UserError(f"--image-prior.sdxl.resolution must be a multiple of {CELL}, got {sdxl.resolution}")
    if sdxl.attention and sdxl.attention_step >= max(sdxl.levels, 1):
        raise UserError(
            f"--image-prior.sdxl.attention-step must be below the {sdxl.levels} steps that are taken (strength times steps), got "
            f"{sdxl.attention_step}; for none take --image-prior.sdxl.no-attention"
        )


def _check_views(config: BuildConfig) -> None:
    """Nobody can animate, or anchor the model in, more views than there are."""
    views = config.shape_prior.views
    if config.video_prior.frontal_views >= views:
        raise UserError(
            f"--video-prior.frontal-views must be below --shape-prior.views ({views}), got {config.video_prior.frontal_views}"
        )
    if config.training.anchors > views:
        raise UserError(
            f"--training.anchors must be at most --shape-prior.views ({views}), got {config.training.anchors}"
        )


def _check_animator(chosen: VideoPriorConfig, bust: Bust) -> None:
    """What LivePortrait alone reads is not given for another prior; the motion that it invents can be tracked."""
    own = chosen.liveportrait
    if chosen.prior is not VideoPrior.LIVEPORTRAIT:
        for option, given in (("checkpoints", own.checkpoints), ("driving", own.driving)):
            if given is not None:
                raise UserError(
                    f"--video-prior.liveportrait.{option} is for --video-prior liveportrait, and the video prior here is {chosen.prior}"
                )
    elif bust is Bust.NECK:
        raise UserError(
            "--video-prior liveportrait needs --bust shoulders: its motion is tracked on heads that have all of their model's mesh"
        )


def _check_steps(training: TrainingConfig) -> None:
    """There is something to train on, and no share takes what another one was promised."""
    if training.static_iterations + training.coin_iterations == 0:
        raise UserError(
            "--training.static-iterations and --training.coin-iterations must not both be 0: nothing is trained"
        )
    shares = math.fsum((training.reference_share, training.static_share, training.opening_share))
    if shares > 1:
        raise UserError(
            "--training.reference-share, --training.static-share and --training.opening-share together must be at most 1, "
            f"got {shares:.10g}"
        )


def _check_resets(training: TrainingConfig) -> None:
    """After a reset of opacities splats must be able to come back, and live until they have."""
    if training.densify.reset_every == 0:
        return
    if training.rates.opacities == 0:
        raise UserError(
            "--training.densify.reset-every must be 0 where --training.rates.opacities is 0: they would stay so"
        )
    if training.densify.prune_opacity >= RESET_OPACITY:
        raise UserError(
            f"--training.densify.prune-opacity must be below {RESET_OPACITY} with resets of the opacity to {RESET_OPACITY} "
            f"(--training.densify.reset-every), got {training.densify.prune_opacity:.10g}"
        )
