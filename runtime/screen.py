"""Shows splats and text in the current window's OpenGL context."""

from collections.abc import Sequence

import moderngl
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from facecraft4d.runtime.animate import Heads
from facecraft4d.runtime.gl.drawing import Picture
from facecraft4d.runtime.gl.instances import Instances
from facecraft4d.runtime.gl.shaders import is_emulated, source
from facecraft4d.runtime.gl.tiers import open_instances
from facecraft4d.runtime.picture import Color
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Camera, Pose

WHOLE = (0.0, 0.0, 1.0, 1.0)
TEXT_SIZE = 15


class Screen:
    """The window's pixels. On a graphics card the splats never leave it; where OpenGL is emulated, the processor's own rasteriser
    draws them, which is three times as fast, and the window only shows the picture."""

    def __init__(self, context: moderngl.Context, avatars: Sequence[Avatar]) -> None:
        self._context = context
        self._program = context.program(vertex_shader=source("present.vert"), fragment_shader=source("present.frag"))
        corners = np.array([(0, 0), (0, 1), (1, 0), (1, 1)], np.float32)
        self._vertices = context.vertex_array(self._program, [(context.buffer(corners.tobytes()), "2f", "corner")])
        self.emulated = is_emulated(str(context.info["GL_RENDERER"]))
        self._heads: Heads | None = Heads(avatars) if self.emulated else None
        self._instances: Instances | None = None if self.emulated else open_instances(context, avatars)
        self._drawn: Picture | None = None
        self._picture: moderngl.Texture | None = None

    def draw(self, poses: Sequence[Pose], camera: Camera) -> None:
        """Draw the avatars, each in its pose, into a picture that takes the camera's size."""
        if self._picture is None or self._picture.size != (camera.width, camera.height):
            self._picture = self._resized(camera.width, camera.height)
        if self._drawn is not None and self._instances is not None:
            self._drawn.draw(self._instances.write(poses, camera, False), camera)
        elif self._heads is not None:
            from facecraft4d.runtime.software import draw_splats  # compiles kernels: only when they are needed

            self._picture.write(draw_splats(self._heads.splats(poses), camera).astype(np.float16).tobytes())

    @property
    def waiting(self) -> str:
        """Why the first picture takes a while; empty where it does not."""
        from facecraft4d.toolkit.splatting.cpu import COMPILING, is_compiled

        return COMPILING if self.emulated and not is_compiled() else ""

    def show_alone(self, lines: tuple[str, ...], size: tuple[int, int], background: Color) -> None:
        """Text without a picture, in a window of that size."""
        self._context.screen.viewport = 0, 0, *size
        self._context.screen.use()
        self._context.clear(*background, 1.0)
        self.show_text(lines)

    def show(self, background: Color) -> None:
        """Fill the window with the background and lay the last picture over it."""
        assert self._picture is not None, "draw before show"
        self._context.screen.viewport = 0, 0, *self._picture.size  # moderngl keeps the size of the first window
        self._context.screen.use()
        self._context.clear(*background, 1.0)
        self._lay(self._picture, WHOLE)

    def show_text(self, lines: tuple[str, ...]) -> None:
        """Lay dark text on a pale panel over the window's top left corner."""
        image = text_panel(lines)
        texture = self._context.texture((image.shape[1], image.shape[0]), 4, image.tobytes())
        width, height = self._context.screen.viewport[2:]
        self._lay(texture, (0.0, 0.0, image.shape[1] / width, image.shape[0] / height))
        texture.release()

    def read(self) -> np.ndarray:
        """The last picture: premultiplied RGBA float32 [h, w, 4], row 0 at the top."""
        assert self._picture is not None, "draw before read"
        width, height = self._picture.size
        return np.frombuffer(self._picture.read(), np.float16).reshape(height, width, 4).astype(np.float32)

    def _resized(self, width: int, height: int) -> moderngl.Texture:
        if self._drawn is not None:
            self._drawn.release()
        elif self._picture is not None:
            self._picture.release()
        if self._instances is None:
            return self._context.texture((width, height), 4, dtype="f2")
        self._drawn = Picture(self._context, (width, height), self._instances.buffer)
        return self._drawn.texture

    def _lay(self, texture: moderngl.Texture, place: tuple[float, float, float, float]) -> None:
        self._context.enable_only(moderngl.BLEND)
        self._context.blend_func = moderngl.ONE, moderngl.ONE_MINUS_SRC_ALPHA
        texture.use(0)
        self._program["place"] = place
        self._vertices.render(moderngl.TRIANGLE_STRIP)


def text_panel(lines: tuple[str, ...]) -> np.ndarray:
    """The lines as premultiplied RGBA bytes [h, w, 4]."""
    font = ImageFont.load_default(TEXT_SIZE)
    width = int(max(font.getlength(line) for line in lines)) + 24
    image = Image.new("RGBA", (width, (TEXT_SIZE + 6) * len(lines) + 18), (225, 225, 225, 225))
    draw = ImageDraw.Draw(image)
    for row, line in enumerate(lines):
        draw.text((12, 9 + row * (TEXT_SIZE + 6)), line, (20, 20, 20, 255), font)
    return np.asarray(image)
