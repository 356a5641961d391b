"""Portrait to a coarse head: its views from all around and a personalised, textured rig."""

from collections.abc import Callable

from facecraft4d.toolkit.config import FaceModelConfig, ShapePrior, ShapePriorConfig
from facecraft4d.toolkit.core.datatypes import Coarse, Portrait
from facecraft4d.toolkit.core.stages import Progress, StageContext
from facecraft4d.toolkit.needs import Needs


def needs(config: ShapePriorConfig, face_model: FaceModelConfig) -> Needs:
    """What the chosen prior needs, on the chosen head model."""
    match config.prior:
        case ShapePrior.PARAMETRIC:
            from facecraft4d.toolkit.shape_prior import parametric

            return parametric.needs(face_model)
        case ShapePrior.PANOHEAD:
            from facecraft4d.toolkit.shape_prior.panohead import prior

            return prior.needs(config, face_model)


def check(config: ShapePriorConfig, report: Callable[[Progress], None]) -> None:
    """UserError for files of the user's own that the chosen prior cannot work with."""
    if config.prior is ShapePrior.PANOHEAD:
        from facecraft4d.toolkit.shape_prior.panohead import prior

        prior.check(config, report)


def run(portrait: Portrait, config: ShapePriorConfig, face_model: FaceModelConfig, context: StageContext) -> Coarse:
    """Imagine the whole head that a portrait shows (paper, section 3.1), with the prior that `config` names, on the chosen head model."""
    match config.prior:
        case ShapePrior.PARAMETRIC:
            from facecraft4d.toolkit.shape_prior.parametric import invert

            return invert.run(portrait, config, face_model, context)
        case ShapePrior.PANOHEAD:
            from facecraft4d.toolkit.shape_prior.panohead import prior

            return prior.run(portrait, config, face_model, context)
