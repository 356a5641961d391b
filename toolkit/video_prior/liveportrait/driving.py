"""Where the keypoints of a source go when a driving clip moves its expression and nothing else (LivePortrait, section 3.3; the paper, section 3.3:
"relative expression" with "the pose of the input image").

A frame says how far its expression is from that of the clip's first one, which shows a neutral face.
"""

from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor

from facecraft4d.toolkit.video_prior.liveportrait.keypoints import Motion, moved
from facecraft4d.toolkit.video_prior.liveportrait.networks import Networks
from facecraft4d.toolkit.video_prior.liveportrait.retargeting import RetargetingNetwork, StitchingNetwork

MOST_STITCHED_YAW = 60.0
"""Degrees from the front beyond which a source is not stitched: S has learned from talking heads."""
CLOSED_LIPS = 0.03
"""The lips' ratio (crop.lip_ratio) below which a source's mouth is closed and need not be normalised."""


@dataclass(frozen=True)
class Source:
    """A picture whose expression is to be moved; batches of one."""

    motion: Motion
    keypoints: Float[Tensor, "1 k 3"]
    """Where the picture has them: `moved(motion)`."""
    lip_offsets: Float[Tensor, "1 k 3"] | None
    """What closes its mouth before it is moved; None where it is not to be closed."""
    stitching: StitchingNetwork | None
    """S; None where nothing is stitched."""


def source_of(motion: Motion, networks: Networks, yaw: float, lip_ratio: float | None) -> Source:
    """A source by its motion (keypoints.motion_of) and its head's `yaw` from the front in degrees, which who rendered it knows.

    With its `lip_ratio` an open mouth is closed first, so that the clip's neutral face is a neutral face here too; None leaves it as it is.
    """
    keypoints = moved(motion)
    opened = lip_ratio is not None and lip_ratio >= CLOSED_LIPS
    lip_offsets = _closing(networks.lip, keypoints, lip_ratio) if opened and lip_ratio is not None else None
    stitching = networks.stitching if abs(yaw) <= MOST_STITCHED_YAW else None
    return Source(motion, keypoints, lip_offsets, stitching)


def _closing(
    network: RetargetingNetwork, keypoints: Float[Tensor, "1 k 3"], lip_ratio: float
) -> Float[Tensor, "1 k 3"]:
    return network.offsets(keypoints, keypoints.new_tensor([[lip_ratio, 0.0]]))


def driven(source: Source, frame: Motion, first: Motion, multiplier: float = 1.0) -> Float[Tensor, "1 k 3"]:
    """The source's keypoints with `multiplier` times what the frame's expression is beyond that of the clip's first frame.

    Its pose, scale and place are the source's. In LivePortrait's order: S, then the lips, then the multiplier of all that moved.
    """
    expression = source.motion.expression + frame.expression - first.expression
    keypoints = moved(replace(source.motion, expression=expression))
    if source.stitching is not None:
        keypoints = source.stitching.stitched(source.keypoints, keypoints)
    if source.lip_offsets is not None:
        keypoints = keypoints + source.lip_offsets
    return source.keypoints + multiplier * (keypoints - source.keypoints)
