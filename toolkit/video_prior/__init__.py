"""The video prior: consistent views to a view x time set of expressions."""

from collections.abc import Callable
from pathlib import Path

from facecraft4d.toolkit.config import VideoPrior, VideoPriorConfig
from facecraft4d.toolkit.core.datatypes import FrameSet, Head, Progress, ViewSet


def run(
    head: Head, views: ViewSet, config: VideoPriorConfig, seed: int, folder: Path, report: Callable[[Progress], None]
) -> FrameSet:
    """Animate the frontal views with the driving clips into `folder` (paper, section 3.3); a killed run goes on where it was."""
    match config.prior:
        case VideoPrior.MESH:
            from facecraft4d.toolkit.video_prior.mesh import frames

            return frames.run(head, views, config, seed, folder, report)
