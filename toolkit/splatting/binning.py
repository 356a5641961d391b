"""Which splats touch which tiles, front to back: the sorting before `kernels` composites.

A pair is one splat in one tile of 16 x 16 pixels. Pairs are sorted by tile (counting sort) and, within it, by depth.
Source: Kerbl et al. 2023, section 6; Radl et al. 2024 (opacity-aware extents).
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import prange
from numpy.typing import NDArray

from facecraft4d.toolkit.splatting.compiling import BLOCK, helper, kernel, serial
from facecraft4d.toolkit.splatting.settings import TILE, Settings

Array = NDArray[Any]
ENTRY, SLOT, ROW_BEGIN, ROW_END = 0, 1, 2, 3
"""Columns of a pair: which splat, where its gradients go, rows of the tile it touches."""


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
def find_pairs(means2d: Array, conics: Array, opacities: Array, radii: Array, first_slot: Array, s: Settings) -> Any:
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
    geometry, slots = find_pairs(means2d, conics, opacities, radii, first_slot, s)
    tiles = -(-s.width // TILE) * -(-s.height // TILE)
    first_pair, pairs = _sort_pairs(order, first_slot, slots, tiles)
    heaviest_first = np.argsort(-np.diff(first_pair), kind="stable")
    dealt = np.concatenate([heaviest_first[thread::threads] for thread in range(threads)])
    return Bins(geometry, first_slot, first_pair, slots, pairs, dealt)
