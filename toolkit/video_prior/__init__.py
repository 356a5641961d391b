"""The video prior: consistent views to a view x time set of expressions."""

from collections.abc import Callable
from pathlib import Path

from facecraft4d.toolkit.config import VideoPrior, VideoPriorConfig
from facecraft4d.toolkit.core.datatypes import FrameSet, Head, Progress, ViewSet
from facecraft4d.toolkit.needs import Needs
from facecraft4d.toolkit.video_prior.mesh import frames


def needs(config: VideoPriorConfig) -> Needs:
    """Nothing: the chosen prior works on pixels alone."""
    return Needs()


def run(
    head: Head, views: ViewSet, config: VideoPriorConfig, seed: int, folder: Path, report: Callable[[Progress], None]
) -> FrameSet:
    """Animate the frontal views with the driving clips into `folder` (paper, section 3.3); a killed run goes on where it was."""
    priors = {VideoPrior.MESH: frames.run}
    return priors[config.prior](head, views, config, seed, folder, report)
