"""Pictures of splats without torch and without a graphics card: for players that find no OpenGL, and for reports."""

from typing import NamedTuple

import numba
import numpy as np
from jaxtyping import Float32, Int32

from facecraft4d.toolkit.core.checks import check_finite
from facecraft4d.toolkit.core.datatypes import Camera, Splats
from facecraft4d.toolkit.splatting import binning, ellipses, kernels, projection
from facecraft4d.toolkit.splatting.compiling import is_kept
from facecraft4d.toolkit.splatting.settings import Settings

ELLIPSE_FLOATS = ellipses.NUMBERS
"""Of a row of `project_ellipses`."""
BLACK = (0.0, 0.0, 0.0)
COMPILING = "compiling the rasteriser, once on this machine"
"""What to tell a user before the first picture where `is_compiled` is false."""


def is_compiled() -> bool:
    """Whether `draw` starts at once."""
    return is_kept(projection.project, binning.find_pairs, kernels.blend)


def projects_at_once() -> bool:
    """Whether `project_ellipses` does."""
    return is_kept(ellipses.ellipses)


class Projected(NamedTuple):
    """Splats on a picture; row i is splat i, with zeros where it is not drawn."""

    means: np.ndarray
    """[n, 2] pixels, pixel centres at one half, rows downwards."""
    conics: np.ndarray
    """[n, 3] inverse covariance xx, xy, yy, low-pass filter included, 1 / square pixels."""
    depths: np.ndarray
    """[n] camera z, metres."""
    opacities: np.ndarray
    """[n] with the filter made up for where that is wished."""
    radii: np.ndarray
    """[n, 2] int32, half sizes in pixels of the box outside which the splat is fainter than the cut-off."""


def project(splats: Splats, camera: Camera, antialiased: bool = False) -> Projected:
    """Where splats lie on the camera's picture. Raises ValueError when a splat's number is not finite."""
    inputs, view, intrinsics = _inputs(splats, camera)
    count = len(splats.means)
    means, conics, depths, opacities = (np.empty((count, *tail), np.float32) for tail in ((2,), (3,), (), ()))
    radii = np.empty((count, 2), np.int32)
    s = Settings(camera.width, camera.height, antialiased=antialiased)
    projection.project(inputs, view, intrinsics, s, (means, conics, depths, opacities, radii))
    return Projected(means, conics, depths, opacities, radii)


def project_ellipses(splats: Splats, camera: Camera, antialiased: bool = False) -> Float32[np.ndarray, "n 12"]:
    """Splats as the ellipses that they fill (ellipses.py says what a row holds), in their own order. ValueError as `project`."""
    inputs, view, intrinsics = _inputs(splats, camera)
    rows = np.empty((len(splats.means), ELLIPSE_FLOATS), np.float32)
    s = Settings(camera.width, camera.height, antialiased=antialiased)
    ellipses.ellipses(inputs, np.ascontiguousarray(splats.colors, np.float32), view, intrinsics, s, rows)
    return rows


def _inputs(splats: Splats, camera: Camera) -> tuple[tuple[np.ndarray, ...], np.ndarray, np.ndarray]:
    """What projection takes of splats and camera."""
    arrays = (splats.means, splats.rotations_wxyz, splats.scales, splats.opacities, splats.colors)
    for name, array in zip(("means", "rotations_wxyz", "scales", "opacities", "colors"), arrays, strict=True):
        if not np.isfinite(array.sum()):
            check_finite(f"splats.{name}", array)
    intrinsics = np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]], np.float64)
    view = np.ascontiguousarray(camera.camera_from_world, np.float64)
    return tuple(np.ascontiguousarray(array, np.float32) for array in arrays[:4]), view, intrinsics


def depth_order(depths: Float32[np.ndarray, " n"]) -> Int32[np.ndarray, " n"]:
    """Indices from the least depth to the greatest; equal ones stay as they are."""
    return binning.depth_order(depths)


def draw(
    splats: Splats,
    camera: Camera,
    background: tuple[float, float, float] | None = None,
    antialiased: bool = False,
) -> Float32[np.ndarray, "h w 4"]:
    """Colours over `background` (None: times alpha, over nothing), and alpha; row 0 at the top.

    Colours below 0 count as 0; nothing is clipped above. Raises ValueError when a splat's number is not finite.
    Same picture as `rasterize.rasterization` of the same splats.
    """
    return _blend(project(splats, camera, antialiased), splats.colors, camera, background or BLACK)


def draw_depth(
    splats: Splats, camera: Camera, antialiased: bool = False
) -> tuple[Float32[np.ndarray, "h w"], Float32[np.ndarray, "h w"]]:
    """Mean camera z of what is seen, weighed by how much it is seen (metres; infinity where nothing is), and alpha."""
    projected = project(splats, camera, antialiased)
    picture = _blend(projected, np.repeat(projected.depths[:, None], 3, 1), camera, BLACK)
    weighed, alpha = picture[..., 0], picture[..., 3]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(alpha > 0, weighed / alpha, np.float32(np.inf)).astype(np.float32), alpha


def _blend(
    projected: Projected, colors: np.ndarray, camera: Camera, background: tuple[float, float, float]
) -> Float32[np.ndarray, "h w 4"]:
    """Colours and alpha."""
    s = Settings(camera.width, camera.height)
    shown = np.ascontiguousarray(np.maximum(colors, 0), np.float32)
    bins = binning.bin_splats(*projected, s, numba.get_num_threads())
    picture = np.empty((s.height, s.width, 4), np.float32)
    kernels.blend(bins, shown, np.array(background, np.float32), (0,) * 3, s, picture)
    return picture
