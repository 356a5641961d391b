"""The numbers that define the picture: one home for both the kernels and their twin (numpy-free, torch-free)."""

from typing import NamedTuple

TILE = 16
"""Side of the square of pixels that is composited at a time."""


class Settings(NamedTuple):
    """How one image is drawn; the defaults are gsplat 1.5.3's. A named tuple, so that compiled kernels read it."""

    width: int
    height: int
    near_plane: float = 0.01
    """Splats with camera z below are left out."""
    far_plane: float = 1e10
    radius_clip: float = 0.0
    """Splats whose radius in pixels is not larger are left out."""
    eps2d: float = 0.3
    """Added to the diagonal of the projected covariance, square pixels (low-pass filter)."""
    antialiased: bool = False
    """Compensate the low-pass filter in the opacity (Mip-Splatting, Yu et al. 2024, equation 9)."""
    ortho: bool = False
    """Orthographic instead of pinhole."""
    alpha_cutoff: float = 1 / 255
    """Fainter contributions are skipped."""
    alpha_max: float = 0.999
    """No splat covers more than this."""
    transmittance_stop: float = 1e-4
    """A pixel is finished before the splat that would bring its transmittance to this or below."""
    extent_max: float = 3.33
    """Cap of the splat's extent in standard deviations."""
    sigma_clamp: float = 0.3
    """The projection is linearised at most this fraction of the half field of view outside the image."""
