"""Moving pixels: where each sample's surface was in the source view, and how samples become a pixel."""

from typing import no_type_check

import cv2
import numba
import numpy as np
from jaxtyping import Float32

from facecraft4d.toolkit.video_prior.mesh.source import FINE, SAME_SURFACE, STEP

STILL, STILL_METRES = 0.01, 1e-4
"""Pixels and metres of depth below which a sample has not moved: it is looked up at its own place."""

BARELY_HIDDEN = 0.01
"""Metres: what lay less than this behind the same layer and stays in place shows the pixels that were in front of it."""

SIDEWAYS, ALIKE = 0.02, 0.012
"""How far (image heights) to look for pixels beside a hidden surface, and how far they may lie in front of it or behind, metres."""

TORN = 1.0
"""Pixels by which the samples of one pixel may move apart before each is looked up alone."""


@numba.njit(cache=True, nogil=True)
@no_type_check
def trace(triangle, barycentrics, triangles, layers, source, vertex, moved, share):
    """For each fine sample: `moved` = its surface's pixel in the source minus its own, `share` = how far the source shows it.

    `source`: triangle, barycentrics, depth, doubtful (fine samples), areas (triangles), intrinsics,
    reaches of borders between layers and of steps in depth (fine samples).
    `vertex`: camera-space points in the source, motion from the source in pixels, intactness, whether it is plain skin: where the
    source hides that, it shows what is beside.
    """
    height, width = triangle.shape
    fx, fy, cx, cy = source[5]
    for row in range(height):
        for column in range(width):
            f = triangle[row, column]
            if f < 0:
                continue
            x, y, z, trust = _interpolated(triangles[f], barycentrics[row, column], vertex[0], vertex[2])
            x, y = fx * x / z + cx, fy * y / z + cy
            dx, dy = x - (column + 0.5) / FINE, y - (row + 0.5) / FINE
            still = abs(dx) < STILL and abs(dy) < STILL and abs(source[2][row, column] - z) < STILL_METRES
            r, c = (row, column) if still else (int(np.floor(y * FINE)), int(np.floor(x * FINE)))
            aside_x, aside_y, shown = _found(source, vertex, triangles, layers, r, c, z, f, dx, dy)
            moved[row, column, 0], moved[row, column, 1] = dx + aside_x / FINE, dy + aside_y / FINE
            share[row, column] = shown * trust if shown >= 0 else 1.0


@numba.njit(cache=True, nogil=True)
@no_type_check
def _found(source, vertex, triangles, layers, r, c, z, f, dx, dy):
    """Where the source shows a surface beside its place (r, c), in fine samples, and how: 0 not, 1 as far as it is intact, -1 fully."""
    source_triangle, _, source_depth, _, areas, _, _ = source
    height, width = source_triangle.shape
    if r < 0 or c < 0 or r >= height or c >= width or source_triangle[r, c] < 0:
        return 0.0, 0.0, 0.0
    quiet = abs(dx) < TORN and abs(dy) < TORN and layers[source_triangle[r, c]] == layers[f]
    certain = quiet and abs(source_depth[r, c] - z) < BARELY_HIDDEN
    if not certain:
        if areas[f] <= 0.0:
            return 0.0, 0.0, 0.0
        if not _seen(source, layers, r, c, z, layers[f]):
            if not vertex[3][triangles[f, 0]]:
                return 0.0, 0.0, 0.0
            beside_x, beside_y = _beside(source, layers, r, c, z, layers[f])
            return beside_x, beside_y, -1.0 if beside_x != 0.0 or beside_y != 0.0 else 0.0
    away_x, away_y = _way_out(source, vertex, triangles, layers, r, c, z, layers[f], -dx, -dy)
    if away_x != 0.0 or away_y != 0.0:
        r, c = r + int(np.rint(away_y)), c + int(np.rint(away_x))
        outside = r < 0 or c < 0 or r >= height or c >= width or source_triangle[r, c] < 0
        if outside or layers[source_triangle[r, c]] != layers[f]:
            return 0.0, 0.0, 0.0
    return away_x, away_y, -1.0 if certain else 1.0


