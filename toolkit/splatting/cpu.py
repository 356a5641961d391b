"""Pictures of splats without torch and without a graphics card: for players that find no OpenGL, and for reports."""

from typing import Any

import numba
import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray

from facecraft4d.toolkit.core.checks import check_finite
from facecraft4d.toolkit.core.datatypes import Camera, Splats
from facecraft4d.toolkit.splatting import binning, kernels, projection
from facecraft4d.toolkit.splatting.compiling import is_kept
from facecraft4d.toolkit.splatting.settings import Settings

Array = NDArray[Any]
BLACK = (0.0, 0.0, 0.0)
COMPILING = "compiling the rasteriser, once on this machine"
"""What to tell a user before the first picture where `is_compiled` is false."""


def is_compiled() -> bool:
    """Whether `draw` starts at once."""
    return is_kept(projection.project, binning.find_pairs, kernels.blend)


def draw(
    splats: Splats, camera: Camera, background: tuple[float, float, float] | None = None
) -> tuple[Float32[np.ndarray, "h w 3"], Float32[np.ndarray, "h w"]]:
    """Image (over `background`; None: colours times alpha, over nothing) and alpha, float32.

    Colours below 0 count as 0; nothing is clipped above. Raises ValueError when a splat's number is not finite.
    Same picture as `rasterize.rasterization` of the same splats.
    """
    return _render(splats, camera, np.maximum(splats.colors, 0), background or BLACK)


def draw_with_depth(
    splats: Splats, camera: Camera, background: tuple[float, float, float] | None = None
) -> tuple[Float32[np.ndarray, "h w 3"], Float32[np.ndarray, "h w"], Float32[np.ndarray, "h w"]]:
    """As `draw`, and the expected camera z in metres; 0 where alpha is 0."""
    row = camera.camera_from_world[2]
    depths = splats.means @ row[:3] + row[3]
    channels = np.column_stack([np.maximum(splats.colors, 0), depths])
    image, alpha = _render(splats, camera, channels, (*(background or BLACK), 0.0))
    return np.ascontiguousarray(image[..., :3]), alpha, image[..., 3] / np.maximum(alpha, np.float32(1e-10))


def _render(splats: Splats, camera: Camera, channels: Array, background: tuple[float, ...]) -> tuple[Array, Array]:
    """Image [h, w, d] of channels [n, d] (d one of kernels.CHANNELS) and alpha."""
    s = Settings(camera.width, camera.height)
    arrays = (splats.means, splats.rotations_wxyz, splats.scales, splats.opacities, channels)
    for name, array in zip(("means", "rotations_wxyz", "scales", "opacities", "colors"), arrays, strict=True):
        if not np.isfinite(array.sum()):
            check_finite(f"splats.{name}", array)
    *inputs, colors = (np.ascontiguousarray(array, np.float32) for array in arrays)
    intrinsics = np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]], np.float64)
    projected = tuple(np.empty((len(colors), *tail), np.float32) for tail in ((2,), (3,), (), ()))
    radii = np.empty((len(colors), 2), np.int32)
    view = np.ascontiguousarray(camera.camera_from_world, np.float64)
    projection.project(tuple(inputs), view, intrinsics, s, (*projected, radii))
    means2d, conics, depths, opacities = projected
    bins = binning.bin_splats(means2d, conics, depths, opacities, radii, s, numba.get_num_threads())
    image = np.empty((s.height, s.width, colors.shape[1]), np.float32)
    alpha = np.empty((s.height, s.width), np.float32)
    kernels.blend(bins, colors, np.array(background, np.float32), (0,) * colors.shape[1], s, image, alpha)
    return image, alpha
