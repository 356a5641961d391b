"""The matte of a picture that W has moved: the source's own, moved as W moves what is in front, where the picture agrees.

Skin slides over an outline that itself stays, as a cheek's does before the jaw when it is puffed: the motion alone would widen the face.
"""

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from facecraft4d.toolkit.video_prior.liveportrait.warping import Warped, identity_grid

LEAST_SHARE = 1e-6
"""Of all keypoints at a place, below which nothing moves it."""
SURELY_SHOWN = 0.4
"""How far below white the darkest channel is where the picture, which stands on white, shows somebody for sure."""


def flow(warped: Warped) -> Float[Tensor, "h w 2"]:
    """Where in the source each place of the picture lies, from the place itself: x and y in half sides of the picture.

    The slices of the volume are weighed by how far they follow keypoints: a chin in front of a still background moves whole.
    """
    deformation = warped.deformation[0]
    depth, height, width = deformation.shape[:3]
    away = (deformation - identity_grid((depth, height, width), deformation))[..., :2]
    follows = (1 - warped.mask[0, 0])[..., None]
    return (follows * away).sum(dim=0) / follows.sum(dim=0).clamp(min=LEAST_SHARE)


def moved_matte(matte: Float32[np.ndarray, "s s"], warped: Warped) -> Float32[np.ndarray, "s s"]:
    """The source's matte as W moves it; itself where nothing moves."""
    size = len(matte)
    coarse = flow(warped).permute(2, 0, 1)[None]
    fine = torch.nn.functional.interpolate(coarse, size=(size, size), mode="bilinear", align_corners=True)[0]
    x, y = (size / 2 * fine).cpu().numpy().astype(np.float32)
    columns, rows = np.meshgrid(np.arange(size, dtype=np.float32), np.arange(size, dtype=np.float32))
    return np.asarray(
        cv2.remap(matte, columns + x, rows + y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32
    )


def agreed(
    still: Float32[np.ndarray, "s s"], moved: Float32[np.ndarray, "s s"], colors: Float32[np.ndarray, "s s 3"]
) -> Float32[np.ndarray, "s s"]:
    """Between the matte that did not move and the one that did, what the drawn picture on white shows; where they are one, nothing else."""
    shown = (1 - colors.min(-1)) / SURELY_SHOWN
    return np.asarray(np.clip(shown, np.minimum(still, moved), np.maximum(still, moved)))


def on_white(colors: Float32[np.ndarray, "s s 3"], matte: Float32[np.ndarray, "s s"]) -> Float32[np.ndarray, "s s 4"]:
    """Colours and matte that agree: where white shines through, the picture is at least as bright as that."""
    return np.dstack([np.maximum(colors, 1 - matte[..., None]), matte])
