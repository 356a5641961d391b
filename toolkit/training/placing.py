"""Bound splats to the world, compiled for the processor, with its adjoint; the readable twin is gaussians.placed.

In torch each of its thirty small steps went through memory by itself, forward and back: a tenth of a training step.
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
def _multiply(a, b, out):
    """The Hamilton product of two quaternions, wxyz."""
    out[0] = a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3]
    out[1] = a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2]
    out[2] = a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1]
    out[3] = a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0]


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
        length = np.sqrt(wxyz[i, 0] ** 2 + wxyz[i, 1] ** 2 + wxyz[i, 2] ** 2 + wxyz[i, 3] ** 2)
        unit = wxyz[i] / max(length, wxyz.dtype.type(LEAST_LENGTH))
        _multiply(turns_wxyz[t], unit, world[1][i])
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
        size, turn, frame = sizes[t], turns[t], turns_wxyz[t]
        for k in range(3):
            along = turn[0, k] * given[0][i, 0] + turn[1, k] * given[0][i, 1] + turn[2, k] * given[0][i, 2]
            to[0][i, k] = size * along
            to[2][i, k] = given[2][i, k] * world[2][i, k]
        length = np.sqrt(wxyz[i, 0] ** 2 + wxyz[i, 1] ** 2 + wxyz[i, 2] ** 2 + wxyz[i, 3] ** 2)
        length = max(length, wxyz.dtype.type(LEAST_LENGTH))
        unit, back, turned = wxyz[i] / length, np.empty(4, wxyz.dtype), np.empty(4, wxyz.dtype)
        back[0], back[1], back[2], back[3] = frame[0], -frame[1], -frame[2], -frame[3]
        _multiply(back, given[1][i], turned)
        along = unit[0] * turned[0] + unit[1] * turned[1] + unit[2] * turned[2] + unit[3] * turned[3]
        for k in range(4):
            to[1][i, k] = (turned[k] - unit[k] * along) / length
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
