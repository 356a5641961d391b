"""What every renderer does, and which one to take."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32

from facecraft4d.runtime.animate import Heads
from facecraft4d.runtime.options import Backend
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Camera, Pose


@runtime_checkable
class Renderer(Protocol):
    """Draws the avatars that it was opened for off screen, at one fixed size. Who poses their splats, and where, is its own affair."""

    @property
    def note(self) -> str:
        """Who draws, for the user."""
        ...

    def draw(self, poses: Sequence[Pose], camera: Camera) -> Float32[np.ndarray, "h w 4"]:
        """Premultiplied RGBA in sRGB as displayed, row 0 at the top; one pose for each avatar. The camera must have the renderer's size."""
        ...

    def close(self) -> None:
        """Give back what the graphics driver holds."""
        ...


def open_renderer(avatars: Sequence[Avatar], width: int, height: int, backend: Backend = Backend.AUTO) -> Renderer:
    """A renderer of these avatars together, for images of that size.

    AUTO takes OpenGL where a graphics card stands behind it. Where OpenGL is missing or emulated on the processor it takes our own
    rasteriser, which is faster there. Raises UserError if OPENGL is asked for and cannot be had.
    """
    from facecraft4d.runtime.opengl import NoOpenGL, OffscreenRenderer

    if backend == Backend.SOFTWARE:
        return _software(Heads(avatars), width, height, "drawing on the processor")
    try:
        renderer = OffscreenRenderer(avatars, width, height)
    except NoOpenGL as error:
        if backend == Backend.OPENGL:
            raise UserError(f"OpenGL 3.3 cannot be had off screen: {error}; take --backend software") from None
        return _software(Heads(avatars), width, height, f"no OpenGL ({error}): drawing on the processor")
    if backend == Backend.AUTO and renderer.emulated:
        renderer.close()
        return _software(Heads(avatars), width, height, "no graphics card: drawing on the processor")
    return renderer


def _software(heads: Heads, width: int, height: int, note: str) -> Renderer:
    from facecraft4d.runtime.software import SoftwareRenderer  # compiles kernels: only when they are needed

    return SoftwareRenderer(heads, width, height, note)
