"""Pictures of splats without torch and without a graphics card: for players that find no OpenGL, and for reports."""

import numba
import numpy as np
from jaxtyping import Float32

from facecraft4d.toolkit.core.checks import check_finite
from facecraft4d.toolkit.core.datatypes import Camera, Splats
from facecraft4d.toolkit.splatting import binning, kernels, projection
from facecraft4d.toolkit.splatting.compiling import is_kept
from facecraft4d.toolkit.splatting.settings import Settings

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
    s = Settings(camera.width, camera.height)
    shown = np.maximum(splats.colors, 0)
    arrays = (splats.means, splats.rotations_wxyz, splats.scales, splats.opacities, shown)
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
    kernels.blend(bins, colors, np.array(background or BLACK, np.float32), (0,) * colors.shape[1], s, image, alpha)
    return image, alpha
