"""Compiled projection of Gaussians, forward and backward; each splat by itself, in float64 inside (Zwicker et al. 2002, EWA splatting; Kerbl
et al. 2023). The derivatives are worked out from the twin's formulas.
"""

import math
from typing import Any

import numpy as np
from numba import prange
from numpy.typing import NDArray

from facecraft4d.toolkit.splatting.compiling import BLOCK, helper, kernel
from facecraft4d.toolkit.splatting.settings import Settings

Array = NDArray[Any]


@helper
def _rotation(w: float, x: float, y: float, z: float) -> Any:
    """The nine elements, row by row, of the rotation of a unit quaternion."""
    return (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )


@helper
def _length(quats: Array, i: int) -> float:
    w, x, y, z = float(quats[i, 0]), float(quats[i, 1]), float(quats[i, 2]), float(quats[i, 3])
    return max(math.sqrt(w * w + x * x + y * y + z * z), 1e-12)


@helper
def _clamped_slope(t: float, z: float, f: float, c: float, size: int, clamp: float) -> Any:
    """t / z held within the image and a margin; whether it was free."""
    slope, margin = t / z, clamp * 0.5 * size / f
    low, high = -(c / f + margin), (size - c) / f + margin
    return min(max(slope, low), high), low <= slope <= high


@helper
def _jacobian(x: float, y: float, z: float, k: Array, s: Settings) -> Any:
    """Rows (a, 0, b) and (0, c, d) of the projection's derivative as a, b, c, d, and whether x and y were not clamped."""
    fx, fy = float(k[0, 0]), float(k[1, 1])
    if s.ortho:
        return fx, 0.0, fy, 0.0, False, False
    tx, free_x = _clamped_slope(x, z, fx, float(k[0, 2]), s.width, s.sigma_clamp)
    ty, free_y = _clamped_slope(y, z, fy, float(k[1, 2]), s.height, s.sigma_clamp)
    return fx / z, -fx * tx / z, fy / z, -fy * ty / z, free_x, free_y


@helper
def _camera_point(means: Array, i: int, v: Array) -> Any:
    a, b, c = float(means[i, 0]), float(means[i, 1]), float(means[i, 2])
    return (
        v[0, 0] * a + v[0, 1] * b + v[0, 2] * c + v[0, 3],
        v[1, 0] * a + v[1, 1] * b + v[1, 2] * c + v[1, 3],
        v[2, 0] * a + v[2, 1] * b + v[2, 2] * c + v[2, 3],
    )


@helper
def _half_covariance(quats: Array, scales: Array, i: int, v: Array, jac: Any) -> Any:
    """Rows u, v of J W R S (their products are the 2-D covariance), with W R S and R."""
    n = _length(quats, i)
    r = _rotation(quats[i, 0] / n, quats[i, 1] / n, quats[i, 2] / n, quats[i, 3] / n)
    sx, sy, sz = float(scales[i, 0]), float(scales[i, 1]), float(scales[i, 2])
    m = (
        (r[0][0] * sx, r[0][1] * sy, r[0][2] * sz),
        (r[1][0] * sx, r[1][1] * sy, r[1][2] * sz),
        (r[2][0] * sx, r[2][1] * sy, r[2][2] * sz),
    )
    h0, h1, h2 = _times_matrix(v, 0, m), _times_matrix(v, 1, m), _times_matrix(v, 2, m)
    a, b, c, d = jac[0], jac[1], jac[2], jac[3]
    row_u = (a * h0[0] + b * h2[0], a * h0[1] + b * h2[1], a * h0[2] + b * h2[2])
    row_v = (c * h1[0] + d * h2[0], c * h1[1] + d * h2[1], c * h1[2] + d * h2[2])
    return row_u, row_v, (h0, h1, h2), m, r


@helper
def _times_matrix(v: Array, row: int, m: Any) -> Any:
    a, b, c = v[row, 0], v[row, 1], v[row, 2]
    return (
        a * m[0][0] + b * m[1][0] + c * m[2][0],
        a * m[0][1] + b * m[1][1] + c * m[2][1],
        a * m[0][2] + b * m[1][2] + c * m[2][2],
    )