@numba.njit(cache=True, nogil=True)
@no_type_check
def _interpolated(corners, weights, points, intact):
    """A sample's point in the source and its intactness, from its triangle's corners."""
    x, y, z, trust = 0.0, 0.0, 0.0, 0.0
    for corner in range(3):
        v, weight = corners[corner], weights[corner]
        x += weight * points[v, 0]
        y += weight * points[v, 1]
        z += weight * points[v, 2]
        trust += weight * intact[v]
    return x, y, z, trust


@numba.njit(cache=True, nogil=True)
@no_type_check
def _seen(source, layers, row, column, z, wanted):
    """Whether the source shows this layer at this depth."""
    triangle, depth = source[0], source[2]
    height, width = depth.shape
    if layers[triangle[row, column]] != wanted:
        return False
    for r in range(max(row - 1, 0), min(row + 2, height)):
        for c in range(max(column - 1, 0), min(column + 2, width)):
            if triangle[r, c] >= 0 and layers[triangle[r, c]] == wanted and abs(depth[r, c] - z) < SAME_SURFACE:
                return True
    return False


@numba.njit(cache=True, nogil=True)
@no_type_check
def _beside(source, layers, row, column, z, wanted):
    """From a hidden surface to the nearest place that shows the same layer at about its depth, and a reach farther; else (0, 0)."""
    triangle, depth, step_reach = source[0], source[2], source[6][1]
    height, width = depth.shape
    span = int(SIDEWAYS * height)
    nearest, out_x, out_y = 1e9, 0.0, 0.0
    for r in range(max(row - span, 0), min(row + span + 1, height)):
        for c in range(max(column - span, 0), min(column + span + 1, width)):
            distance = float((r - row) ** 2 + (c - column) ** 2)
            if distance >= nearest or triangle[r, c] < 0 or layers[triangle[r, c]] != wanted:
                continue
            if abs(depth[r, c] - z) < ALIKE:
                nearest, out_x, out_y = distance, float(c - column), float(r - row)
    farther = 1 + step_reach / max(np.sqrt(nearest), 1.0)
    r, c = row + int(farther * out_y), column + int(farther * out_x)
    if 0 <= r < height and 0 <= c < width and triangle[r, c] >= 0 and abs(depth[r, c] - z) < 2 * ALIKE:
        return out_x * farther, out_y * farther
    return out_x, out_y


@numba.njit(cache=True, nogil=True)
@no_type_check
def _way_out(source, vertex, triangles, layers, row, column, z, wanted, dx, dy):
    """Where to look instead, in fine samples, if something beside it (another layer, or nearer) moved differently.

    The fitted mesh is inexact there: the pixel may belong to that other thing. At its very edge the look goes a whole reach
    away from it, at two reaches nowhere, and evenly in between. (0, 0) if nothing is near.
    """
    triangle, barycentrics, depth, doubtful, _, _, (layer_reach, step_reach) = source
    motion = vertex[1]
    if not doubtful[row, column]:
        return 0.0, 0.0
    height, width = depth.shape
    span = int(2 * max(layer_reach, step_reach))
    best, out_x, out_y = 1e9, 0.0, 0.0
    stride = 1 + span // 8  # borders are lines: every second sample finds them
    for r in range(max(row - span, 0), min(row + span + 1, height), stride):
        for c in range(max(column - span, 0), min(column + span + 1, width), stride):
            f = triangle[r, c]
            if f < 0 or (layers[f] == wanted and depth[r, c] > z - STEP):
                continue
            reach = step_reach if layers[f] == wanted else layer_reach
            distance = np.sqrt(float((r - row) ** 2 + (c - column) ** 2))
            if distance >= best or distance >= 2 * reach or distance == 0.0:
                continue
            x, y = -dx, -dy
            for corner in range(3):
                x += barycentrics[r, c, corner] * motion[triangles[f, corner], 0]
                y += barycentrics[r, c, corner] * motion[triangles[f, corner], 1]
            if x * x + y * y > TORN**2:
                best, length = distance, (reach - distance / 2) / distance
                out_x, out_y = (column - c) * length, (row - r) * length
    return out_x, out_y


