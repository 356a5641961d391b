"""The video prior: consistent views to a view x time set of expressions."""

from facecraft4d.toolkit.config import FaceModelConfig, VideoPrior, VideoPriorConfig
from facecraft4d.toolkit.core.datatypes import FrameSet, Head, ViewSet
from facecraft4d.toolkit.core.stages import Report, StageContext
from facecraft4d.toolkit.needs import Needs


def needs(config: VideoPriorConfig, chosen: FaceModelConfig) -> Needs:
    """What the chosen prior needs for a head of the `chosen` face model. UserError where the user's own files are not there."""
    match config.prior:
        case VideoPrior.MESH:
            return Needs()
        case VideoPrior.LIVEPORTRAIT:
            from facecraft4d.toolkit.video_prior.liveportrait import files

            return files.needs(config.liveportrait, chosen)


def check(config: VideoPriorConfig, seed: int, report: Report) -> None:
    """UserError for the user's own files that cannot serve: all of them are read."""
    match config.prior:
        case VideoPrior.MESH:
            pass
        case VideoPrior.LIVEPORTRAIT:
            from facecraft4d.toolkit.video_prior.liveportrait import animation

            animation.check(config.liveportrait, seed, report)


def run(
    head: Head, views: ViewSet, config: VideoPriorConfig, chosen: FaceModelConfig, context: StageContext
) -> FrameSet:
    """Animate the frontal views with the driving clips into the stage's folder (paper, section 3.3); a killed run goes on where it was.

    The head was made of the `chosen` face model. A prior that moves the head's own rig knows its motion and hands it on; of one that invents
    it, tracking finds it.
    """
    match config.prior:
        case VideoPrior.MESH:
            from facecraft4d.toolkit.video_prior.mesh.frames import animate_views

            return animate_views(head, views, config, context)
        case VideoPrior.LIVEPORTRAIT:
            from facecraft4d.toolkit.video_prior.liveportrait.animation import animate

            return animate(head, views, config, chosen, context)
