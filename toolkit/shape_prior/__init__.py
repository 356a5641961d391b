"""Portrait to a coarse head: a personalised, textured rig and its 24 views."""

from collections.abc import Callable

from facecraft4d.toolkit.config import ShapePrior, ShapePriorConfig
from facecraft4d.toolkit.core.datatypes import Head, Portrait, Progress


def run(portrait: Portrait, config: ShapePriorConfig, seed: int, report: Callable[[Progress], None]) -> Head:
    """Imagine the whole head that a portrait shows (paper, section 3.1), with the prior that `config` names."""
    match config.prior:
        case ShapePrior.PARAMETRIC:
            from facecraft4d.toolkit.shape_prior.parametric.invert import invert

            return invert(portrait, config, seed, report)