@numba.njit(cache=True, nogil=True)
@no_type_check
def gather(triangle, moved, share, fill, mean_moved, shown, filled, fill_color, torn):
    """Samples to pixels: mean motion weighted by share, share shown and share filled (of all samples), mean fill colour."""
    height, width = shown.shape
    for row in range(height):
        for column in range(width):
            low_x, high_x, low_y, high_y = 1e9, -1e9, 1e9, -1e9
            total, empty = 0.0, 0.0
            for r in range(row * FINE, row * FINE + FINE):
                for c in range(column * FINE, column * FINE + FINE):
                    if triangle[r, c] < 0:
                        continue
                    s = share[r, c]
                    total += s
                    empty += 1 - s
                    for k in range(3):
                        fill_color[row, column, k] += (1 - s) * fill[r, c, k]
                    if s > 0:
                        x, y = moved[r, c, 0], moved[r, c, 1]
                        mean_moved[row, column, 0] += s * x
                        mean_moved[row, column, 1] += s * y
                        low_x, high_x, low_y, high_y = min(low_x, x), max(high_x, x), min(low_y, y), max(high_y, y)
            if total > 0:
                mean_moved[row, column] /= total
                torn[row, column] = max(high_x - low_x, high_y - low_y) > TORN
            if empty > 0:
                fill_color[row, column] /= empty
            shown[row, column], filled[row, column] = total / FINE**2, empty / FINE**2


@numba.njit(cache=True, nogil=True)
@no_type_check
def look_up(rgba, mean_moved, torn, moved, share, out):
    """Each pixel's colour in the source: once at its mean motion, or sample by sample where the motion is torn."""
    height, width = torn.shape
    color = np.empty(4)
    for row in range(height):
        for column in range(width):
            if not torn[row, column]:
                _cubic(rgba, column + mean_moved[row, column, 0], row + mean_moved[row, column, 1], color)
                out[row, column] = color
                continue
            total = 0.0
            for r in range(row * FINE, row * FINE + FINE):
                for c in range(column * FINE, column * FINE + FINE):
                    s = share[r, c]
                    if s > 0:
                        x, y = (c + 0.5) / FINE + moved[r, c, 0] - 0.5, (r + 0.5) / FINE + moved[r, c, 1] - 0.5
                        _cubic(rgba, x, y, color)
                        out[row, column] += s * color
                        total += s
            out[row, column] /= total


@numba.njit(cache=True, nogil=True)
@no_type_check
def _cubic(image, x, y, out):
    """Catmull-Rom sample at index coordinates, kept within the four nearest pixels' range; edges repeat."""
    height, width, channels = image.shape
    left, top = int(np.floor(x)), int(np.floor(y))
    wx, wy = _weights(x - left), _weights(y - top)
    for k in range(channels):
        total, low, high = 0.0, 1e9, -1e9
        for j in range(4):
            row = min(max(top + j - 1, 0), height - 1)
            for i in range(4):
                value = image[row, min(max(left + i - 1, 0), width - 1), k]
                total += wy[j] * wx[i] * value
                if 0 < i < 3 and 0 < j < 3:
                    low, high = min(low, value), max(high, value)
        out[k] = min(max(total, low), high)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _weights(t):
    """Catmull-Rom weights of the four samples around a point, t in [0, 1) after the second."""
    return (
        0.5 * t * (t * (2 - t) - 1),
        0.5 * (t * t * (3 * t - 5) + 2),
        0.5 * t * (t * (4 - 3 * t) + 1),
        0.5 * t * t * (t - 1),
    )


def extended(field: Float32[np.ndarray, "h w c"], weight: Float32[np.ndarray, "h w"]) -> Float32[np.ndarray, "h w c"]:
    """The field where `weight` is above 0, continued smoothly elsewhere (push-pull pyramid; Gortler et al. 1996)."""
    known = np.minimum(weight, 1)[..., None]
    if min(field.shape[:2]) <= 4 or not known.any():
        total = max(float(known.sum()), 1e-9)
        outside = (field * known).sum((0, 1)) / total
        return np.asarray(np.where(known > 0, field, outside), np.float32)
    sums = cv2.pyrDown(np.dstack([field * known, known]))
    coarse = extended(sums[..., :-1] / np.maximum(sums[..., -1:], 1e-6), np.minimum(4 * sums[..., -1], 1))
    up = cv2.pyrUp(coarse, dstsize=(field.shape[1], field.shape[0])).reshape(field.shape)
    return np.asarray(np.where(known > 0, field, up), np.float32)
