"""COIN's network over all splats, compiled for the processor, with its adjoint; the readable twin is coin.offsets_of.

In torch its hidden layer goes through memory eight times a step, and products of matrices so narrow use a third of the processor. Here a block
of splats stays in the cache, and its hidden layer is computed again on the way back.
"""

from typing import Any, no_type_check

import numpy as np
import torch
from numba import prange
from torch import Tensor
from torch.nn import functional

from facecraft4d.toolkit.splatting import simd
from facecraft4d.toolkit.splatting.compiling import helper, is_kept, kernel
from facecraft4d.toolkit.splatting.simd import LANES

BLOCK = 256
"""Splats that one thread takes at a time: their inputs and hidden layers fill 160 KB. What is [rows, BLOCK] lies flat, for `simd.load`."""
TOGETHER = 4
"""Rows that are computed side by side, so that what is loaded once serves them all; layers are padded by zeros, which add nothing."""


@helper
@no_type_check
def _columns(rows, first, lines, begin):
    """`rows` of the block that begins with splat `first`, transposed, to `lines` from line `begin` on."""
    for i in range(min(len(rows) - first, BLOCK)):
        for k in range(rows.shape[1]):
            lines[(begin + k) * BLOCK + i] = rows[first + i, k]


@helper
@no_type_check
def _back_to_rows(lines, begin, first, rows):
    """The reverse of `_columns`."""
    for i in range(min(len(rows) - first, BLOCK)):
        for k in range(rows.shape[1]):
            rows[first + i, k] = lines[(begin + k) * BLOCK + i]


@helper
@no_type_check
def _inputs(colors, embeddings, first, width):
    """What the network is given of one block: 1, the colour, the embedding, and 0 up to `width`."""
    inputs = np.zeros(width * BLOCK, colors.dtype)
    inputs[:BLOCK] = 1
    _columns(colors, first, inputs, 1)
    _columns(embeddings, first, inputs, 1 + colors.shape[1])
    return inputs


@helper
@no_type_check
def _four(rows, row, lines, lane):
    """Four sums over k of rows[row + 0 to 3, k] times the sixteen splats of line k."""
    zero = simd.load(lines, lane) * 0.0
    a, b, c, d = zero, zero, zero, zero
    for k in range(rows.shape[1]):
        x = simd.load(lines, k * BLOCK + lane)
        a, b = simd.fma(x, rows[row, k], a), simd.fma(x, rows[row + 1, k], b)
        c, d = simd.fma(x, rows[row + 2, k], c), simd.fma(x, rows[row + 3, k], d)
    return a, b, c, d


@helper
@no_type_check
def _store_four(lines, row, lane, values):
    simd.store(lines, row * BLOCK + lane, values[0])
    simd.store(lines, (row + 1) * BLOCK + lane, values[1])
    simd.store(lines, (row + 2) * BLOCK + lane, values[2])
    simd.store(lines, (row + 3) * BLOCK + lane, values[3])


@helper
@no_type_check
def _times(rows, lines, out):
    """`rows` [m, k] times `lines` [k, BLOCK] into `out` [m, BLOCK]; m is a multiple of TOGETHER."""
    for lane in range(0, BLOCK, LANES):
        for row in range(0, len(rows), TOGETHER):
            _store_four(out, row, lane, _four(rows, row, lines, lane))


@helper
@no_type_check
def _summed(left, right, sums):
    """`left` times `right` transposed, [rows, BLOCK] and [columns, BLOCK], into `sums` [rows, columns], both multiples of TOGETHER."""
    for j in range(len(sums)):
        for k in range(0, sums.shape[1], TOGETHER):
            zero = simd.load(left, 0) * 0.0
            a, b, c, d = zero, zero, zero, zero
            for lane in range(0, BLOCK, LANES):
                x = simd.load(left, j * BLOCK + lane)
                a = simd.fma(x, simd.load(right, k * BLOCK + lane), a)
                b = simd.fma(x, simd.load(right, (k + 1) * BLOCK + lane), b)
                c = simd.fma(x, simd.load(right, (k + 2) * BLOCK + lane), c)
                d = simd.fma(x, simd.load(right, (k + 3) * BLOCK + lane), d)
            sums[j, k], sums[j, k + 1] = simd.total(a), simd.total(b)
            sums[j, k + 2], sums[j, k + 3] = simd.total(c), simd.total(d)


