"""One frozen dataclass per stage; a dataclass is the command line (tyro). The string under a field is its help text.

The bounds of a number stand beside its field, and `check_config` holds a whole config against them before anything runs.
"""

from facecraft4d.toolkit.config.bounds import Bounds
from facecraft4d.toolkit.config.build import BuildConfig, Device, resolve_device
from facecraft4d.toolkit.config.liveportrait import LivePortraitConfig
from facecraft4d.toolkit.config.panohead import LatentSpace, PanoHeadConfig
from facecraft4d.toolkit.config.presets import Preset, preset
from facecraft4d.toolkit.config.rules import check_config
from facecraft4d.toolkit.config.sdxl import SdxlConfig
from facecraft4d.toolkit.config.stages import (
    Bust,
    FaceModelConfig,
    FaceModelKind,
    ImagePrior,
    ImagePriorConfig,
    Lighting,
    Matting,
    ParametricConfig,
    PreprocessConfig,
    ShapePrior,
    ShapePriorConfig,
    TrackingConfig,
    VideoPrior,
    VideoPriorConfig,
    WarpConfig,
)
from facecraft4d.toolkit.config.training import (
    RESET_OPACITY,
    DensifyConfig,
    LearningRates,
    LevelsConfig,
    LossWeights,
    TrainingConfig,
)

__all__ = [
    "RESET_OPACITY", "Bounds", "BuildConfig", "Bust", "DensifyConfig", "Device", "FaceModelConfig", "FaceModelKind", "ImagePrior", "ImagePriorConfig", "LatentSpace", "LearningRates", "LevelsConfig", "Lighting", "LivePortraitConfig",
    "LossWeights", "Matting", "PanoHeadConfig", "ParametricConfig", "PreprocessConfig", "Preset", "SdxlConfig", "ShapePrior", "ShapePriorConfig", "TrackingConfig", "TrainingConfig", "VideoPrior",
    "VideoPriorConfig", "WarpConfig", "check_config", "preset", "resolve_device",
]  # fmt: skip
