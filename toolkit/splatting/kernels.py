"""Compiled compositing of projected Gaussians, forward and backward, tile by tile.

The backward pass walks each tile from its last used pair to its first, restores the transmittance by division, and writes the
gradients of a pair to the pair's own place; they are added up splat by splat. No result depends on the threads' timing.
Source: Kerbl et al. 2023, section 6; the thresholds are gsplat 1.5.3's.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import prange
from numpy.typing import NDArray

from facecraft4d.toolkit.splatting import simd
from facecraft4d.toolkit.splatting.binning import ENTRY, ROW_BEGIN, ROW_END, SLOT, Bins
from facecraft4d.toolkit.splatting.compiling import BLOCK, helper, kernel
from facecraft4d.toolkit.splatting.settings import TILE, Settings

Array = NDArray[Any]
PIXELS = TILE * TILE
CHANNELS = (1, 3, 4, 6)
"""Numbers of channels that kernels are specialised for; others are drawn in parts."""


class Traces(NamedTuple):
    """What the backward pass needs of the forward pass, per tile and pixel."""

    transmittance: Array
    """[tiles * 256] what is left behind the last splat."""
    stop: Array
    """[tiles * 256] index in the tile's list of the first pair that no longer counted."""
    used: Array
    """[tiles] how many of its pairs a tile looked at."""


