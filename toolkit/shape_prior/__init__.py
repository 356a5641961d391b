"""Portrait to a coarse head: its views from all around and a personalised, textured rig."""

from facecraft4d.toolkit.config import ShapePrior, ShapePriorConfig
from facecraft4d.toolkit.core.datatypes import Coarse, Portrait
from facecraft4d.toolkit.core.stages import StageContext
from facecraft4d.toolkit.needs import Needs


def needs(config: ShapePriorConfig) -> Needs:
    """What the chosen prior needs."""
    match config.prior:
        case ShapePrior.PARAMETRIC:
            from facecraft4d.toolkit.shape_prior import parametric

            return parametric.needs()


def run(portrait: Portrait, config: ShapePriorConfig, context: StageContext) -> Coarse:
    """Imagine the whole head that a portrait shows (paper, section 3.1), with the prior that `config` names."""
    match config.prior:
        case ShapePrior.PARAMETRIC:
            from facecraft4d.toolkit.shape_prior.parametric import invert

            return invert.run(portrait, config, context)
