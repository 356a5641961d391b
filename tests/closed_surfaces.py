"""A closed surface around what depth maps show, through a grid of voxels: what a prior's density gives, for people who are known."""

import numpy as np

from facecraft4d.toolkit.core.datatypes import ViewSet
from facecraft4d.toolkit.core.geometry import project
from facecraft4d.toolkit.shape_prior.from_views.closed import Closed

DEEP = 0.02
"""Metres at which a place is as far inside, or outside, as it can be."""


def carved(views: ViewSet, step: float = 0.004, half: float = 0.2) -> Closed:
    """What all views agree to be behind what they show; places beside a picture are for the others to tell, none
    is below one. Cut by a box of `half` metres."""
    axis = np.arange(-half, half + step, step)
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    field, seen = np.full(len(points), -DEEP), np.zeros(len(points), bool)
    below = seen.copy()
    for view in views.views:
        pixels, z = project(view.camera, points)
        height, width = view.depth.shape
        column, row = np.moveaxis(np.floor(pixels).astype(np.int64), -1, 0)
        shown = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        there = np.where(view.mask > 0.5, view.depth, np.inf)[row.clip(0, height - 1), column.clip(0, width - 1)]
        seen |= shown
        below |= row >= height
        field = np.where(shown, np.maximum(field, np.clip(there - z, -DEEP, DEEP)), field)
    field[~seen | below] = DEEP
    grid = field.reshape(len(axis), len(axis), len(axis))
    for side in (0, -1):
        grid[side], grid[:, side], grid[:, :, side] = DEEP, DEEP, DEEP
    return net(grid, -half, step)


def net(field: np.ndarray, low: float, step: float) -> Closed:
    """The zero level of a field that is negative inside: one vertex in each cell that it passes through, a quad around each edge (Gibson 1998)."""
    shape = np.array(field.shape) - 1
    sums, counts = np.zeros((*shape, 3)), np.zeros(tuple(shape))
    quads = []
    index = np.arange(counts.size).reshape(counts.shape)
    for axis in range(3):
        near, far = (np.take(field, range(start, start + field.shape[axis] - 1), axis) for start in (0, 1))
        where = np.argwhere((near < 0) != (far < 0))
        where = where[((where > 0) & (where < shape)).all(1) | (where[:, axis] == 0)]
        here, there = near[tuple(where.T)], far[tuple(where.T)]
        at = where.astype(float)
        at[:, axis] += here / (here - there)
        around = []
        first, second = (axis + 1) % 3, (axis + 2) % 3
        for u, v in ((1, 1), (0, 1), (0, 0), (1, 0)):
            cell = where.copy()
            cell[:, first] -= u
            cell[:, second] -= v
            np.add.at(sums, tuple(cell.T), at)
            np.add.at(counts, tuple(cell.T), 1)
            around.append(index[tuple(cell.T)])
        quad = np.stack(around, 1)
        quads.append(np.where((here < 0)[:, None], quad, quad[:, ::-1]))
    used, compact = np.unique(np.concatenate(quads), return_inverse=True)
    corners = compact.reshape(-1, 4)
    vertices = (sums.reshape(-1, 3)[used] / counts.reshape(-1, 1)[used]) * step + low
    triangles = np.concatenate([corners[:, [0, 1, 2]], corners[:, [0, 2, 3]]])
    return Closed(vertices.astype(np.float32), triangles.astype(np.int32))
