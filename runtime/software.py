"""Draws on the processor, without any graphics driver."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from facecraft4d.runtime.animate import Heads
from facecraft4d.toolkit.core.datatypes import Camera, Pose, Splats
from facecraft4d.toolkit.splatting.cpu import COMPILING, draw, is_compiled, project
from facecraft4d.toolkit.splatting.settings import Settings


class SoftwareRenderer:
    """The toolkit's compiled rasteriser as a `Renderer`."""

    def __init__(self, heads: Heads, width: int, height: int, note: str, antialiased: bool = False) -> None:
        self._heads, self._note, self._size, self._antialiased = heads, note, (width, height), antialiased

    @property
    def note(self) -> str:
        """Who draws, for the user; before the first picture on a machine also that this takes a while."""
        return self._note if is_compiled() else f"{self._note} ({COMPILING})"

    def draw(self, poses: Sequence[Pose], camera: Camera) -> Float32[np.ndarray, "h w 4"]:
        """Premultiplied RGBA in sRGB as displayed, row 0 at the top."""
        if (camera.width, camera.height) != self._size:
            raise ValueError(f"camera must be {self._size} pixels, got {(camera.width, camera.height)}")
        return draw_splats(self._heads.splats(poses), camera, self._antialiased)

    def close(self) -> None:
        """Nothing to give back."""


def draw_splats(splats: Splats, camera: Camera, antialiased: bool = False) -> Float32[np.ndarray, "h w 4"]:
    """Any splats: premultiplied RGBA, row 0 at the top."""
    return draw(splats, camera, None, antialiased)


def blended_pixels(splats: Splats, camera: Camera) -> float:
    """The areas of all ellipses in which splats are blended, pixels: pi sqrt(det C) 2 ln(opacity / cut-off) each, parts outside of the picture too."""
    seen = project(splats, camera)
    drawn = seen.radii[:, 0] > 0
    determinants = np.maximum(seen.conics[drawn, 0] * seen.conics[drawn, 2] - seen.conics[drawn, 1] ** 2, 1e-20)
    cutoff = Settings(camera.width, camera.height).alpha_cutoff
    return float((2 * np.pi * np.log(seen.opacities[drawn] / cutoff) / np.sqrt(determinants)).sum())