@helper
def _open_tile(tile: int, bins: Bins, s: Settings) -> Any:
    """First column and row, centres of the sixteen columns (vector) and rows, place among all tiles' pixels, pairs."""
    wide = (s.width + TILE - 1) // TILE
    x0, y0 = (tile % wide) * TILE, (tile // wide) * TILE
    x, y = np.empty(TILE, bins.geometry.dtype), np.empty(TILE, bins.geometry.dtype)
    for i in range(TILE):
        x[i], y[i] = x0 + i + 0.5, y0 + i + 0.5
    pixels = slice(tile * PIXELS, (tile + 1) * PIXELS)
    return x0, y0, simd.load(x, 0), y, pixels, bins.pairs[bins.first_pair[tile] : bins.first_pair[tile + 1]]


@helper
def _exponent(square: Any, cross: Any, half_c: Any, dy: Any) -> Any:
    """-(A dx^2 + 2 B dx dy + C dy^2) / 2 along a row, from the splat's square = -A/2 dx^2 and cross = -B dx."""
    return simd.fma(cross + half_c * dy, dy, square)


@helper
def _start_tile(x0: int, y0: int, x: Any, s: Settings, n: int, tile: Any) -> int:
    """Transmittance 1 inside the image and 0 outside; returns the number of pixels inside, in all and by row."""
    light, _, behind, stop, live_in_row = tile
    live = 0
    for row in range(TILE):
        inside = simd.select((x < s.width) & (x * 0.0 + (y0 + row) < s.height), x * 0.0 + 1.0, 0.0)
        live_in_row[row] = simd.count(inside > 0.0)
        live += live_in_row[row]
        simd.store(light, row * TILE, inside)
        simd.store(behind, row * TILE, x * 0.0)
        simd.store(stop, row * TILE, inside * n)
    return live


@helper
def _blend_splat(
    index: int, pair: Array, bins: Bins, color: Array, channels: Any, s: Settings, x: Any, y: Array, tile: Any
) -> int:
    """Add one pair to the tile's light and colours; returns how many pixels it finished."""
    light, sums, behind, stop, live_in_row = tile
    g = bins.geometry[pair[ENTRY]]
    half_c, opacity, mean_y = g[4], g[5], g[1]
    dx = x - g[0]
    square, cross, finished = dx * dx * g[2], dx * g[3], 0
    for row in range(pair[ROW_BEGIN], pair[ROW_END]):
        if live_in_row[row] == 0:
            continue
        at = row * TILE
        through = simd.load(light, at)
        exponent = _exponent(square, cross, half_c, y[row] - mean_y)
        alpha = simd.exp(exponent) * opacity
        alpha = simd.select((exponent <= 0.0) & (alpha >= s.alpha_cutoff), alpha, 0.0)
        alpha = simd.select(alpha < s.alpha_max, alpha, s.alpha_max)
        weight = alpha * through
        after = through - weight
        ending = (after <= s.transmittance_stop) & (through > 0.0)
        if simd.count(ending) > 0:
            ended = simd.count(ending)
            finished += ended
            live_in_row[row] -= ended
            simd.store(behind, at, simd.select(ending, through, simd.load(behind, at)))
            simd.store(stop, at, simd.select(ending, index, simd.load(stop, at)))
            weight, after = simd.select(ending, 0.0, weight), simd.select(ending, 0.0, after)
        simd.store(light, at, after)
        for channel in range(len(channels)):
            place = channel * PIXELS + at
            simd.store(sums, place, simd.fma(weight, color[channel], simd.load(sums, place)))
    return finished


@kernel
def blend(bins: Bins, colors: Array, background: Array, channels: Any, s: Settings, picture: Array) -> Traces:
    """Fill picture [h, w, d + 1], colours and behind them alpha; `channels` is a tuple of d zeros (its length specialises the kernel)."""
    tiles = len(bins.tile_order)
    dtype = bins.geometry.dtype
    traces = Traces(np.empty(tiles * PIXELS, dtype), np.empty(tiles * PIXELS, dtype), np.empty(tiles, np.int64))
    for k in prange(tiles):
        _blend_tile(bins.tile_order[k], bins, colors, background, channels, s, picture, traces)
    return traces


@helper
def _blend_tile(
    tile: int,
    bins: Bins,
    colors: Array,
    background: Array,
    channels: Any,
    s: Settings,
    picture: Array,
    traces: Traces,
) -> None:
    x0, y0, x, y, pixels, pairs = _open_tile(tile, bins, s)
    behind, stop = traces.transmittance[pixels], traces.stop[pixels]
    light, sums = np.empty(PIXELS, y.dtype), np.zeros(PIXELS * len(channels), y.dtype)
    work = (light, sums, behind, stop, np.empty(TILE, np.int64))
    live, used = _start_tile(x0, y0, x, s, len(pairs), work), 0
    while used < len(pairs) and live > 0:
        pair = pairs[used]
        live -= _blend_splat(used, pair, bins, colors[pair[ENTRY]], channels, s, x, y, work)
        used += 1
    traces.used[tile] = used
    for row in range(min(TILE, s.height - y0)):
        for column in range(min(TILE, s.width - x0)):
            at = row * TILE + column
            if light[at] > 0:
                behind[at] = light[at]
            picture[y0 + row, x0 + column, len(channels)] = 1 - behind[at]
            for channel in range(len(channels)):
                picture[y0 + row, x0 + column, channel] = sums[channel * PIXELS + at] + behind[at] * background[channel]


@helper
def _start_tile_back(x0: int, y0: int, s: Settings, channels: Any, given: Any, background: Array, tile: Any) -> None:
    """The gradients of the tile's pixels as planes, and what a brighter background behind everything would change."""
    light, rest, planes, stop, _, row_stop = tile
    to_image, to_alpha = given
    row_stop[:] = 0
    for row in range(min(TILE, s.height - y0)):
        for column in range(min(TILE, s.width - x0)):
            at = row * TILE + column
            through = -to_alpha[y0 + row, x0 + column]
            for channel in range(len(channels)):
                planes[channel * PIXELS + at] = to_image[y0 + row, x0 + column, channel]
                through += background[channel] * to_image[y0 + row, x0 + column, channel]
            rest[at] = light[at] * through
            row_stop[row] = max(row_stop[row], int(stop[at]))


@helper
def _write_moments(out: Array, g: Array, dx: Any, sum_0: Any, sum_y: Any, sum_yy: Any) -> None:
    """Gradients of mean, conic and opacity from the exponent's gradient summed over rows, alone and times dy, dy^2."""
    moment_x, moment_y = simd.total(sum_0 * dx), simd.total(sum_y)
    out[0] = -(2 * g[2] * moment_x + g[3] * moment_y)
    out[1] = -(2 * g[4] * moment_y + g[3] * moment_x)
    out[2] = -0.5 * simd.total(sum_0 * dx * dx)
    out[3] = -simd.total(sum_y * dx)
    out[4] = -0.5 * simd.total(sum_yy)
    out[5] = simd.total(sum_0) / g[5]


@helper
def _blend_splat_back(
    index: int,
    pair: Array,
    bins: Bins,
    color: Array,
    channels: Any,
    s: Settings,
    x: Any,
    y: Array,
    tile: Any,
    out: Array,
) -> None:
    """Gradients of one pair: mean x, y; conic A, B, C; opacity; colours; with room for it, the absolute ones of the mean."""
    light, rest, planes, stop, tints, row_stop = tile
    g = bins.geometry[pair[ENTRY]]
    half_a, minus_b, half_c, opacity, mean_y = g[2], g[3], g[4], g[5], g[1]
    dx = x - g[0]
    square, cross = dx * dx * half_a, dx * minus_b
    zero = x * 0.0
    sum_0, sum_y, sum_yy, abs_x, abs_y = zero, zero, zero, zero, zero
    for channel in range(len(channels)):
        simd.store(tints, channel * TILE, zero)
    for row in range(pair[ROW_BEGIN], pair[ROW_END]):
        if row_stop[row] <= index:
            continue
        at = row * TILE
        dy = y[row] - mean_y
        exponent = _exponent(square, cross, half_c, dy)
        raw = simd.exp(exponent) * opacity
        counts = (exponent <= 0.0) & (raw >= s.alpha_cutoff) & (simd.load(stop, at) > index)
        raw = simd.select(counts, raw, 0.0)
        alpha = simd.select(raw < s.alpha_max, raw, s.alpha_max)
        share = 1.0 / (1.0 - alpha)
        through = simd.load(light, at) * share
        weight, lit = alpha * through, zero
        for channel in range(len(channels)):
            given = simd.load(planes, channel * PIXELS + at)
            lit = simd.fma(given, color[channel], lit)
            simd.store(tints, channel * TILE, simd.fma(weight, given, simd.load(tints, channel * TILE)))
        remaining = simd.load(rest, at)
        to_exponent = simd.select(raw <= s.alpha_max, (through * lit - remaining * share) * raw, 0.0)
        simd.store(light, at, through)
        simd.store(rest, at, simd.fma(weight, lit, remaining))
        along = to_exponent * dy
        sum_0, sum_y, sum_yy = sum_0 + to_exponent, sum_y + along, simd.fma(along, dy, sum_yy)
        if len(out) > 6 + len(channels):
            along_x = to_exponent * (dx * (half_a + half_a) + minus_b * dy)
            along_y = to_exponent * (cross + (half_c + half_c) * dy)
            abs_x = abs_x + simd.select(along_x < 0.0, 0.0 - along_x, along_x)
            abs_y = abs_y + simd.select(along_y < 0.0, 0.0 - along_y, along_y)
    _write_moments(out, g, dx, sum_0, sum_y, sum_yy)
    for channel in range(len(channels)):
        out[6 + channel] = simd.total(simd.load(tints, channel * TILE))
    if len(out) > 6 + len(channels):
        out[6 + len(channels)], out[7 + len(channels)] = simd.total(abs_x), simd.total(abs_y)


@helper
def _blend_tile_back(
    tile: int,
    bins: Bins,
    colors: Array,
    background: Array,
    channels: Any,
    s: Settings,
    traces: Traces,
    given: Any,
    out: Array,
) -> None:
    x0, y0, x, y, pixels, pairs = _open_tile(tile, bins, s)
    light, stop = traces.transmittance[pixels].copy(), traces.stop[pixels]
    rest, planes = np.zeros(PIXELS, y.dtype), np.zeros(PIXELS * len(channels), y.dtype)
    tints = np.empty(TILE * len(channels), y.dtype)
    work = (light, rest, planes, stop, tints, np.empty(TILE, np.int64))
    _start_tile_back(x0, y0, s, channels, given, background, work)
    for index in range(len(pairs) - 1, -1, -1):
        pair = pairs[index]
        if index >= traces.used[tile]:
            out[pair[SLOT], :] = 0
        else:
            _blend_splat_back(index, pair, bins, colors[pair[ENTRY]], channels, s, x, y, work, out[pair[SLOT]])


@kernel
def blend_backward(
    bins: Bins, colors: Array, background: Array, channels: Any, s: Settings, traces: Traces, given: Any, absolute: bool
) -> Array:
    """Gradients [m, 6 + d (+ 2)] of each splat from given = (to_image [h, w, d], to_alpha [h, w]).

    Columns: mean x, y; conic A, B, C; opacity; colours; with `absolute` the sums of the mean's absolute ones (AbsGS).
    """
    m, columns = len(bins.geometry), 6 + len(channels) + (2 if absolute else 0)
    parts = np.empty((len(bins.slots), columns), bins.geometry.dtype)
    for k in prange(len(bins.tile_order)):
        _blend_tile_back(bins.tile_order[k], bins, colors, background, channels, s, traces, given, parts)
    sums = np.zeros((m, columns), bins.geometry.dtype)
    for block in prange((m + BLOCK - 1) // BLOCK):
        for i in range(block * BLOCK, min(m, (block + 1) * BLOCK)):
            for slot in range(bins.first_slot[i], bins.first_slot[i + 1]):
                if bins.slots[slot, 0] >= 0:
                    for column in range(columns):
                        sums[i, column] += parts[slot, column]
    return sums