@helper
def _dot(a: Any, b: Any) -> Any:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@helper
def _radii(a: float, d: float, x: float, y: float, opacity: float, s: Settings) -> Any:
    """Half sizes in pixels of the box outside which the splat is fainter than the cut-off; 0, 0 when not drawn."""
    if not opacity >= s.alpha_cutoff:
        return 0.0, 0.0
    extent = min(s.extent_max, math.sqrt(2 * math.log(opacity / s.alpha_cutoff)))
    rx, ry = math.ceil(extent * math.sqrt(a)), math.ceil(extent * math.sqrt(d))
    outside = x + rx <= 0 or x - rx >= s.width or y + ry <= 0 or y - ry >= s.height
    if outside or (rx <= s.radius_clip and ry <= s.radius_clip):
        return 0.0, 0.0
    return min(rx, 1e9), min(ry, 1e9)


@helper
def splat_on_picture(i: int, inputs: Any, v: Array, k: Array, s: Settings) -> Any:
    """Of splat `i` the centre in pixels and camera z; the covariance (a, b; b, d) with the low-pass filter, and its determinant; opacity; half sizes
    of its box, 0 where it is not drawn."""
    means, quats, scales, opacities = inputs
    nothing = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    x, y, z = _camera_point(means, i, v)
    if not (s.near_plane <= z <= s.far_plane):
        return nothing
    row_u, row_v, _, _, _ = _half_covariance(quats, scales, i, v, _jacobian(x, y, z, k, s))
    a, b, d = _dot(row_u, row_u), _dot(row_u, row_v), _dot(row_v, row_v)
    before = a * d - b * b
    a, d = a + s.eps2d, d + s.eps2d
    det = a * d - b * b
    if not det > 0:
        return nothing
    opacity = float(opacities[i])
    if s.antialiased:
        opacity *= math.sqrt(max(0.0, before / det))
    scale = 1.0 if s.ortho else 1 / z
    px, py = k[0, 0] * x * scale + k[0, 2], k[1, 1] * y * scale + k[1, 2]
    rx, ry = _radii(a, d, px, py, opacity, s)
    return px, py, z, a, b, d, det, opacity, rx, ry


@helper
def _project_one(i: int, inputs: Any, v: Array, k: Array, s: Settings, outputs: Any) -> None:
    means2d, conics, depths, effective, radii = outputs
    radii[i, 0] = radii[i, 1] = 0
    means2d[i, 0] = means2d[i, 1] = conics[i, 0] = conics[i, 1] = conics[i, 2] = depths[i] = effective[i] = 0
    px, py, z, a, b, d, det, opacity, rx, ry = splat_on_picture(i, inputs, v, k, s)
    if rx <= 0 or ry <= 0:
        return
    radii[i, 0], radii[i, 1] = int(rx), int(ry)
    means2d[i, 0], means2d[i, 1], depths[i], effective[i] = px, py, z, opacity
    conics[i, 0], conics[i, 1], conics[i, 2] = d / det, -b / det, a / det


