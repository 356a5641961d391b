"""Everything that decides what a build makes, and the device it runs on."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from facecraft4d.toolkit.config.bounds import Bounds
from facecraft4d.toolkit.config.stages import (
    FaceModelConfig,
    ImagePriorConfig,
    PreprocessConfig,
    ShapePriorConfig,
    TrackingConfig,
    VideoPriorConfig,
)
from facecraft4d.toolkit.config.training import TrainingConfig
from facecraft4d.toolkit.core.checks import UserError


class Device(StrEnum):
    """Where tensors live."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


@dataclass(frozen=True)
class BuildConfig:
    """Everything that decides what a build makes."""

    preprocess: PreprocessConfig = field(default_factory=PreprocessConfig)
    face_model: FaceModelConfig = field(default_factory=FaceModelConfig)
    shape_prior: ShapePriorConfig = field(default_factory=ShapePriorConfig)
    image_prior: ImagePriorConfig = field(default_factory=ImagePriorConfig)
    video_prior: VideoPriorConfig = field(default_factory=VideoPriorConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    seed: Annotated[int, Bounds(0, 2**32 - 1)] = 0  # 32 bits: every generator takes them
    """Every random choice of the build follows from it."""
    device: Device = Device.AUTO
    """auto takes CUDA where torch has it."""


def resolve_device(device: Device) -> Device:
    """The device that `device` means on this machine; UserError if CUDA is asked for and torch has none."""
    import torch

    available = torch.cuda.is_available()
    if device is Device.CUDA and not available:
        raise UserError("--device cuda: torch finds no CUDA device here; take --device cpu, or see facecraft4d doctor")
    return Device.CUDA if available and device is not Device.CPU else Device.CPU
