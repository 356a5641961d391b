"""The image prior: coarse views to views that agree with the photograph."""

from collections.abc import Callable

from facecraft4d.toolkit.config import ImagePrior, ImagePriorConfig
from facecraft4d.toolkit.core.datatypes import Head, Progress, ViewSet


def run(head: Head, config: ImagePriorConfig, report: Callable[[Progress], None]) -> ViewSet:
    """Sharpen `head.coarse`; cameras, masks and depths stay, only the pictures change (paper, section 3.2)."""
    match config.prior:
        case ImagePrior.WARP:
            from facecraft4d.toolkit.image_prior.warp import propagate

            return propagate.run(head, config.warp, report)
