"""Bound splats to the world, compiled for the processor, with its adjoint; the readable twin is gaussians.placed.

In torch each of its small steps goes through memory by itself, forward and back: four times the time (docs/results.md).
"""

from typing import Any, no_type_check

import numpy as np
import torch
from numba import njit, prange
from torch import Tensor

LEAST_LENGTH = 1e-12
"""Of a quaternion, as torch's own normalisation has it."""


@njit(cache=True, inline="always")
@no_type_check
def _product(aw, ax, ay, az, bw, bx, by, bz):
    """The Hamilton product of two quaternions, number by number: arrays made for each splat would cost more than all else."""
    return (
        aw * bw - ax * bx - ay * by - az * bz,
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
    )


@njit(cache=True, inline="always")
@no_type_check
def _unit(wxyz, i):
    """The length of row i and the row at unit length."""
    w, x, y, z = wxyz[i, 0], wxyz[i, 1], wxyz[i, 2], wxyz[i, 3]
    length = max(np.sqrt(w * w + x * x + y * y + z * z), wxyz.dtype.type(LEAST_LENGTH))
    return length, w / length, x / length, y / length, z / length


@njit(cache=True, parallel=True, error_model="numpy")
@no_type_check
def place(splats, triangles, frames, world):
    """`splats`: means [n, 3], rotations [n, 4], log scales [n, 3], opacity logits [n]; `frames`: rotations [f, 3, 3], the same as quaternions
    [f, 4], scales [f], centroids [f, 3]. Into `world`: means, rotations, scales, opacities."""
    means, wxyz, log_scales, logits = splats
    turns, turns_wxyz, sizes, centroids = frames
    for i in prange(len(means)):
        t = triangles[i]
        size, turn = sizes[t], turns[t]
        _, w, x, y, z = _unit(wxyz, i)
        f = turns_wxyz[t]
        world[1][i, 0], world[1][i, 1], world[1][i, 2], world[1][i, 3] = _product(f[0], f[1], f[2], f[3], w, x, y, z)
        for k in range(3):
            along = turn[k, 0] * means[i, 0] + turn[k, 1] * means[i, 1] + turn[k, 2] * means[i, 2]
            world[0][i, k] = size * along + centroids[t, k]
            world[2][i, k] = size * np.exp(log_scales[i, k])
        world[3][i] = 1 / (1 + np.exp(-logits[i]))


@njit(cache=True, parallel=True, error_model="numpy")
@no_type_check
def place_back(splats, triangles, frames, world, given, to):
    """The adjoint: `given` gradients of `world`, into `to` those of `splats`."""
    means, wxyz, _, _ = splats
    turns, turns_wxyz, sizes, _ = frames
    for i in prange(len(means)):
        t = triangles[i]
        size, turn, f = sizes[t], turns[t], turns_wxyz[t]
        for k in range(3):
            along = turn[0, k] * given[0][i, 0] + turn[1, k] * given[0][i, 1] + turn[2, k] * given[0][i, 2]
            to[0][i, k] = size * along
            to[2][i, k] = given[2][i, k] * world[2][i, k]
        length, w, x, y, z = _unit(wxyz, i)
        g = given[1][i]
        gw, gx, gy, gz = _product(f[0], -f[1], -f[2], -f[3], g[0], g[1], g[2], g[3])
        along = w * gw + x * gx + y * gy + z * gz
        to[1][i, 0], to[1][i, 1] = (gw - w * along) / length, (gx - x * along) / length
        to[1][i, 2], to[1][i, 3] = (gy - y * along) / length, (gz - z * along) / length
        opacity = world[3][i]
        to[3][i] = given[3][i] * opacity * (1 - opacity)


class Place(torch.autograd.Function):
    """(means, rotations, log scales, opacity logits), triangles [n], frames -> means, rotations, scales, opacities in the world."""

    @staticmethod
    def forward(
        ctx: Any, means: Tensor, rotations: Tensor, log_scales: Tensor, logits: Tensor, triangles: Tensor, frames: Any
    ) -> tuple[Tensor, ...]:
        """Splats of an unposed head to those of a posed one."""
        ctx.splats = tuple(each.detach().numpy() for each in (means, rotations, log_scales, logits))
        ctx.triangles, ctx.frames = triangles.numpy(), tuple(each.numpy() for each in frames)
        ctx.world = tuple(np.empty_like(each) for each in ctx.splats)
        place(ctx.splats, ctx.triangles, ctx.frames, ctx.world)
        return tuple(map(torch.from_numpy, ctx.world))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Of the splats' own parameters; frames are given."""
        to = tuple(np.empty_like(each) for each in ctx.splats)
        given = tuple(np.ascontiguousarray(each.numpy()) for each in gradients)
        place_back(ctx.splats, ctx.triangles, ctx.frames, ctx.world, given, to)
        return (*map(torch.from_numpy, to), None, None)
