"""OpenGL without a window: its contexts, and a renderer."""

import sys
from collections.abc import Sequence
from typing import Any

import moderngl
import numpy as np
from jaxtyping import Float32

from facecraft4d.runtime.gl.drawing import LOOK, Look, Picture
from facecraft4d.runtime.gl.instances import Tier
from facecraft4d.runtime.gl.shaders import NoOpenGL
from facecraft4d.runtime.gl.tiers import open_instances, who_draws
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Camera, Pose
from facecraft4d.toolkit.splatting.cpu import COMPILING, projects_at_once

__all__ = ["NoOpenGL", "OffscreenRenderer", "offscreen_context", "who_draws_here"]


def who_draws_here() -> str:
    """What AUTO takes on this machine, for the user."""
    try:
        context = offscreen_context()
    except NoOpenGL as error:
        return f"the processor's own rasteriser; there is no OpenGL off screen ({error})"
    driver, version = str(context.info["GL_RENDERER"]), context.version_code
    context.release()
    return who_draws(driver, version)


class OffscreenRenderer:
    """OpenGL without a window, as a `Renderer`."""

    def __init__(
        self,
        avatars: Sequence[Avatar],
        width: int,
        height: int,
        tier: Tier | None = None,
        look: Look = LOOK,
        context: moderngl.Context | None = None,
    ) -> None:
        """By `suitable_tier` where no tier is asked for, in a `context` that it takes over, or one of its own. Raises NoOpenGL."""
        self._context, self._look = context or offscreen_context(), look
        self._instances = open_instances(self._context, avatars, tier)
        self._picture = Picture(self._context, (width, height), self._instances.buffer)

    @property
    def note(self) -> str:
        """Who draws, for the user; before the first picture on a machine also that this takes a while."""
        slow = self._instances.tier is Tier.UPLOAD and not projects_at_once()
        driver = self._context.info["GL_RENDERER"]
        return f"drawing with OpenGL on {driver} ({self._instances.tier}{'; ' + COMPILING if slow else ''})"

    def draw(self, poses: Sequence[Pose], camera: Camera) -> Float32[np.ndarray, "h w 4"]:
        """Premultiplied RGBA in sRGB as displayed, row 0 at the top."""
        with self._context:
            self._picture.draw(self._instances.write(poses, camera, self._look.antialiased), camera, self._look)
            return self._picture.read()

    def close(self) -> None:
        """Give back buffers and context."""
        with self._context:
            self._picture.release()
            self._instances.release()
        self._context.release()


def offscreen_context() -> moderngl.Context:
    """A context without a window: through EGL on Linux, the system's own way elsewhere. Raises NoOpenGL."""
    options: dict[str, Any] = {"backend": "egl"} if sys.platform.startswith("linux") else {}
    try:
        return moderngl.create_context(standalone=True, require=330, **options)
    except Exception as error:  # glcontext has no exception of its own
        raise NoOpenGL(str(error).splitlines()[0] if str(error) else type(error).__name__) from None
