"""A crop goes back into its picture: softly at its border, and nothing changes outside of it."""

import cv2
import numpy as np
from jaxtyping import Float, Float32

from facecraft4d.toolkit.core.geometry import smoothstep

RIM, FADE = 0.01, 0.06
"""In sides of a crop: how far from its border nothing of it is seen, and over which it comes in; a wide open mouth ends above it."""


def resampled(
    image: Float32[np.ndarray, "h w c"], target_from_image: Float[np.ndarray, "3 3"], size: tuple[int, int],
    beyond: tuple[float, ...],
) -> Float32[np.ndarray, "th tw c"]:  # fmt: skip
    """An image as a target of `size` (width, height) sees it; `beyond` it has one colour. A smaller one is averaged first.

    The matrix is a similarity of places (crop.py): a picture spans from 0 to its size.
    """
    height, width = image.shape[:2]
    shrink = int(1 / max(float(np.hypot(*target_from_image[:2, 0])), 1e-6))
    if shrink > 1:
        width, height = max(1, width // shrink), max(1, height // shrink)
        scales = np.diag([image.shape[1] / width, image.shape[0] / height, 1.0])
        image, target_from_image = (
            cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA),
            target_from_image @ scales,
        )
    half = np.eye(3)
    half[:2, 2] = 0.5
    matrix = np.linalg.inv(half) @ target_from_image @ half
    found = cv2.warpAffine(
        image, matrix[:2], size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=beyond
    )
    return np.asarray(found, np.float32).reshape(size[1], size[0], -1)


def soft_mask(size: int) -> Float32[np.ndarray, "s s 1"]:
    """How far a crop of `size` pixels counts: 1 in its middle, 0 at its border."""
    middles = (np.arange(size) + 0.5) / size
    inside = smoothstep((np.minimum(middles, 1 - middles) - RIM) / FADE)
    return np.asarray(np.minimum(inside[:, None], inside[None])[..., None], np.float32)


def pasted(
    picture: Float32[np.ndarray, "h w 4"],
    crop: Float32[np.ndarray, "s s 4"],
    crop_from_picture: Float[np.ndarray, "3 3"],
) -> Float32[np.ndarray, "h w 4"]:
    """The picture with the crop in its place; bit for bit itself where the crop's mask is 0."""
    size = (picture.shape[1], picture.shape[0])
    picture_from_crop = np.linalg.inv(crop_from_picture)
    mask = resampled(soft_mask(len(crop)), picture_from_crop, size, (0.0,))
    placed = resampled(crop, picture_from_crop, size, (1.0, 1.0, 1.0, 0.0))
    return np.asarray(picture + mask * (placed - picture), np.float32)
