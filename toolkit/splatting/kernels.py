"""Compiled compositing of projected Gaussians, forward and backward, tile by tile.

A pair is one splat in one tile of 16 x 16 pixels. Pairs are sorted by tile (counting sort) and, within it, by depth. The
backward pass walks each tile from its last used pair to its first, restores the transmittance by division, and writes the
gradients of a pair to the pair's own place; they are added up splat by splat. No result depends on the threads' timing.
Source: Kerbl et al. 2023, section 6; Radl et al. 2024 (opacity-aware extents); the thresholds are gsplat 1.5.3's.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import prange
from numpy.typing import NDArray

from facecraft4d.toolkit.splatting import simd
from facecraft4d.toolkit.splatting.compiling import helper, kernel, serial
from facecraft4d.toolkit.splatting.settings import TILE, Settings

Array = NDArray[Any]
PIXELS = TILE * TILE
ENTRY, SLOT, ROW_BEGIN, ROW_END = 0, 1, 2, 3
"""Columns of a pair: which splat, where its gradients go, rows of the tile it touches."""
CHANNELS = (1, 3, 4, 6)
"""Numbers of channels that kernels are specialised for; others are drawn in parts."""
BLOCK = 512


class Bins(NamedTuple):
    """Which splats touch which tiles."""

    geometry: Array
    """[m, 6]: mean x, y; conic as -A/2, -B, -C/2 (factors of dx^2, dx dy, dy^2 in the exponent); opacity."""
    first_slot: Array
    """[m + 1]: where each splat's pairs begin in the order of splats."""
    first_pair: Array
    """[tiles + 1]: where each tile's pairs begin in `pairs`."""
    slots: Array
    """[slots, 3] tile (-1: missed after all), first row, end row of each splat's pairs in the order of splats."""
    pairs: Array
    """[p, 4] int32, see ENTRY and following."""
    tile_order: Array
    """Tiles dealt out so that each thread gets as much work as the others."""


class Traces(NamedTuple):
    """What the backward pass needs of the forward pass, per tile and pixel."""

    transmittance: Array
    """[tiles * 256] what is left behind the last splat."""
    stop: Array
    """[tiles * 256] index in the tile's list of the first pair that no longer counted."""
    used: Array
    """[tiles] how many of its pairs a tile looked at."""


@serial
def depth_order(depths: Array) -> Array:
    """Stable ascending order of float32 depths [m] (radix sort of their bits, three passes)."""
    n = len(depths)
    keys = depths.view(np.uint32).copy()
    for i in range(n):
        keys[i] = ~keys[i] if keys[i] >> np.uint32(31) else keys[i] | np.uint32(0x80000000)
    order, other = np.arange(n).astype(np.int32), np.empty(n, np.int32)
    for shift in (0, 11, 22):
        begin = np.zeros(2049, np.int64)
        for i in range(n):
            begin[((keys[i] >> np.uint32(shift)) & np.uint32(2047)) + 1] += 1
        for b in range(2048):
            begin[b + 1] += begin[b]
        for k in range(n):
            b = (keys[order[k]] >> np.uint32(shift)) & np.uint32(2047)
            other[begin[b]] = order[k]
            begin[b] += 1
        order, other = other, order
    return order


@helper
def _tile_box(x: float, y: float, rx: int, ry: int, s: Settings) -> Any:
    """First and one past the last tile, horizontally and vertically, of the box around a splat."""
    wide, high = (s.width + TILE - 1) // TILE, (s.height + TILE - 1) // TILE
    x0, x1 = math.floor((x - rx) / TILE), math.ceil((x + rx) / TILE)
    y0, y1 = math.floor((y - ry) / TILE), math.ceil((y + ry) / TILE)
    clip_x0, clip_x1 = int(min(max(x0, 0), wide)), int(min(max(x1, 0), wide))
    clip_y0, clip_y1 = int(min(max(y0, 0), high)), int(min(max(y1, 0), high))
    return clip_x0, clip_x1, clip_y0, clip_y1


@helper
def _reach(a: float, b: float, c: float, opacity: float, cutoff: float) -> Any:
    """The ellipse A x^2 + 2 B x y + C y^2 = q where the splat fades to the cut-off, a little enlarged against rounding.

    Returns q, det and the x of its top; q < 0 where the conic is too stretched to be trusted.
    """
    det = a * c - b * b
    if not det > 1e-3 * a * c:
        return -1.0, 0.0, 0.0
    q = 2 * math.log(max(opacity / cutoff, 1.0)) * 1.002 + 1e-3
    return q, det, -b / a * math.sqrt(q * a / det)