@kernel
def project(inputs: Any, viewmat: Array, intrinsics: Array, s: Settings, outputs: Any) -> None:
    """Fill outputs (means2d [n, 2], conics [n, 3], depths [n], opacities [n], radii [n, 2] int32) for one camera.

    inputs = (means [n, 3], quats [n, 4], scales [n, 3], opacities [n]); viewmat and intrinsics in float64.
    Splats that are not drawn get zeros.
    """
    n = len(inputs[0])
    for block in prange((n + BLOCK - 1) // BLOCK):
        for i in range(block * BLOCK, min(n, (block + 1) * BLOCK)):
            _project_one(i, inputs, viewmat, intrinsics, s, outputs)


@helper
def _covariance_gradient(a: float, b: float, d: float, before: float, g: Any, s: Settings, opacity: float) -> Any:
    """Gradients of the covariance (a, b; b, d, low-pass included) and of the opacity.

    g = gradients of the conic's three numbers and of the effective opacity.
    """
    det = a * d - b * b
    p, q, r = d / det, -b / det, a / det
    ga, gb, gd = g[0], 0.5 * g[1], g[2]
    u0, u1, v0, v1 = p * ga + q * gb, p * gb + q * gd, q * ga + r * gb, q * gb + r * gd
    to_a, to_b, to_d, to_opacity = -(u0 * p + u1 * q), -2 * (u0 * q + u1 * r), -(v0 * q + v1 * r), g[3]
    if s.antialiased:
        compensation = math.sqrt(max(0.0, before / det))
        to_opacity = g[3] * compensation
        if compensation > 0:
            ratio = 0.5 * g[3] * opacity / (compensation * det)
            to_a += ratio * ((d - s.eps2d) - before / det * d)
            to_d += ratio * ((a - s.eps2d) - before / det * a)
            to_b += ratio * 2 * b * (before / det - 1)
    return to_a, to_b, to_d, to_opacity


@helper
def _point_gradient(x: float, y: float, z: float, k: Array, s: Settings, jac: Any, to_j: Any, to_mean: Any) -> Any:
    """Gradient of the camera-space point from those of the Jacobian's a, b, c, d and of the projected mean."""
    a, b, c, d, free_x, free_y = jac
    fx, fy = k[0, 0], k[1, 1]
    if s.ortho:
        return fx * to_mean[0], fy * to_mean[1], 0.0
    gx, gy = a * to_mean[0], c * to_mean[1]
    gz = -(a * x * to_mean[0] + c * y * to_mean[1] + a * to_j[0] + b * to_j[1] + c * to_j[2] + d * to_j[3]) / z
    if free_x:
        gx -= fx / (z * z) * to_j[1]
        gz -= b / z * to_j[1]
    if free_y:
        gy -= fy / (z * z) * to_j[3]
        gz -= d / z * to_j[3]
    return gx, gy, gz


@helper
def _quaternion_gradient(quats: Array, i: int, g: Any, out: Array) -> None:
    """Add the gradient of a rotation matrix to that of the quaternion, through its normalisation."""
    n = _length(quats, i)
    w, x, y, z = quats[i, 0] / n, quats[i, 1] / n, quats[i, 2] / n, quats[i, 3] / n
    gw = 2 * (x * (g[2][1] - g[1][2]) + y * (g[0][2] - g[2][0]) + z * (g[1][0] - g[0][1]))
    gx = 2 * (y * (g[0][1] + g[1][0]) + z * (g[0][2] + g[2][0]) + w * (g[2][1] - g[1][2]) - 2 * x * (g[1][1] + g[2][2]))
    gy = 2 * (x * (g[0][1] + g[1][0]) + z * (g[1][2] + g[2][1]) + w * (g[0][2] - g[2][0]) - 2 * y * (g[0][0] + g[2][2]))
    gz = 2 * (x * (g[0][2] + g[2][0]) + y * (g[1][2] + g[2][1]) + w * (g[1][0] - g[0][1]) - 2 * z * (g[0][0] + g[1][1]))
    along = gw * w + gx * x + gy * y + gz * z
    out[i, 0] += (gw - along * w) / n
    out[i, 1] += (gx - along * x) / n
    out[i, 2] += (gy - along * y) / n
    out[i, 3] += (gz - along * z) / n


@helper
def _combine(a: float, u: Any, b: float, v: Any) -> Any:
    return a * u[0] + b * v[0], a * u[1] + b * v[1], a * u[2] + b * v[2]


@helper
def _back_through_rows(v: Array, h: Any) -> Any:
    """Columns of V^T H for three rows h: the gradient of M from that of V M."""
    return (
        (
            v[0, 0] * h[0][0] + v[1, 0] * h[1][0] + v[2, 0] * h[2][0],
            v[0, 0] * h[0][1] + v[1, 0] * h[1][1] + v[2, 0] * h[2][1],
            v[0, 0] * h[0][2] + v[1, 0] * h[1][2] + v[2, 0] * h[2][2],
        ),
        (
            v[0, 1] * h[0][0] + v[1, 1] * h[1][0] + v[2, 1] * h[2][0],
            v[0, 1] * h[0][1] + v[1, 1] * h[1][1] + v[2, 1] * h[2][1],
            v[0, 1] * h[0][2] + v[1, 1] * h[1][2] + v[2, 1] * h[2][2],
        ),
        (
            v[0, 2] * h[0][0] + v[1, 2] * h[1][0] + v[2, 2] * h[2][0],
            v[0, 2] * h[0][1] + v[1, 2] * h[1][1] + v[2, 2] * h[2][1],
            v[0, 2] * h[0][2] + v[1, 2] * h[1][2] + v[2, 2] * h[2][2],
        ),
    )


@helper
def _project_one_back(
    e: int, i: int, inputs: Any, v: Array, k: Array, s: Settings, gradients: Any, out: Any, view: Array
) -> None:
    """Add row `e`'s gradients to those of splat `i`, and to the camera's twelve numbers in `view`."""
    means, quats, scales, opacities = inputs
    to_means2d, to_conics, to_depths, to_opacities = gradients
    x, y, z = _camera_point(means, i, v)
    jac = _jacobian(x, y, z, k, s)
    row_u, row_v, h, m, r = _half_covariance(quats, scales, i, v, jac)
    a, b, d = _dot(row_u, row_u), _dot(row_u, row_v), _dot(row_v, row_v)
    g = (float(to_conics[e, 0]), float(to_conics[e, 1]), float(to_conics[e, 2]), float(to_opacities[e]))
    ga, gb, gd, g_opacity = _covariance_gradient(a + s.eps2d, b, d + s.eps2d, a * d - b * b, g, s, float(opacities[i]))
    gu, gv = _combine(2 * ga, row_u, gb, row_v), _combine(2 * gd, row_v, gb, row_u)
    to_j = (_dot(gu, h[0]), _dot(gu, h[2]), _dot(gv, h[1]), _dot(gv, h[2]))
    gx, gy, gz = _point_gradient(x, y, z, k, s, jac, to_j, (float(to_means2d[e, 0]), float(to_means2d[e, 1])))
    gz += to_depths[e]
    zero = (0.0, 0.0, 0.0)
    gh = (_combine(jac[0], gu, 0.0, zero), _combine(jac[2], gv, 0.0, zero), _combine(jac[1], gu, jac[3], gv))
    gm = _back_through_rows(v, gh)
    sx, sy, sz = float(scales[i, 0]), float(scales[i, 1]), float(scales[i, 2])
    for axis in range(3):
        out[0][i, axis] += v[0, axis] * gx + v[1, axis] * gy + v[2, axis] * gz
        out[2][i, axis] += gm[0][axis] * r[0][axis] + gm[1][axis] * r[1][axis] + gm[2][axis] * r[2][axis]
    rows = (
        (gm[0][0] * sx, gm[0][1] * sy, gm[0][2] * sz),
        (gm[1][0] * sx, gm[1][1] * sy, gm[1][2] * sz),
        (gm[2][0] * sx, gm[2][1] * sy, gm[2][2] * sz),
    )
    _quaternion_gradient(quats, i, rows, out[1])
    out[3][i] += g_opacity
    point = (gx, gy, gz)
    for row in range(3):
        for column in range(3):
            view[row, column] += point[row] * means[i, column] + _dot(gh[row], m[column])
        view[row, 3] += point[row]


@kernel
def project_backward(
    ids: Array, radii: Array, inputs: Any, viewmat: Array, intrinsics: Array, s: Settings, gradients: Any, outputs: Any
) -> Array:
    """Add one camera's gradients to outputs (as `inputs`); returns that of the camera's matrix [4, 4].

    `ids` [m]: which splat each row of gradients (means2d [m, 2], conics [m, 3], depths [m], opacities [m]) belongs to, none
    twice; rows whose `radii` [m, 2] are 0 were not drawn.
    """
    m = len(ids)
    blocks = (m + BLOCK - 1) // BLOCK
    views = np.zeros((blocks, 4, 4))
    for block in prange(blocks):
        for e in range(block * BLOCK, min(m, (block + 1) * BLOCK)):
            if radii[e, 0] > 0 and radii[e, 1] > 0:
                _project_one_back(e, ids[e], inputs, viewmat, intrinsics, s, gradients, outputs, views[block])
    total = np.zeros((4, 4))
    for block in range(blocks):
        total += views[block]
    return total
