"""Multi-band blending: fine detail crosses a seam sharply, colour crosses it slowly (Burt and Adelson 1983)."""

import cv2
import numpy as np
from jaxtyping import Float32

BANDS = (0.004, 0.008, 0.016, 0.032, 0.064)
"""Standard deviations of the smoothing between bands, in image heights."""

FINEST_DEVIATION = 2.0
"""Pixels of standard deviation that a smoothing on a smaller picture keeps at least."""

FULL_AT = 0.5
"""A band is taken fully where this share of its neighbourhood is warped; colour reaches about one deviation past the seam."""


def blend(
    coarse: Float32[np.ndarray, "h w 3"],
    warped: Float32[np.ndarray, "h w 3"],
    weight: Float32[np.ndarray, "h w"],
    mask: Float32[np.ndarray, "h w"],
) -> Float32[np.ndarray, "h w 3"]:
    """Add to `coarse` its difference to `warped`, band by band; coarser bands spread farther past the weight's border.

    Where the difference is not known it is continued from where it is (normalised convolution), so the coarse picture next to a
    seam takes on the warped picture's colour. Weight 0 everywhere gives `coarse`, weight 1 everywhere gives `warped`.
    `mask` keeps the background as it is.
    """
    difference = (warped - coarse) * (weight > 0)[..., None]
    finer, share = difference, weight
    correction = np.zeros_like(coarse)
    for deviation in BANDS:
        smooth = smoothed(np.dstack([difference * weight[..., None], weight]), deviation * len(weight))
        known = smooth[..., 3]
        coarser = smooth[..., :3] / np.maximum(known, 1e-4)[..., None]
        correction += share[..., None] * (finer - coarser)
        finer, share = coarser, np.minimum(known / FULL_AT, 1)
    correction += share[..., None] * finer
    return np.asarray(np.clip(coarse + correction * mask[..., None], 0, 1), np.float32)


def smoothed(values: Float32[np.ndarray, "h w c"], deviation: float) -> Float32[np.ndarray, "h w c"]:
    """Gaussian smoothing; wide ones are done on a smaller picture, where they cost as little as narrow ones."""
    height, width = values.shape[:2]
    shrink = 1 << max(0, int(np.log2(max(deviation / FINEST_DEVIATION, 1))))
    if shrink == 1:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), deviation))
    small = cv2.resize(values, (-(-width // shrink), -(-height // shrink)), interpolation=cv2.INTER_AREA)
    narrow = cv2.GaussianBlur(small, (0, 0), deviation / shrink)
    return np.asarray(cv2.resize(narrow, (width, height), interpolation=cv2.INTER_LINEAR))