@helper
def _rows(left: float, y: float, geometry: Any, reach: Any, ry: float) -> Any:
    """Rows [begin, end) of a tile whose pixels the ellipse may touch.

    `left`, `y`: the splat's mean minus the centre of the tile's first pixel.
    """
    q, det, top_x = reach
    high, low = ry, -ry
    if q >= 0:
        b, c = geometry
        x = min(max(top_x, -left), TILE - 1 - left)
        room = c * q - det * x * x
        if room < 0:
            return 0, 0
        high = (-b * x + math.sqrt(room)) / c
        x = min(max(-top_x, -left), TILE - 1 - left)
        room = c * q - det * x * x
        if room < 0:
            return 0, 0
        low = (-b * x - math.sqrt(room)) / c
    return int(max(math.ceil(y + low), 0.0)), int(min(math.floor(y + high) + 1.0, float(TILE)))


@kernel
def _find_pairs(means2d: Array, conics: Array, opacities: Array, radii: Array, first_slot: Array, s: Settings) -> Any:
    """`geometry` [m, 6] and, for each slot, its tile and rows [slots, 3] (tile -1: the splat misses it)."""
    m, wide = len(means2d), (s.width + TILE - 1) // TILE
    geometry, slots = np.empty((m, 6), means2d.dtype), np.empty((first_slot[m], 3), np.int32)
    for block in prange((m + BLOCK - 1) // BLOCK):
        for i in range(block * BLOCK, min(m, (block + 1) * BLOCK)):
            x, y, opacity = float(means2d[i, 0]), float(means2d[i, 1]), float(opacities[i])
            a, b, c = float(conics[i, 0]), float(conics[i, 1]), float(conics[i, 2])
            geometry[i, 0], geometry[i, 1], geometry[i, 5] = means2d[i, 0], means2d[i, 1], opacities[i]
            geometry[i, 2], geometry[i, 3], geometry[i, 4] = -0.5 * a, -b, -0.5 * c
            if first_slot[i + 1] == first_slot[i]:
                continue
            reach = _reach(a, b, c, opacity, s.alpha_cutoff)
            x0, x1, y0, y1 = _tile_box(x, y, radii[i, 0], radii[i, 1], s)
            slot = first_slot[i]
            for ty in range(y0, y1):
                for tx in range(x0, x1):
                    begin, end = _rows(x - tx * TILE - 0.5, y - ty * TILE - 0.5, (b, c), reach, float(radii[i, 1]))
                    slots[slot, 0] = ty * wide + tx if begin < end else -1
                    slots[slot, 1], slots[slot, 2] = begin, end
                    slot += 1
    return geometry, slots


@serial
def _count_slots(means2d: Array, radii: Array, s: Settings) -> Array:
    first_slot = np.zeros(len(means2d) + 1, np.int64)
    for i in range(len(means2d)):
        if radii[i, 0] > 0 and radii[i, 1] > 0:
            x0, x1, y0, y1 = _tile_box(float(means2d[i, 0]), float(means2d[i, 1]), radii[i, 0], radii[i, 1], s)
            first_slot[i + 1] = (x1 - x0) * (y1 - y0)
        first_slot[i + 1] += first_slot[i]
    return first_slot


@serial
def _sort_pairs(order: Array, first_slot: Array, slots: Array, tiles: int) -> Any:
    """Counting sort by tile; splats are visited front to back, so each tile's list is in depth order."""
    first_pair = np.zeros(tiles + 1, np.int64)
    for slot in range(len(slots)):
        if slots[slot, 0] >= 0:
            first_pair[slots[slot, 0] + 1] += 1
    for tile in range(tiles):
        first_pair[tile + 1] += first_pair[tile]
    place, pairs = first_pair[:-1].copy(), np.empty((first_pair[tiles], 4), np.int32)
    for entry in order:
        for slot in range(first_slot[entry], first_slot[entry + 1]):
            tile = slots[slot, 0]
            if tile >= 0:
                p = place[tile]
                place[tile] = p + 1
                pairs[p, 0], pairs[p, 1], pairs[p, 2], pairs[p, 3] = entry, slot, slots[slot, 1], slots[slot, 2]
    return first_pair, pairs


def bin_splats(
    means2d: Array, conics: Array, depths: Array, opacities: Array, radii: Array, s: Settings, threads: int
) -> Bins:
    """Sort projected splats (of one camera) into tiles, front to back."""
    order = depth_order(depths) if depths.dtype == np.float32 else np.argsort(depths, kind="stable").astype(np.int32)
    first_slot = _count_slots(means2d, radii, s)
    geometry, slots = _find_pairs(means2d, conics, opacities, radii, first_slot, s)
    tiles = -(-s.width // TILE) * -(-s.height // TILE)
    first_pair, pairs = _sort_pairs(order, first_slot, slots, tiles)
    heaviest_first = np.argsort(-np.diff(first_pair), kind="stable")
    dealt = np.concatenate([heaviest_first[thread::threads] for thread in range(threads)])
    return Bins(geometry, first_slot, first_pair, slots, pairs, dealt)


@helper
def _tile_pixels(tile: int, width: int, like: Array) -> Any:
    """First column and row of a tile and the centres of its sixteen columns and rows, in the precision of `like`."""
    wide = (width + TILE - 1) // TILE
    x0, y0 = (tile % wide) * TILE, (tile // wide) * TILE
    x, y = np.empty(TILE, like.dtype), np.empty(TILE, like.dtype)
    for i in range(TILE):
        x[i], y[i] = x0 + i + 0.5, y0 + i + 0.5
    return x0, y0, x, y


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
def blend(
    bins: Bins, colors: Array, background: Array, channels: Any, s: Settings, image: Array, alpha: Array
) -> Traces:
    """Fill image [h, w, d] and alpha [h, w]; `channels` is a tuple of d zeros (its length specialises the kernel)."""
    tiles = len(bins.tile_order)
    dtype = bins.geometry.dtype
    traces = Traces(np.empty(tiles * PIXELS, dtype), np.empty(tiles * PIXELS, dtype), np.empty(tiles, np.int64))
    for k in prange(tiles):
        _blend_tile(bins.tile_order[k], bins, colors, background, channels, s, image, alpha, traces)
    return traces


@helper
def _blend_tile(
    tile: int,
    bins: Bins,
    colors: Array,
    background: Array,
    channels: Any,
    s: Settings,
    image: Array,
    alpha: Array,
    traces: Traces,
) -> None:
    x0, y0, columns, y = _tile_pixels(tile, s.width, bins.geometry)
    x = simd.load(columns, 0)
    first, n = bins.first_pair[tile], bins.first_pair[tile + 1] - bins.first_pair[tile]
    behind, stop = (
        traces.transmittance[tile * PIXELS : (tile + 1) * PIXELS],
        traces.stop[tile * PIXELS : (tile + 1) * PIXELS],
    )
    light, sums = np.empty(PIXELS, y.dtype), np.zeros(PIXELS * len(channels), y.dtype)
    work = (light, sums, behind, stop, np.empty(TILE, np.int64))
    live, used = _start_tile(x0, y0, x, s, n, work), 0
    while used < n and live > 0:
        pair = bins.pairs[first + used]
        live -= _blend_splat(used, pair, bins, colors[pair[ENTRY]], channels, s, x, y, work)
        used += 1
    traces.used[tile] = used
    for row in range(min(TILE, s.height - y0)):
        for column in range(min(TILE, s.width - x0)):
            at = row * TILE + column
            if light[at] > 0:
                behind[at] = light[at]
            alpha[y0 + row, x0 + column] = 1 - behind[at]
            for channel in range(len(channels)):
                image[y0 + row, x0 + column, channel] = sums[channel * PIXELS + at] + behind[at] * background[channel]


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
    moment_x, moment_y = simd.total(sum_0 * dx), simd.total(sum_y)
    out[0] = -(2 * half_a * moment_x + minus_b * moment_y)
    out[1] = -(2 * half_c * moment_y + minus_b * moment_x)
    out[2] = -0.5 * simd.total(sum_0 * dx * dx)
    out[3] = -simd.total(sum_y * dx)
    out[4] = -0.5 * simd.total(sum_yy)
    out[5] = simd.total(sum_0) / opacity
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
    x0, y0, columns, y = _tile_pixels(tile, s.width, bins.geometry)
    x = simd.load(columns, 0)
    first, n = bins.first_pair[tile], bins.first_pair[tile + 1] - bins.first_pair[tile]
    span = slice(tile * PIXELS, (tile + 1) * PIXELS)
    light, stop = traces.transmittance[span].copy(), traces.stop[span]
    rest, planes = np.zeros(PIXELS, y.dtype), np.zeros(PIXELS * len(channels), y.dtype)
    tints = np.empty(TILE * len(channels), y.dtype)
    work = (light, rest, planes, stop, tints, np.empty(TILE, np.int64))
    _start_tile_back(x0, y0, s, channels, given, background, work)
    for index in range(n - 1, -1, -1):
        pair = bins.pairs[first + index]
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
