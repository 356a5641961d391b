"""Compiled colours from spherical harmonics, forward and backward; each splat by itself, in float64 inside.

Source: Sloan 2013 (efficient evaluation), signs as in Kerbl et al. 2023.
"""

import math
from typing import Any

import numpy as np
from numba import prange
from numpy.typing import NDArray

from facecraft4d.toolkit.splatting.compiling import BLOCK, helper, kernel

Array = NDArray[Any]


@helper
def _harmonics(x: float, y: float, z: float, degree: int, value: Array, slope: Array) -> None:
    """The first (degree + 1)**2 real harmonics and their derivatives in x, y, z (Sloan 2013, signs as in 3DGS)."""
    value[0] = 0.28209479177387814
    if degree > 0:
        _first(x, y, z, value, slope)
    if degree > 1:
        _second(x, y, z, value, slope)
    if degree > 2:
        _third(x, y, z, value, slope)


@helper
def _set(value: Array, slope: Array, i: int, scale: float, v: float, dx: float, dy: float, dz: float) -> None:
    value[i], slope[i, 0], slope[i, 1], slope[i, 2] = scale * v, scale * dx, scale * dy, scale * dz


@helper
def _first(x: float, y: float, z: float, value: Array, slope: Array) -> None:
    c = 0.4886025119029199
    _set(value, slope, 1, -c, y, 0, 1, 0)
    _set(value, slope, 2, c, z, 0, 0, 1)
    _set(value, slope, 3, -c, x, 1, 0, 0)


@helper
def _second(x: float, y: float, z: float, value: Array, slope: Array) -> None:
    c = 1.0925484305920792
    _set(value, slope, 4, c, x * y, y, x, 0)
    _set(value, slope, 5, -c, y * z, 0, z, y)
    _set(value, slope, 6, 0.31539156525252005, 3 * z * z - 1, 0, 0, 6 * z)
    _set(value, slope, 7, -c, x * z, z, 0, x)
    _set(value, slope, 8, 0.5 * c, x * x - y * y, 2 * x, -2 * y, 0)


@helper
def _third(x: float, y: float, z: float, value: Array, slope: Array) -> None:
    xx, yy, zz = x * x, y * y, z * z
    a, b, c = 0.5900435899266435, 2.890611442640554, 0.4570457994644658
    _set(value, slope, 9, -a, y * (3 * xx - yy), 6 * x * y, 3 * (xx - yy), 0)
    _set(value, slope, 10, b, x * y * z, y * z, x * z, x * y)
    _set(value, slope, 11, c, y * (1 - 5 * zz), 0, 1 - 5 * zz, -10 * y * z)
    _set(value, slope, 12, 0.3731763325901154, z * (5 * zz - 3), 0, 0, 15 * zz - 3)
    _set(value, slope, 13, c, x * (1 - 5 * zz), 1 - 5 * zz, 0, -10 * x * z)
    _set(value, slope, 14, 0.5 * b, z * (xx - yy), 2 * x * z, -2 * y * z, xx - yy)
    _set(value, slope, 15, -a, x * (xx - 3 * yy), 3 * (xx - yy), -6 * x * y, 0)


@kernel
def shade(ids: Array, means: Array, coefficients: Array, camera: Array, degree: int, colors: Array) -> None:
    """colors [m, 3] = max(0, 0.5 + harmonics towards means[ids] [n, 3] from `camera` [3]); coefficients [n, k, 3]."""
    m = len(ids)
    for block in prange((m + BLOCK - 1) // BLOCK):
        value, slope = np.zeros(16), np.zeros((16, 3))
        for e in range(block * BLOCK, min(m, (block + 1) * BLOCK)):
            i = ids[e]
            x, y, z = means[i, 0] - camera[0], means[i, 1] - camera[1], means[i, 2] - camera[2]
            n = max(math.sqrt(x * x + y * y + z * z), 1e-12)
            _harmonics(x / n, y / n, z / n, degree, value, slope)
            for channel in range(3):
                color = 0.5
                for j in range((degree + 1) ** 2):
                    color += value[j] * coefficients[i, j, channel]
                colors[e, channel] = max(color, 0.0)


@kernel
def shade_backward(
    ids: Array,
    means: Array,
    coefficients: Array,
    camera: Array,
    degree: int,
    colors: Array,
    gradient: Array,
    outputs: Any,
) -> Array:
    """Add to outputs (means [n, 3], coefficients [n, k, 3]); returns the gradient of the camera's position [3]."""
    m = len(ids)
    blocks = (m + BLOCK - 1) // BLOCK
    eyes = np.zeros((blocks, 3))
    for block in prange(blocks):
        value, slope, towards = np.zeros(16), np.zeros((16, 3)), np.zeros(3)
        for e in range(block * BLOCK, min(m, (block + 1) * BLOCK)):
            i = ids[e]
            x, y, z = means[i, 0] - camera[0], means[i, 1] - camera[1], means[i, 2] - camera[2]
            n = max(math.sqrt(x * x + y * y + z * z), 1e-12)
            x, y, z = x / n, y / n, z / n
            _harmonics(x, y, z, degree, value, slope)
            towards[:] = 0
            for channel in range(3):
                g = gradient[e, channel] if colors[e, channel] > 0 else gradient[e, channel] * 0
                for j in range((degree + 1) ** 2):
                    outputs[1][i, j, channel] += value[j] * g
                    for axis in range(3):
                        towards[axis] += slope[j, axis] * coefficients[i, j, channel] * g
            along = towards[0] * x + towards[1] * y + towards[2] * z
            for axis in range(3):
                step = (towards[axis] - along * (x, y, z)[axis]) / n
                outputs[0][i, axis] += step
                eyes[block, axis] -= step
    total = np.zeros(3)
    for block in range(blocks):
        total += eyes[block]
    return total
