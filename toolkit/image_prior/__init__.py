"""The image prior: coarse views to views that agree with the photograph."""

from facecraft4d.toolkit.config import ImagePrior, ImagePriorConfig
from facecraft4d.toolkit.core.datatypes import ViewSet
from facecraft4d.toolkit.core.stages import StageContext
from facecraft4d.toolkit.needs import EXTRAS, Needs


def needs(config: ImagePriorConfig) -> Needs:
    """What the chosen prior needs. UserError where files of the user's own are not there."""
    match config.prior:
        case ImagePrior.WARP:
            return Needs()
        case ImagePrior.SDXL:
            from facecraft4d.toolkit.image_prior.sdxl.folder import find

            return Needs(packages=EXTRAS["sdxl"], files=find(config.sdxl).files)


def check(config: ImagePriorConfig) -> None:
    """UserError for files of the user's own that cannot serve the chosen prior, and for options that they cannot. Its packages are there."""
    match config.prior:
        case ImagePrior.WARP:
            return
        case ImagePrior.SDXL:
            from facecraft4d.toolkit.image_prior.sdxl import folder, loading, words

            found = folder.find(config.sdxl)
            loading.check(found)
            words.check_prompts(loading.load_tokenizers(found), config.sdxl)


def run(coarse: ViewSet, config: ImagePriorConfig, context: StageContext) -> ViewSet:
    """Sharpen coarse views; cameras, masks and depths stay, only the pictures change (paper, section 3.2)."""
    match config.prior:
        case ImagePrior.WARP:
            from facecraft4d.toolkit.image_prior.warp.propagate import propagate

            return propagate(coarse, config.warp, context)
        case ImagePrior.SDXL:
            from facecraft4d.toolkit.image_prior.sdxl.sharpen import sharpen

            return sharpen(coarse, config, context)
