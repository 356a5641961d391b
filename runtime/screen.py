"""Shows splats in the current window's OpenGL context."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import moderngl
import numpy as np

from facecraft4d.runtime.animate import Heads
from facecraft4d.runtime.gl.drawing import BRIGHTEST, LOOK, Look, Picture
from facecraft4d.runtime.gl.instances import Instances
from facecraft4d.runtime.gl.shaders import is_emulated, source
from facecraft4d.runtime.gl.tiers import open_instances
from facecraft4d.runtime.picture import Color
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Camera, Pose, Splats

WHOLE = (0.0, 0.0, 1.0, 1.0)


class Screen:
    """The window's pixels. On a graphics card the splats never leave it; where OpenGL is emulated, the processor's own rasteriser
    draws them, which is three times as fast, and the window only shows the picture."""

    def __init__(self, context: moderngl.Context, avatars: Sequence[Avatar], emulated: bool | None = None) -> None:
        """`emulated` says whether the processor is to draw; None: as the driver is."""
        self._context = context
        self._program = context.program(vertex_shader=source("present.vert"), fragment_shader=source("present.frag"))
        corners = np.array([(0, 0), (0, 1), (1, 0), (1, 1)], np.float32)
        self._vertices = context.vertex_array(self._program, [(context.buffer(corners.tobytes()), "2f", "corner")])
        self.emulated = is_emulated(str(context.info["GL_RENDERER"])) if emulated is None else emulated
        self._heads: Heads | None = Heads(avatars) if self.emulated else None
        self._instances: Instances | None = None if self.emulated else open_instances(context, avatars)
        self.brightest = 1.0 if self.emulated else BRIGHTEST
        """The colour that the picture holds as 1."""
        self._program["brightest"] = self.brightest
        self._drawn: Picture | None = None
        self._picture: moderngl.Texture | None = None
        self.milliseconds: dict[str, float] = {}
        """What the parts of the last `draw` took on the processor; a graphics card may draw on meanwhile."""

    def draw(self, poses: Sequence[Pose], camera: Camera, look: Look = LOOK) -> None:
        """Draw the avatars, each in its pose, into a picture that takes the camera's size."""
        if self._picture is None or self._picture.size != (camera.width, camera.height):
            self._picture = self._resized(camera.width, camera.height)
        if self._drawn is not None and self._instances is not None:
            with self._timed("deform, sort"):
                count = self._instances.write(poses, camera, look.antialiased)
            with self._timed("draw"):
                self._drawn.draw(count, camera, look)
        elif self._heads is not None:
            from facecraft4d.runtime.software import draw_splats  # compiles kernels: only when they are needed

            with self._timed("deform"):
                splats = emphasized(self._heads.splats(poses), look)
            with self._timed("sort, draw"):
                picture = draw_splats(splats, camera)
            with self._timed("upload"):
                self._picture.write(picture)

    @contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.milliseconds[part] = 1e3 * (time.perf_counter() - start)

    def show(self, background: Color) -> None:
        """Fill the window with the background and lay the last picture over it."""
        assert self._picture is not None, "draw before show"
        self._context.screen.viewport = 0, 0, *self._picture.size  # moderngl keeps the size of the first window
        self._context.screen.use()
        self._context.clear(*background, 1.0)
        self._lay(self._picture, WHOLE)

    @property
    def picture(self) -> moderngl.Texture:
        """Where `draw` draws: premultiplied RGBA, colours divided by `brightest`, row 0 at the top."""
        assert self._picture is not None, "draw before picture"
        return self._picture

    def read(self) -> np.ndarray:
        """The last picture: premultiplied RGBA float32 [h, w, 4], row 0 at the top."""
        assert self._picture is not None, "draw before read"
        if self._drawn is not None:
            return self._drawn.read()
        width, height = self._picture.size
        return np.frombuffer(self._picture.read(), np.float32).reshape(height, width, 4)

    def _resized(self, width: int, height: int) -> moderngl.Texture:
        if self._drawn is not None:
            self._drawn.release()
        elif self._picture is not None:
            self._picture.release()
        if self._instances is None:
            return self._context.texture(
                (width, height), 4, dtype="f4"
            )  # halving the floats takes longer than drawing them
        self._drawn = Picture(self._context, (width, height), self._instances.buffer)
        return self._drawn.texture

    def _lay(self, texture: moderngl.Texture, place: tuple[float, float, float, float]) -> None:
        self._context.enable_only(moderngl.BLEND)
        self._context.blend_func = moderngl.ONE, moderngl.ONE_MINUS_SRC_ALPHA
        texture.use(0)
        self._program["place"] = place
        self._vertices.render(moderngl.TRIANGLE_STRIP)


def emphasized(splats: Splats, look: Look) -> Splats:
    """Splats as `Look.scale` and `Look.gain` want them."""
    if (look.scale, look.gain) == (1.0, 1.0):
        return splats
    scales, opacities = splats.scales * np.float32(look.scale), splats.opacities * np.float32(look.gain)
    return replace(splats, scales=scales, opacities=opacities)
