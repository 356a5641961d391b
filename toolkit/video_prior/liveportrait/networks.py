"""All networks of LivePortrait together."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from facecraft4d.toolkit.video_prior.liveportrait.appearance import AppearanceExtractor
from facecraft4d.toolkit.video_prior.liveportrait.generator import Generator
from facecraft4d.toolkit.video_prior.liveportrait.motion_extractor import MotionExtractor
from facecraft4d.toolkit.video_prior.liveportrait.retargeting import RetargetingNetwork, StitchingNetwork
from facecraft4d.toolkit.video_prior.liveportrait.warping import Warped, WarpingNetwork


@dataclass(frozen=True)
class Networks:
    """What one loads (checkpoints.load_networks), without gradients and on one device."""

    appearance: AppearanceExtractor
    motion: MotionExtractor
    warping: WarpingNetwork
    generator: Generator
    stitching: StitchingNetwork
    lip: RetargetingNetwork
    eye: RetargetingNetwork

    def picture(
        self, volume: Float[Tensor, "b c d h w"], driving: Float[Tensor, "b k 3"], source: Float[Tensor, "b k 3"]
    ) -> tuple[Float[Tensor, "b 3 8*h 8*w"], Warped]:
        """The source, whose volume F gave, with its keypoints moved from `source` to `driving`: sRGB in [0, 1], and how W moved it."""
        warped: Warped = self.warping(volume, driving, source)
        return self.generator(warped.features), warped
