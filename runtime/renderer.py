"""What every renderer does, and which one to take."""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32

from facecraft4d.runtime.options import Backend
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Camera, Splats


@runtime_checkable
class Renderer(Protocol):
    """Draws splats off screen at one fixed size."""

    @property
    def note(self) -> str:
        """Who draws, for the user."""
        ...

    def draw(self, splats: Splats, camera: Camera) -> Float32[np.ndarray, "h w 4"]:
        """Premultiplied RGBA in sRGB as displayed, row 0 at the top. The camera must have the renderer's size."""
        ...

    def close(self) -> None:
        """Give back what the graphics driver holds."""
        ...


def open_renderer(width: int, height: int, backend: Backend = Backend.AUTO) -> Renderer:
    """A renderer for images of that size.

    AUTO takes OpenGL where a graphics card stands behind it. Where OpenGL is missing or emulated on the processor it takes our own
    rasteriser, which is faster there. Raises UserError if OPENGL is asked for and cannot be had.
    """
    from facecraft4d.runtime.opengl import NoOpenGL, OffscreenRenderer

    if backend == Backend.SOFTWARE:
        return _software(width, height, "drawing on the processor")
    try:
        renderer = OffscreenRenderer(width, height)
    except NoOpenGL as error:
        if backend == Backend.OPENGL:
            raise UserError(f"OpenGL 3.3 cannot be had off screen: {error}; take --backend software") from None
        return _software(width, height, f"no OpenGL ({error}): drawing on the processor")
    if backend == Backend.AUTO and renderer.emulated:
        renderer.close()
        return _software(width, height, "no graphics card: drawing on the processor")
    return renderer


def _software(width: int, height: int, note: str) -> Renderer:
    from facecraft4d.runtime.software import SoftwareRenderer  # compiles kernels: only when they are needed

    return SoftwareRenderer(width, height, note)
