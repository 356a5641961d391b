"""Text in a window without a toolkit for it: the first words while libraries load, and help where there is no panel."""

import moderngl
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from facecraft4d.runtime.gl.shaders import source
from facecraft4d.runtime.picture import Color

TEXT_SIZE = 15
MARGIN = 12


class Words:
    """Lays dark text on a pale panel over a context's window."""

    def __init__(self, context: moderngl.Context) -> None:
        self._context = context
        self._program = context.program(vertex_shader=source("present.vert"), fragment_shader=source("present.frag"))
        corners = np.array([(0, 0), (0, 1), (1, 0), (1, 1)], np.float32)
        self._vertices = context.vertex_array(self._program, [(context.buffer(corners.tobytes()), "2f", "corner")])

    def alone(self, lines: tuple[str, ...], size: tuple[int, int], background: Color, scale: float = 1.0) -> None:
        """Nothing but the text, in a window of that size in pixels."""
        self._context.screen.use()
        self._context.screen.viewport = 0, 0, *size
        self._context.clear(*background, 1.0)
        self.over(lines, size, scale)

    def over(self, lines: tuple[str, ...], size: tuple[int, int], scale: float = 1.0) -> None:
        """The text over the top left corner of what is there; `scale` is that of the screen's text."""
        image = text_panel(lines, scale)
        texture = self._context.texture((image.shape[1], image.shape[0]), 4, image.tobytes())
        self._context.screen.use()
        self._context.screen.viewport = 0, 0, *size
        self._context.enable_only(moderngl.BLEND)
        self._context.blend_func = moderngl.ONE, moderngl.ONE_MINUS_SRC_ALPHA
        texture.use(0)
        self._program["place"] = 0.0, 0.0, image.shape[1] / size[0], image.shape[0] / size[1]
        self._vertices.render(moderngl.TRIANGLE_STRIP)
        texture.release()


def text_panel(lines: tuple[str, ...], scale: float = 1.0) -> np.ndarray:
    """The lines as premultiplied RGBA bytes [h, w, 4]; a tab begins the right column."""
    font = ImageFont.load_default(TEXT_SIZE * scale)
    row, margin = round((TEXT_SIZE + 6) * scale), round(MARGIN * scale)
    cells = [line.split("\t") for line in lines]
    left = max(font.getlength(parts[0]) for parts in cells)
    second = int(left) + 2 * margin
    right = max((font.getlength(parts[1]) for parts in cells if len(parts) > 1), default=None)
    width = margin + (int(left) if right is None else second + int(right)) + margin
    image = Image.new("RGBA", (width, row * len(lines) + 2 * margin), (225, 225, 225, 225))
    draw = ImageDraw.Draw(image)
    for number, parts in enumerate(cells):
        for place, text in zip((margin, margin + second), parts, strict=False):
            draw.text((place, margin + number * row), text, (20, 20, 20, 255), font)
    return np.asarray(image)
