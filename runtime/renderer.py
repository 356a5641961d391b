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


def open_renderer(
    avatars: Sequence[Avatar], width: int, height: int, backend: Backend = Backend.AUTO, antialiased: bool = False
) -> Renderer:
    """A renderer of these avatars together, for images of that size.

    With `antialiased` opacity makes up for the low-pass filter, which makes distant heads less fat; avatars are trained without.

    AUTO takes OpenGL where a graphics card stands behind it. Where OpenGL is missing or emulated on the processor it takes our own
    rasteriser, which is faster there. Raises UserError if OPENGL is asked for and cannot be had.
    """
    from facecraft4d.runtime import opengl
    from facecraft4d.runtime.gl.drawing import Look
    from facecraft4d.runtime.gl.shaders import is_emulated

    def software(note: str) -> Renderer:
        from facecraft4d.runtime.software import SoftwareRenderer  # compiles kernels: only when they are needed

        return SoftwareRenderer(Heads(avatars), width, height, note, antialiased)

    if backend == Backend.SOFTWARE:
        return software("drawing on the processor")
    try:
        context = opengl.offscreen_context()
    except opengl.NoOpenGL as error:
        if backend == Backend.OPENGL:
            raise UserError(f"OpenGL 3.3 cannot be had off screen: {error}; take --backend software") from None
        return software(f"no OpenGL ({error}): drawing on the processor")
    if backend == Backend.AUTO and is_emulated(str(context.info["GL_RENDERER"])):
        context.release()
        return software("no graphics card: drawing on the processor")
    return opengl.OffscreenRenderer(avatars, width, height, look=Look(antialiased), context=context)
