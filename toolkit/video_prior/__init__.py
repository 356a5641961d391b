"""The video prior: consistent views to a view x time set of expressions."""

from facecraft4d.toolkit.config import VideoPrior, VideoPriorConfig
from facecraft4d.toolkit.core.datatypes import FrameSet, Head, ViewSet
from facecraft4d.toolkit.core.stages import StageContext
from facecraft4d.toolkit.needs import Needs


def needs(config: VideoPriorConfig) -> Needs:
    """What the chosen prior needs."""
    match config.prior:
        case VideoPrior.MESH:
            return Needs()


def run(head: Head, views: ViewSet, config: VideoPriorConfig, context: StageContext) -> FrameSet:
    """Animate the frontal views with the driving clips into the stage's folder (paper, section 3.3); a killed run goes on where it was.

    A prior that moves the head's own rig knows its motion and hands it on; of one that invents it, tracking finds it.
    """
    match config.prior:
        case VideoPrior.MESH:
            from facecraft4d.toolkit.video_prior.mesh.frames import animate_views

            return animate_views(head, views, config, context)
