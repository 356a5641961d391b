"""How rough hair is: lumps as of curls, as high as the photograph's outline tells."""

import numpy as np
import scipy.ndimage
import scipy.special
from jaxtyping import Bool, Float, Float64
from scipy.spatial import cKDTree

_WIDTH = 0.008
"""Metres of the smoothing that takes curls off an outline: a quarter of the distance from one to the next."""
_WISP = 0.002
"""Metres of the smoothing that takes single strands off: they cast no shade."""
_CALM = 0.0007
"""Metres (standard deviation) by which outlines of hair without curls differ from their smoothed ones: curvature, and locks."""
_GAIN = 6.0
"""Height of lumps (standard deviation) for what an outline differs more: it sees only the outermost, and they are smoothed as well."""
_SPACING = 0.02
"""Metres between lumps: three rays, the finest that the grid can hold."""
_QUARTILES = 1.35
"""Standard deviations of a normal distribution between its quartiles."""


def departure(inside: Bool[np.ndarray, "h w"], pixels_per_metre: float) -> Float64[np.ndarray, "h w"]:
    """Metres within the smoothed outline of a mask, near it: what is left of a straight border after a Gaussian tells its distance."""
    soft = scipy.ndimage.gaussian_filter(inside.astype(np.float64), _WIDTH * pixels_per_metre, mode="nearest")
    return np.asarray(_WIDTH * np.sqrt(2) * scipy.special.erfinv(np.clip(2 * soft - 1, -0.99, 0.99)))


def lump_height(border: Float[np.ndarray, "h w"], valid: Float[np.ndarray, "h w"], pixels_per_metre: float) -> float:
    """How high lumps are (metres, standard deviation), by the outline of hair: 0 for hair that lies smooth.

    `border` is the distance in pixels within the matte, `valid` 1 where its border is one of hair.
    """
    inside = scipy.ndimage.gaussian_filter((border > 0).astype(np.float64), _WISP * pixels_per_metre) > 0.5
    outline = inside & ~scipy.ndimage.binary_erosion(inside, border_value=1) & (valid > 0.5)
    if not outline.any():
        return 0.0
    low, high = np.quantile(departure(border > 0, pixels_per_metre)[outline], (0.25, 0.75))
    return float(max(_GAIN * ((high - low) / _QUARTILES - _CALM), 0.0))


def lumps(points: Float64[np.ndarray, "r c 3"], rng: np.random.Generator) -> Float64[np.ndarray, "r c"]:
    """Rounded lumps with creases between them on a surface: mean 0, standard deviation 1.

    Each point is as low as the squared distance to the nearest of scattered middles (Worley 1996).
    """
    flat = points.reshape(-1, 3)
    cells = np.floor((flat + rng.random(3)) / _SPACING).astype(np.int64)
    order = rng.permutation(len(cells))
    middles = flat[order[np.unique(cells[order], axis=0, return_index=True)[1]]]
    distance, _ = cKDTree(middles).query(flat)
    return np.asarray((np.mean(distance**2) - distance**2) / np.std(distance**2)).reshape(points.shape[:2])