@helper
@no_type_check
def _rectify(hidden, slopes):
    """What is not positive of `hidden` becomes 0, and so do its `slopes`."""
    for i in range(0, len(hidden), LANES):
        value, slope = simd.load(hidden, i), simd.load(slopes, i)
        simd.store(hidden, i, simd.select(value > 0.0, value, 0.0))
        simd.store(slopes, i, simd.select(value > 0.0, slope, 0.0))


@kernel
@no_type_check
def offset(colors, embeddings, layer, last, out):
    """`colors` [n, 3], `embeddings` [n, e], `layer` [h, 1 + 3 + e], `last` [4, h] -> `out` [n, 3]. Layers are padded to multiples of TOGETHER."""
    for block in prange((len(colors) + BLOCK - 1) // BLOCK):
        first = block * BLOCK
        inputs = _inputs(colors, embeddings, first, layer.shape[1])
        hidden, lines = np.empty(len(layer) * BLOCK, colors.dtype), np.empty(TOGETHER * BLOCK, colors.dtype)
        _times(layer, inputs, hidden)
        _rectify(hidden, hidden)
        _times(last, hidden, lines)
        _back_to_rows(lines, 0, first, out)


@kernel
@no_type_check
def offset_back(colors, embeddings, layers, given, to_embeddings, parts):
    """The adjoint. `layers`: layer, its transpose and the last one's [h, 4]; `given` [n, 3] -> `to_embeddings` [n, e] and into `parts`, block by
    block, the sums by the layers: [blocks, h, 1 + 3 + e] and [blocks, h, 4]."""
    layer, transposed, last = layers
    for block in prange(len(parts[0])):
        first = block * BLOCK
        inputs = _inputs(colors, embeddings, first, layer.shape[1])
        lines = np.zeros(TOGETHER * BLOCK, colors.dtype)
        _columns(given, first, lines, 0)
        hidden, slopes = np.empty(len(layer) * BLOCK, colors.dtype), np.empty(len(layer) * BLOCK, colors.dtype)
        _times(layer, inputs, hidden)
        _times(last, lines, slopes)
        _rectify(hidden, slopes)
        _summed(hidden, lines, parts[1][block])
        _summed(slopes, inputs, parts[0][block])
        _times(transposed, slopes, inputs)
        _back_to_rows(inputs, 1 + colors.shape[1], first, to_embeddings)


def _padded(layer: Tensor) -> Any:
    """As an array, with zeros up to multiples of TOGETHER."""
    more = (0, -layer.shape[1] % TOGETHER, 0, -layer.shape[0] % TOGETHER)
    return np.ascontiguousarray(functional.pad(layer.detach(), more).numpy())


class Offsets(torch.autograd.Function):
    """(colors [n, 3], embeddings [n, e], layer [h, 1 + 3 + e], last [3, h]) -> [n, 3]: last times what is positive of the layer times
    (1, colour, embedding). Colours get no gradient."""

    @staticmethod
    def forward(ctx: Any, colors: Tensor, embeddings: Tensor, layer: Tensor, last: Tensor) -> Tensor:
        """All splats, block by block."""
        ctx.splats = tuple(np.ascontiguousarray(each.detach().numpy()) for each in (colors, embeddings))
        ctx.layers = _padded(layer), _padded(last)
        ctx.shape = layer.shape
        out = np.empty_like(ctx.splats[0])
        offset(*ctx.splats, *ctx.layers, out)
        return torch.from_numpy(out)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Sums over splats are taken block after block, whatever the number of threads."""
        layer, last = ctx.layers
        given = np.ascontiguousarray(gradients[0].numpy())
        blocks, to_embeddings = -(-len(given) // BLOCK), np.empty_like(ctx.splats[1])
        parts = tuple(np.empty((blocks, len(layer), width), layer.dtype) for width in (layer.shape[1], TOGETHER))
        turned = layer, np.ascontiguousarray(layer.T), np.ascontiguousarray(last.T)
        offset_back(*ctx.splats, turned, given, to_embeddings, parts)
        by_layer, by_last = (torch.from_numpy(part.sum(0)) for part in parts)
        h, width = ctx.shape
        return None, torch.from_numpy(to_embeddings), by_layer[:h, :width], by_last[:h, :3].T


def is_compiled() -> bool:
    """Whether the first call starts at once."""
    return is_kept(offset, offset_back)


def compile_now() -> None:
    """Compile both ways, for seconds: otherwise the first COIN step does, in the middle of a training."""
    splats, embeddings, layer, last = (
        torch.zeros(shape, requires_grad=True) for shape in ((1, 3), (1, 4), (8, 8), (3, 8))
    )
    Offsets.apply(splats, embeddings, layer, last).sum().backward()
