"""A window that plays an avatar."""

import time
from contextlib import ExitStack
from typing import Any

import glfw
import moderngl

from facecraft4d.runtime.animate import Animator
from facecraft4d.runtime.capture import Capture
from facecraft4d.runtime.options import PlayOptions
from facecraft4d.runtime.picture import Color, background_color, composite
from facecraft4d.runtime.screen import Screen
from facecraft4d.runtime.viewer import Viewer
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Motion

Window = Any
"""glfw's own pointer type has no public name."""


def play(avatar: Avatar, clips: tuple[Motion, ...], options: PlayOptions | None = None) -> None:
    """Open a window and play until it is closed; number keys choose among the clips, the first plays at once.

    Pictures and videos that the user takes go into the current folder. Raises UserError without a display.
    """
    options = options or PlayOptions()
    background = background_color(options.background)
    if background is None:
        raise UserError("a window cannot be transparent: choose white, black or #rrggbb")
    viewer, animator = Viewer(avatar, clips), Animator(avatar)
    with ExitStack() as stack:
        window = _open_window(options.size, viewer, stack)
        screen, capture = Screen(moderngl.create_context(require=330)), Capture()
        stack.callback(capture.stop)
        start = now = time.monotonic()
        while not (glfw.window_should_close(window) or viewer.closing or now - start > options.seconds):
            glfw.poll_events()
            elapsed, now = time.monotonic() - now, time.monotonic()
            viewer.advance(elapsed)
            width, height = glfw.get_framebuffer_size(window)
            if width and height:  # both are 0 while the window is minimised
                screen.draw(animator.splats(viewer.pose()), viewer.orbit.camera(width, height))
                _show(screen, viewer, capture, background, now)
            glfw.set_window_title(window, viewer.title() + (", recording" if capture.recording else ""))
            glfw.swap_buffers(window)


def _show(screen: Screen, viewer: Viewer, capture: Capture, background: Color, now: float) -> None:
    """Show the picture that was drawn, save it if the user wishes, and lay the help over it."""
    screen.show(background)
    if viewer.wishes or capture.recording:
        capture.take(composite(screen.read(), background), viewer.wishes, now)
        viewer.wishes.clear()
    if viewer.help:
        screen.show_text(viewer.help_lines())


def _open_window(size: int, viewer: Viewer, stack: ExitStack) -> Window:
    """A window with an OpenGL 3.3 context, its keys and mouse tied to the viewer; closed when the stack is."""
    glfw.ERROR_REPORTING = "ignore"
    window = None
    if glfw.init():
        stack.callback(glfw.terminate)
        for hint, value in (
            (glfw.CONTEXT_VERSION_MAJOR, 3),
            (glfw.CONTEXT_VERSION_MINOR, 3),
            (glfw.OPENGL_PROFILE, glfw.OPENGL_CORE_PROFILE),
            (glfw.OPENGL_FORWARD_COMPAT, True),
        ):
            glfw.window_hint(hint, value)
        window = glfw.create_window(size, size, viewer.title(), None, None)
    if not window:
        raise UserError(
            f"cannot open a window: {_reason()}; without a display, add --record clip.mp4 to write a video instead"
        )
    glfw.make_context_current(window)
    glfw.swap_interval(1)
    _tie_input(window, viewer)
    return window


def _reason() -> str:
    """What glfw says went wrong."""
    text = glfw.get_error()[1]
    return text.decode() if isinstance(text, bytes) else str(text or "no display")


def _tie_input(window: Window, viewer: Viewer) -> None:
    pointer = [0.0, 0.0]

    def moved(_: object, x: float, y: float) -> None:
        if glfw.get_mouse_button(window, glfw.MOUSE_BUTTON_LEFT) == glfw.PRESS:
            viewer.drag(x - pointer[0], y - pointer[1])
        pointer[:] = x, y

    def pressed(_: object, key: int, code: int, action: int, modifiers: int) -> None:
        if action in (glfw.PRESS, glfw.REPEAT):
            viewer.key(key)

    glfw.set_cursor_pos_callback(window, moved)
    glfw.set_key_callback(window, pressed)
    glfw.set_scroll_callback(window, lambda _, right, up: viewer.wheel(up))
