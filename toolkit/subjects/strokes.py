"""Draws polylines with a width on the CPU: a z-buffer of strokes, made for hair, whose triangles would be thin and many."""

from dataclasses import dataclass
from typing import no_type_check

import numba
import numpy as np
from jaxtyping import Float, Float32, Int32

from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.core.geometry import transform_points

NEAR_METRES = 0.05
"""Nearer points are not drawn."""


@dataclass(frozen=True, slots=True, eq=False)
class Strokes:
    """What each pixel's centre sees of polylines."""

    segment: Int32[np.ndarray, "h w"]
    """Row among all points [n p] at which the nearest segment starts; -1 where there is none."""
    share: Float32[np.ndarray, "h w"]
    """How far along the segment, 0 to 1."""
    depth: Float32[np.ndarray, "h w"]
    """Camera z in metres; infinite where there is none."""

    @property
    def covered(self) -> np.ndarray:
        """Pixels [h, w] that see a stroke."""
        return np.asarray(self.segment >= 0)

    def colors(self, values: Float[np.ndarray, "m c"]) -> Float[np.ndarray, "k c"]:
        """Values of all points, along the strokes at the covered pixels."""
        first, share = self.segment[self.covered], self.share[self.covered][:, None]
        return np.asarray((1 - share) * values[first] + share * values[first + 1])


def draw_strokes(camera: Camera, points: Float[np.ndarray, "n p 3"], width: float) -> Strokes:
    """Polylines of `width` metres at their start and a third of it at their end."""
    seen = transform_points(camera.camera_from_world, points.astype(np.float64))
    shape = (camera.height, camera.width)
    segment, share = np.full(shape, -1, np.int32), np.zeros(shape, np.float32)
    depth = np.full(shape, np.inf, np.float32)
    _draw(seen, camera.fx, camera.fy, camera.cx, camera.cy, width / 2, segment, share, depth)
    return Strokes(segment, share, depth)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _draw(points, fx, fy, cx, cy, half, segment, share, depth):
    """Walks each segment pixel by pixel along its longer axis, and across it as wide as it is there."""
    height, width = depth.shape
    strands, steps = points.shape[:2]
    for strand in range(strands):
        for step in range(steps - 1):
            ax, ay, az = points[strand, step]
            bx, by, bz = points[strand, step + 1]
            if az < NEAR_METRES or bz < NEAR_METRES:
                continue
            u0, v0, u1, v1 = fx * ax / az + cx, fy * ay / az + cy, fx * bx / bz + cx, fy * by / bz + cy
            du, dv = u1 - u0, v1 - v0
            tall = abs(dv) > abs(du)
            long = max(abs(du), abs(dv), 1e-6)
            slope = np.sqrt(du * du + dv * dv) / long
            for walked in range(int(long) + 2):
                t = min(walked / long, 1.0)
                z = az + t * (bz - az)
                reach = max(0.5, half * (1 - 0.67 * (step + t) / (steps - 1)) * fx / z * slope)
                u, v = u0 + t * du, v0 + t * dv
                middle = u if tall else v
                for side in range(int(np.ceil(middle - reach - 0.5)), int(np.ceil(middle + reach - 0.5))):
                    column, row = (side, int(np.floor(v))) if tall else (int(np.floor(u)), side)
                    if 0 <= column < width and 0 <= row < height and z < depth[row, column]:
                        depth[row, column], segment[row, column], share[row, column] = z, strand * steps + step, t
