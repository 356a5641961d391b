"""Compiled inner loops of animation, of which toolkit/core/rigging.py is the readable twin that the tests compare them with, and of laying
a picture over its background.

One core: 100 000 splats take 1 ms, and sharing them out takes longer than that as soon as another program is busy.
"""

from math import sqrt
from typing import no_type_check

import numpy as np
from numba import njit

ZERO, HALF, ONE, TWO, THREE, TINY = map(np.float32, (0, 0.5, 1, 2, 3, 1e-20))
"""Single precision: with Python's numbers the kernels would reckon in double. A vector shorter than `TINY` has no direction."""
WHITE = np.float32(255)
"""The greatest byte."""


@njit(cache=True)
@no_type_check
def add_deltas(vertices, weights, starts, rows, deltas):
    """Add each set of sparse `deltas` whose weight is not 0 to `vertices` [v, 3] in place."""
    for index in range(len(weights)):
        weight = weights[index]
        if weight != 0:
            for entry in range(starts[index], starts[index + 1]):
                for axis in range(3):
                    vertices[rows[entry], axis] += weight * deltas[entry, axis]


@njit(cache=True)
@no_type_check
def skin(vertices, weights, transforms, posed):
    """Linear blend skinning of `vertices` [v, 3] by `transforms` [j, 4, 4] into `posed`."""
    for vertex in range(len(vertices)):
        x, y, z = vertices[vertex, 0], vertices[vertex, 1], vertices[vertex, 2]
        for row in range(3):
            total = ZERO
            for joint in range(len(transforms)):
                if weights[vertex, joint] != 0:
                    t = transforms[joint, row]
                    total += weights[vertex, joint] * (t[0] * x + t[1] * y + t[2] * z + t[3])
            posed[vertex, row] = total


@njit(cache=True, inline="always")
@no_type_check
def _unit(x, y, z):
    length = sqrt(x * x + y * y + z * z)
    inverse = ONE / length if length > TINY else ZERO
    return x * inverse, y * inverse, z * inverse, length


@njit(cache=True, inline="always")
@no_type_check
def _cross(ax, ay, az, bx, by, bz):
    return ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx


@njit(cache=True, inline="always")
@no_type_check
def _difference(a, b):
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


@njit(cache=True, inline="always")
@no_type_check
def _quaternion(m):
    """wxyz of a rotation matrix [3, 3]: the largest of the four components first, so that it never divides by little."""
    trace = m[0, 0] + m[1, 1] + m[2, 2]
    if trace > max(m[0, 0], m[1, 1], m[2, 2]):
        w, x, y, z = ONE + trace, m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]
    elif m[0, 0] >= m[1, 1] and m[0, 0] >= m[2, 2]:
        w, x, y, z = m[2, 1] - m[1, 2], ONE + TWO * m[0, 0] - trace, m[1, 0] + m[0, 1], m[0, 2] + m[2, 0]
    elif m[1, 1] >= m[2, 2]:
        w, x, y, z = m[0, 2] - m[2, 0], m[1, 0] + m[0, 1], ONE + TWO * m[1, 1] - trace, m[2, 1] + m[1, 2]
    else:
        w, x, y, z = m[1, 0] - m[0, 1], m[0, 2] + m[2, 0], m[2, 1] + m[1, 2], ONE + TWO * m[2, 2] - trace
    inverse = ONE / sqrt(w * w + x * x + y * y + z * z)
    return w * inverse, x * inverse, y * inverse, z * inverse


@njit(cache=True)
@no_type_check
def triangle_frames(vertices, triangles, rotation, quaternion, scale, centroid):
    """geometry.triangle_frames and its wxyz quaternion, for each triangle."""
    for f in range(len(triangles)):
        a, b, c = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        ex, ey, ez = _difference(vertices[b], vertices[a])
        sx, sy, sz = _difference(vertices[c], vertices[a])
        ux, uy, uz, length = _unit(ex, ey, ez)
        nx, ny, nz = _cross(ux, uy, uz, sx, sy, sz)
        nx, ny, nz, _ = _unit(nx, ny, nz)
        tx, ty, tz = _cross(ux, uy, uz, nx, ny, nz)
        m = rotation[f]
        m[0, 0], m[1, 0], m[2, 0] = ux, uy, uz
        m[0, 1], m[1, 1], m[2, 1] = nx, ny, nz
        m[0, 2], m[1, 2], m[2, 2] = tx, ty, tz
        quaternion[f, 0], quaternion[f, 1], quaternion[f, 2], quaternion[f, 3] = _quaternion(m)
        scale[f] = HALF * (length + abs(tx * sx + ty * sy + tz * sz))
        for i in range(3):
            centroid[f, i] = (vertices[a, i] + vertices[b, i] + vertices[c, i]) / THREE


@njit(cache=True)
@no_type_check
def place(binding, local, frames, world):
    """rigging.place_splats: `local` and `world` are (means, unit rotations wxyz, scales), `frames` as `triangle_frames` fills them."""
    local_means, local_rotations, local_scales = local
    rotation, quaternion, scale, centroid = frames
    means, rotations, scales = world
    for n in range(len(binding)):
        f = binding[n]
        m, s = rotation[f], scale[f]
        x, y, z = local_means[n, 0], local_means[n, 1], local_means[n, 2]
        for i in range(3):
            means[n, i] = s * (m[i, 0] * x + m[i, 1] * y + m[i, 2] * z) + centroid[f, i]
            scales[n, i] = s * local_scales[n, i]
        aw, ax, ay, az = quaternion[f, 0], quaternion[f, 1], quaternion[f, 2], quaternion[f, 3]
        bw, bx, by, bz = local_rotations[n, 0], local_rotations[n, 1], local_rotations[n, 2], local_rotations[n, 3]
        rotations[n, 0] = aw * bw - ax * bx - ay * by - az * bz
        rotations[n, 1] = aw * bx + ax * bw + ay * bz - az * by
        rotations[n, 2] = aw * by - ax * bz + ay * bw + az * bx
        rotations[n, 3] = aw * bz + ax * by - ay * bx + az * bw


@njit(cache=True)
@no_type_check
def lay_over(premultiplied, background, rgb):
    """A premultiplied picture [h, w, 4] over a colour [3] into `rgb` [h, w, 3], 8 bit, rounded as pixels.to_bytes rounds."""
    for row in range(premultiplied.shape[0]):
        for column in range(premultiplied.shape[1]):
            clear = ONE - premultiplied[row, column, 3]
            for channel in range(3):
                value = premultiplied[row, column, channel] + clear * background[channel]
                rgb[row, column, channel] = np.uint8(min(max(value, ZERO), ONE) * WHITE + HALF)
