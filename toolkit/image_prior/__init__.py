"""The image prior: coarse views to views that agree with the photograph."""

from facecraft4d.toolkit.config import ImagePrior, ImagePriorConfig
from facecraft4d.toolkit.core.datatypes import ViewSet
from facecraft4d.toolkit.core.stages import StageContext
from facecraft4d.toolkit.needs import Needs


def needs(config: ImagePriorConfig) -> Needs:
    """What the chosen prior needs."""
    match config.prior:
        case ImagePrior.WARP:
            return Needs()


def run(coarse: ViewSet, config: ImagePriorConfig, context: StageContext) -> ViewSet:
    """Sharpen coarse views; cameras, masks and depths stay, only the pictures change (paper, section 3.2)."""
    match config.prior:
        case ImagePrior.WARP:
            from facecraft4d.toolkit.image_prior.warp.propagate import propagate

            return propagate(coarse, config.warp, context)
