"""Multi-band blending: fine detail crosses a seam sharply, colour crosses it slowly (Burt and Adelson 1983)."""

import numpy as np
from jaxtyping import Float32

from facecraft4d.toolkit.images import weighted_blur

BANDS = (0.004, 0.008, 0.016, 0.032, 0.064)
"""Standard deviations of the smoothing between bands, in image heights."""

FULL_AT = 0.5
"""A band is taken fully where this share of its neighbourhood is warped; colour reaches about one deviation past the seam."""


def multiband_blend(
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
        coarser, known = weighted_blur(difference, weight, deviation * len(weight))
        correction += share[..., None] * (finer - coarser)
        finer, share = coarser, np.minimum(known / FULL_AT, 1)
    correction += share[..., None] * finer
    return np.asarray(np.clip(coarse + correction * mask[..., None], 0, 1), np.float32)
