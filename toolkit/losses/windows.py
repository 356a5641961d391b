"""SSIM's compiled inner loops: four windowed sums a pixel in one pass over the pictures, and their adjoint.

As convolutions they took more than half of a training step at 512 pixels. Rows are independent, so results do not depend on the number
of threads.
"""

from typing import no_type_check

import numpy as np
from numba import njit, prange


@njit(cache=True, inline="always")
@no_type_check
def _add(weight, values, total):
    """`total` += `weight` * `values`, rows of one length."""
    for x in range(len(total)):
        total[x] += weight * values[x]


@njit(cache=True, inline="always")
@no_type_check
def _along_row(window, columns, row):
    """Slide the window along `columns` [w + taps - 1] into `row` [w]."""
    row[:] = 0
    for tap in range(len(window)):
        _add(window[tap], columns[tap : tap + len(row)], row)


@njit(cache=True, parallel=True, error_model="numpy")
@no_type_check
def compare(first, second, window, constants, sums, slopes):
    """SSIM of `first` and `second` [n, h, w]: its sum over each row into `sums` [n, h], and into `slopes` [3, n, h, w] its derivatives by
    the windowed means of first, of first² + second², of first * second. `constants`: C1, C2. Beyond the border all is 0."""
    planes, height, width = first.shape
    c1, c2 = constants
    half = len(window) // 2
    for line in prange(planes * height):
        plane, y = line // height, line % height
        columns, row = np.zeros((4, width + 2 * half), first.dtype), np.empty((4, width), first.dtype)
        inside = columns[:, half : half + width]
        means_a, means_b, squares, products = inside[0], inside[1], inside[2], inside[3]
        for tap in range(max(half - y, 0), min(height - y + half, len(window))):
            weight = window[tap]
            one, other = first[plane, y + tap - half], second[plane, y + tap - half]
            for x in range(width):
                a, b = one[x], other[x]
                means_a[x] += weight * a
                means_b[x] += weight * b
                squares[x] += weight * (a * a + b * b)
                products[x] += weight * (a * b)
        for quantity in range(4):
            _along_row(window, columns[quantity], row[quantity])
        for x in range(width):
            a, b, squares, product = row[0, x], row[1, x], row[2, x], row[3, x]
            means = a * a + b * b + c1
            spreads = squares - a * a - b * b + c2
            luminance, structure = (a * b + a * b + c1) / means, (product - a * b + product - a * b + c2) / spreads
            row[0, x] = luminance * structure
            half_slope = structure * (b - luminance * a) / means + luminance * (structure * a - b) / spreads
            slopes[0, plane, y, x] = half_slope + half_slope
            slopes[1, plane, y, x] = -luminance * structure / spreads
            slopes[2, plane, y, x] = (luminance + luminance) / spreads
        total = 0.0
        for x in range(width):
            total += row[0, x]
        sums[plane, y] = total


@njit(cache=True, parallel=True, error_model="numpy")
@no_type_check
def descend(first, second, window, slopes, gradient):
    """What `compare` found as the derivative by `first`, summed over all pixels, into `gradient` [n, h, w]."""
    planes, height, width = first.shape
    half = len(window) // 2
    for line in prange(planes * height):
        plane, y = line // height, line % height
        columns, row = np.zeros((3, width + 2 * half), first.dtype), np.empty((3, width), first.dtype)
        for tap in range(max(half - y, 0), min(height - y + half, len(window))):
            for quantity in range(3):
                _add(window[tap], slopes[quantity, plane, y + tap - half], columns[quantity, half : half + width])
        for quantity in range(3):
            _along_row(window, columns[quantity], row[quantity])
        for x in range(width):
            a, b = first[plane, y, x], second[plane, y, x]
            gradient[plane, y, x] = row[0, x] + (a + a) * row[1, x] + b * row[2, x]
