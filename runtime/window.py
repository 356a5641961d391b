"""A window of the system with an OpenGL context: it opens at once, says what it waits for, and hands on what is done to it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import glfw
import moderngl

from facecraft4d.runtime.picture import Color
from facecraft4d.runtime.viewer.words import Words
from facecraft4d.toolkit.core.checks import UserError

Handle = Any
"""glfw's own pointer type has no public name."""

NO_MONITOR: Any = None

MOST_PIXELS_PER_UNIT = 4.0
"""The densest screens of telephones have 4; letters drawn for a hundred fill every texture."""


@dataclass(slots=True)
class Events:
    """Who hears of what the user does. Places are in the window's own units from its top left."""

    pointer: Callable[[float, float], None] = lambda x, y: None
    button: Callable[[int, bool], None] = lambda button, down: None
    wheel: Callable[[float, float], None] = lambda right, up: None
    key: Callable[[int, bool], None] = lambda key, down: None
    """A key by glfw's code; down again and again while it is held."""
    letter: Callable[[int], None] = lambda code: None
    drop: Callable[[list[Path]], None] = lambda paths: None
    focus: Callable[[bool], None] = lambda focused: None


@dataclass(slots=True)
class _Place:
    """Where a window was before it filled the screen."""

    x: int = 0
    y: int = 0
    size: tuple[int, int] = field(default=(0, 0))


class Window:
    """A window; `close` gives it back, as does leaving a `with` block."""

    def __init__(self, title: str, size: tuple[int, int], background: Color) -> None:
        """Open it, `size` in the screen's units. UserError without a display."""
        glfw.ERROR_REPORTING = "ignore"
        self.handle = _opened(title, size)
        glfw.make_context_current(self.handle)
        glfw.swap_interval(1)
        self.context = moderngl.create_context(require=330)
        self.context.gc_mode = "auto"  # what no longer is in use is given back
        self.background = background
        self.events = Events()
        self._words = Words(self.context)
        self._before = _Place()
        self._tie()

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height in pixels; both are 0 while the window is minimised."""
        width, height = glfw.get_framebuffer_size(self.handle)
        return width, height

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in the screen's units, those of the pointer."""
        width, height = glfw.get_window_size(self.handle)
        return width, height

    @property
    def density(self) -> float:
        """Pixels in a unit of the screen. While the window changes its size the one is known before the other: what no screen has does not count."""
        pixels, units = self.pixels[0], self.size[0]
        return min(max(pixels / units, 1.0), MOST_PIXELS_PER_UNIT) if units else 1.0

    @property
    def text_scale(self) -> float:
        """How much larger than usual text is on this screen, in pixels."""
        return float(glfw.get_window_content_scale(self.handle)[0]) or 1.0

    @property
    def closing(self) -> bool:
        """True when the user has closed it."""
        return bool(glfw.window_should_close(self.handle))

    def say(self, *lines: str) -> None:
        """Show these words and nothing else, at once."""
        if all(self.pixels):
            self._words.alone(lines, self.pixels, self.background, self.text_scale)
            glfw.swap_buffers(self.handle)
        glfw.poll_events()

    def caption(self, lines: tuple[str, ...]) -> None:
        """Lay words over what is drawn."""
        self._words.over(lines, self.pixels, self.text_scale)

    def shift(self) -> bool:
        """Whether a Shift key is down."""
        return any(glfw.get_key(self.handle, key) == glfw.PRESS for key in (glfw.KEY_LEFT_SHIFT, glfw.KEY_RIGHT_SHIFT))

    def show(self, title: str) -> None:
        """What was drawn, with that title."""
        glfw.set_window_title(self.handle, title)
        glfw.swap_buffers(self.handle)

    def poll(self) -> None:
        """Hand on what happened meanwhile."""
        glfw.poll_events()

    def toggle_fullscreen(self) -> None:
        """Fill the screen, or go back to where the window was."""
        if glfw.get_window_monitor(self.handle):
            place = self._before
            glfw.set_window_monitor(self.handle, NO_MONITOR, place.x, place.y, *place.size, 0)
            return
        monitor = glfw.get_primary_monitor()
        if monitor:
            x, y = glfw.get_window_pos(self.handle)
            self._before = _Place(x, y, self.size)
            mode = glfw.get_video_mode(monitor)
            glfw.set_window_monitor(self.handle, monitor, 0, 0, mode.size.width, mode.size.height, mode.refresh_rate)

    def close(self) -> None:
        """Give the window back."""
        glfw.terminate()

    def __enter__(self) -> "Window":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _tie(self) -> None:
        """What happens to the window goes to whoever `events` names then."""

        def key(_: object, code: int, scan: int, action: int, modifiers: int) -> None:
            self.events.key(code, action != glfw.RELEASE)

        def button(_: object, which: int, action: int, modifiers: int) -> None:
            self.events.button(which, action == glfw.PRESS)

        def dropped(_: object, paths: Any) -> None:  # glfw's annotations know of C alone
            self.events.drop([Path(path) for path in paths])

        glfw.set_key_callback(self.handle, key)
        glfw.set_mouse_button_callback(self.handle, button)
        glfw.set_cursor_pos_callback(self.handle, lambda _, x, y: self.events.pointer(x, y))
        glfw.set_scroll_callback(self.handle, lambda _, right, up: self.events.wheel(right, up))
        glfw.set_char_callback(self.handle, lambda _, code: self.events.letter(code))
        glfw.set_window_focus_callback(self.handle, lambda _, focused: self.events.focus(bool(focused)))
        on_drop: Any = dropped
        glfw.set_drop_callback(self.handle, on_drop)


def _opened(title: str, size: tuple[int, int]) -> Handle:
    window = None
    if glfw.init():
        for hint, value in (
            (glfw.CONTEXT_VERSION_MAJOR, 3),
            (glfw.CONTEXT_VERSION_MINOR, 3),
            (glfw.OPENGL_PROFILE, glfw.OPENGL_CORE_PROFILE),
            (glfw.OPENGL_FORWARD_COMPAT, True),
            (glfw.SCALE_TO_MONITOR, True),
        ):
            glfw.window_hint(hint, value)
        window = glfw.create_window(*size, title, None, None)
    if not window:
        reason = _reason()
        glfw.terminate()
        raise UserError(
            f"cannot open a window: {reason}; without a display, add --record clip.mp4 to write a video instead"
        )
    return window


def _reason() -> str:
    """What glfw says went wrong."""
    text = glfw.get_error()[1]
    return text.decode() if isinstance(text, bytes) else str(text or "no display")
