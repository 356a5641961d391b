"""A view as LivePortrait's source: cropped by the landmarks of the fitted head, so that no detector has to find a face in a profile."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import View
from facecraft4d.toolkit.core.geometry import project
from facecraft4d.toolkit.landmarks.points import IBUG_68
from facecraft4d.toolkit.video_prior.liveportrait.clips import SIZE
from facecraft4d.toolkit.video_prior.liveportrait.crop import (
    SOURCE,
    SOURCE_SIZE,
    crop_from_picture,
    eyes_and_mouth,
)
from facecraft4d.toolkit.video_prior.liveportrait.driving import Source, driven, source_of
from facecraft4d.toolkit.video_prior.liveportrait.keypoints import Motion, motion_of
from facecraft4d.toolkit.video_prior.liveportrait.matte import agreed, moved_matte, on_white
from facecraft4d.toolkit.video_prior.liveportrait.networks import Networks
from facecraft4d.toolkit.video_prior.liveportrait.paste import pasted, resampled

BEYOND = (1.0, 1.0, 1.0, 0.0)
"""What is beyond a view's picture: white, nobody."""


@dataclass(frozen=True, slots=True, eq=False)
class Sitter:
    """A view ready to be moved."""

    picture: Float32[np.ndarray, "h w 4"]
    """Colours on white, alpha."""
    crop_from_picture: Float[np.ndarray, "3 3"]
    matte: Float32[np.ndarray, "s s"]
    """Of the crop."""
    volume: Float[Tensor, "1 c d vh vw"]
    """F's."""
    source: Source


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """What moves a sitter at a time step: M's motion of the moment, and of the neutral face of its clip."""

    moment: Motion
    neutral: Motion


def as_input(image: np.ndarray, device: str) -> Float[Tensor, "1 3 h w"]:
    """An RGB picture in [0, 1] as the networks take it."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32)).to(device)


@torch.inference_mode()
def sitter_of(
    view: View, places: Float[np.ndarray, "478 3"], yaw: float, lip_ratio: float | None, networks: Networks, device: str
) -> Sitter:
    """A view with the head's landmarks at `places` in the world and its camera `yaw` degrees from the front; `lip_ratio` as driving.source_of."""
    points = project(view.camera, places[list(IBUG_68)])[0].astype(np.float64)
    matrix = crop_from_picture(points, *eyes_and_mouth(points), SOURCE)
    picture = np.dstack([view.image, view.mask])
    crop = resampled(picture, matrix, (SOURCE_SIZE, SOURCE_SIZE), BEYOND)
    seen = as_input(cv2.resize(crop[..., :3], (SIZE, SIZE), interpolation=cv2.INTER_AREA), device)
    motion = motion_of(networks.motion(seen))
    source = source_of(motion, networks, yaw, lip_ratio)
    return Sitter(picture, matrix, np.ascontiguousarray(crop[..., 3]), networks.appearance(seen), source)


@torch.inference_mode()
def moved(sitter: Sitter, step: Step, multiplier: float, networks: Networks) -> Float32[np.ndarray, "h w 4"]:
    """The view with the step's expression: colours on white, alpha; bit for bit itself outside of the crop's mask.

    UserError where the networks give no numbers.
    """
    keypoints = driven(sitter.source, step.moment, step.neutral, multiplier)
    drawn, warped = networks.picture(sitter.volume, keypoints, sitter.source.keypoints)
    if not (torch.isfinite(drawn).all() and torch.isfinite(warped.deformation).all()):
        raise UserError(
            "LivePortrait's networks drew numbers that are not finite; are its checkpoints those of huggingface.co/KwaiVGI/LivePortrait?"
        )
    colors = drawn[0].permute(1, 2, 0).cpu().numpy()
    matte = agreed(sitter.matte, moved_matte(sitter.matte, warped), colors)
    crop = on_white(colors, matte)
    return pasted(sitter.picture, crop, sitter.crop_from_picture)
