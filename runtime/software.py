"""Draws on the processor, without any graphics driver."""

import numpy as np
from jaxtyping import Float32

from facecraft4d.toolkit.core.datatypes import Camera, Splats
from facecraft4d.toolkit.splatting.cpu import COMPILING, draw, is_compiled


class SoftwareRenderer:
    """The toolkit's compiled rasteriser as a `Renderer`."""

    def __init__(self, width: int, height: int, note: str) -> None:
        self._note, self._size = note, (width, height)

    @property
    def note(self) -> str:
        """Who draws, for the user; before the first picture on a machine also that this takes a while."""
        return self._note if is_compiled() else f"{self._note} ({COMPILING})"

    def draw(self, splats: Splats, camera: Camera) -> Float32[np.ndarray, "h w 4"]:
        """Premultiplied RGBA in sRGB as displayed, row 0 at the top."""
        if (camera.width, camera.height) != self._size:
            raise ValueError(f"camera must be {self._size} pixels, got {(camera.width, camera.height)}")
        image, alpha = draw(splats, camera, None)
        return np.concatenate([image, alpha[..., None]], -1)

    def close(self) -> None:
        """Nothing to give back."""
