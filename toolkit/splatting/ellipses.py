"""Compiled projection of Gaussians to the ellipses that a graphics driver fills; shaders/project.glsl is its twin on the card.

A row has twelve numbers: centre in pixels, reach in standard deviations to where the splat fades out (0: not drawn), camera z; the two half axes
of the ellipse where it fades out, pixels; colour, opacity.
"""

import math
from typing import Any

import numpy as np
from numba import prange
from numpy.typing import NDArray

from facecraft4d.toolkit.splatting.compiling import BLOCK, helper, kernel
from facecraft4d.toolkit.splatting.projection import splat_on_picture
from facecraft4d.toolkit.splatting.settings import Settings

Array = NDArray[Any]

NUMBERS = 12
"""Of a row."""


@helper
def _axes(a: float, b: float, d: float, reach: float, s: Settings) -> Any:
    """Half axes of the covariance (a, b; b, d), `reach` standard deviations long, the longer first."""
    middle, half = 0.5 * (a + d), 0.5 * (a - d)
    spread = math.sqrt(half * half + b * b)
    major, minor = middle + spread, max(middle - spread, s.eps2d)
    x, y = (major - d, b) if a >= d else (b, major - a)
    length = math.sqrt(x * x + y * y)
    x, y = (x / length, y / length) if length > 0 else (1.0, 0.0)
    long, short = reach * math.sqrt(major), reach * math.sqrt(minor)
    return long * x, long * y, -short * y, short * x


@helper
def _ellipse(i: int, inputs: Any, colors: Array, v: Array, k: Array, s: Settings, row: Array) -> None:
    row[2] = 0
    px, py, z, a, b, d, _, opacity, rx, ry = splat_on_picture(i, inputs, v, k, s)
    if rx <= 0 or ry <= 0:
        return
    reach = math.sqrt(2 * math.log(opacity / s.alpha_cutoff))
    row[0], row[1], row[2], row[3] = px, py, reach, z
    row[4], row[5], row[6], row[7] = _axes(a, b, d, reach, s)
    for channel in range(3):
        row[8 + channel] = max(colors[i, channel], np.float32(0))
    row[11] = opacity


@kernel
def ellipses(inputs: Any, colors: Array, viewmat: Array, intrinsics: Array, s: Settings, rows: Array) -> None:
    """Fill `rows` [n, 12] for one camera; inputs, viewmat and intrinsics as `projection.project` takes them."""
    n = len(rows)
    for block in prange((n + BLOCK - 1) // BLOCK):
        for i in range(block * BLOCK, min(n, (block + 1) * BLOCK)):
            _ellipse(i, inputs, colors, viewmat, intrinsics, s, rows[i])
