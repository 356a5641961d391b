"""Frames of posed triangles, computed where training runs: of a pose nothing but its vertices has to be copied to a GPU."""

from typing import NamedTuple

import torch
from jaxtyping import Float32
from torch import Tensor


class TriangleFrames(NamedTuple):
    """Frames of all triangles in one pose (geometry.triangle_frames)."""

    rotations: Float32[Tensor, "f 3 3"]
    rotations_wxyz: Float32[Tensor, "f 4"]
    scales: Float32[Tensor, " f"]
    centroids: Float32[Tensor, "f 3"]


def frames_of(corners: Float32[Tensor, "f 3 3"]) -> TriangleFrames:
    """Frames of triangles given by their corners (corner, xyz), on their device.

    The torch twin of geometry.triangle_frames and wxyz_from_rotation: each sum in the same order, so that the numbers are the same to the last bit.
    """
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    a0 = _normalized(first)
    a1 = _normalized(_cross(a0, second))
    a2 = _cross(a0, a1)
    scales = 0.5 * (_length(first)[:, 0] + _sum(a2 * second)[:, 0].abs())
    rotations = torch.stack([a0, a1, a2], -1)
    centroids = (corners[:, 0] + corners[:, 1] + corners[:, 2]) / 3
    return TriangleFrames(rotations, _wxyz(rotations), scales, centroids)


def _wxyz(rotations: Float32[Tensor, "f 3 3"]) -> Float32[Tensor, "f 4"]:
    """Unit quaternions with w >= 0: of the four ways to compute one, each row takes that with the largest square."""
    m = [[rotations[:, row, column] for column in range(3)] for row in range(3)]
    trace = m[0][0] + m[1][1] + m[2][2]
    squares = torch.stack([1 + trace, *(1 + 2 * m[i][i] - trace for i in range(3))], -1)
    a, b, c = m[2][1] - m[1][2], m[0][2] - m[2][0], m[1][0] - m[0][1]
    d, e, f = m[1][0] + m[0][1], m[0][2] + m[2][0], m[2][1] + m[1][2]
    w, x, y, z = squares.unbind(-1)
    rows = torch.stack([torch.stack(row, -1) for row in ((w, a, b, c), (a, x, d, e), (b, d, y, f), (c, e, f, z))], 1)
    best = squares.argmax(-1)[:, None, None].expand(-1, 1, 4)
    wxyz = _normalized(rows.gather(1, best)[:, 0])
    return torch.where(wxyz[:, :1] < 0, -wxyz, wxyz)


def _cross(left: Float32[Tensor, "f 3"], right: Float32[Tensor, "f 3"]) -> Float32[Tensor, "f 3"]:
    a, b, c = left.unbind(-1)
    x, y, z = right.unbind(-1)
    return torch.stack([b * z - c * y, c * x - a * z, a * y - b * x], -1)


def _sum(values: Float32[Tensor, "f n"]) -> Float32[Tensor, "f 1"]:
    """From the first column to the last."""
    total, *others = values.unbind(-1)
    for column in others:
        total = total + column
    return total[:, None]


def _length(vectors: Float32[Tensor, "f n"]) -> Float32[Tensor, "f 1"]:
    squares = _sum(vectors * vectors).double()  # of single floats torch's own root is off in the last bit now and then
    return squares.sqrt().to(vectors.dtype)


def _normalized(vectors: Float32[Tensor, "f n"]) -> Float32[Tensor, "f n"]:
    """Unit rows; zero stays zero."""
    return vectors / _length(vectors).clamp_min(1e-20)
