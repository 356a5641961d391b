"""A window that plays an avatar: the player's state on the screen, keys and mouse tied to it."""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, ClassVar

import glfw
import moderngl

from facecraft4d.runtime.camera import framing
from facecraft4d.runtime.capture import Capture
from facecraft4d.runtime.drivers.live import Live
from facecraft4d.runtime.options import PlayOptions
from facecraft4d.runtime.picture import Color, background_color, composite
from facecraft4d.runtime.player import Player
from facecraft4d.runtime.screen import Screen
from facecraft4d.runtime.sources import PoseSource
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Pose

HELP = (
    "drag or arrow keys: turn        wheel, + and -: zoom        Home: back to the front",
    "space: pause        , and .: one frame back or on        1 to 9: clip        0: at rest",
    "S: save the picture        R: start or stop a video        C: take your face for the neutral one",
    "H: this text        Esc: close",
)
DEGREES_PER_PIXEL = 0.4
STEP_DEGREES = 5.0
ZOOM_STEP = 1.1

Window = Any
"""glfw's own pointer type has no public name."""


def play(
    avatar: Avatar,
    sources: Mapping[str, PoseSource],
    options: PlayOptions | None = None,
    life: PoseSource | None = None,
    watch: Callable[[Pose], None] = lambda pose: None,
) -> None:
    """Open a window and play until it is closed; number keys choose among the sources by name, the first plays at once.

    At rest the head has the `life` that it is given; `watch` sees every pose that is shown. Pictures and videos that the user takes go into the current folder. Raises UserError without a display.
    """
    options = options or PlayOptions()
    background = background_color(options.background)
    if background is None:
        raise UserError("a window cannot be transparent: choose white, black or #rrggbb")
    player = Player(avatar, sources, framing(avatar), life)
    controls = Controls(player)
    with ExitStack() as stack:
        window = _open_window(options.size, controls, stack)
        screen, capture = Screen(moderngl.create_context(require=330), (avatar,)), Capture()
        stack.callback(capture.stop)
        if screen.waiting:
            screen.show_alone((screen.waiting,), glfw.get_framebuffer_size(window), background)
            glfw.swap_buffers(window)
        start = now = time.monotonic()
        while not (glfw.window_should_close(window) or controls.closing or now - start > options.seconds):
            glfw.poll_events()
            elapsed, now = time.monotonic() - now, time.monotonic()
            player.advance(elapsed)
            pose = player.pose()
            watch(pose)
            width, height = glfw.get_framebuffer_size(window)
            if width and height:  # both are 0 while the window is minimised
                screen.draw((pose,), player.camera.camera(width, height))
                _show(screen, controls, capture, background, now)
            glfw.set_window_title(window, controls.title() + (", recording" if capture.recording else ""))
            glfw.swap_buffers(window)


class Controls:
    """What keys and mouse do to a player, and what they ask of the window."""

    def __init__(self, player: Player) -> None:
        self.player = player
        self.help, self.closing = False, False
        self.wishes: set[str] = set()
        """What the window should do next: picture, video."""

    def key(self, key: int) -> None:
        """React to a key by its glfw code; other keys do nothing."""
        if glfw.KEY_0 <= key <= glfw.KEY_9:
            self._choose(key - glfw.KEY_0)
        elif key in self._actions:
            self._actions[key](self)

    def drag(self, right: float, down: float) -> None:
        """Turn the head with the mouse, in pixels."""
        self._turn(-right * DEGREES_PER_PIXEL, down * DEGREES_PER_PIXEL)

    def wheel(self, steps: float) -> None:
        """Zoom in by positive steps."""
        self.player.camera = self.player.camera.zoomed(ZOOM_STEP**steps)

    def title(self) -> str:
        """For the window's frame."""
        paused = "" if self.player.playing else " (paused)"
        return f"facecraft4d: {self.player.current or 'at rest'}{paused}, H for help"

    def help_lines(self) -> tuple[str, ...]:
        """Keys and clips."""
        names = "        ".join(f"{number}: {name}" for number, name in enumerate([*self.player.sources][:9], 1))
        return (*HELP, names) if names else HELP

    def _choose(self, number: int) -> None:
        """Source 1 to 9, or rest at 0; a number without a source changes nothing."""
        names = [None, *self.player.sources]
        if number < len(names):
            self.player.choose(names[number])

    def _turn(self, yaw: float, pitch: float) -> None:
        self.player.camera = self.player.camera.turned(yaw, pitch)

    def _reset(self) -> None:
        self.player.camera = self.player.home

    def _calibrate(self) -> None:
        for source in self.player.sources.values():
            if isinstance(source, Live):
                source.calibrate()

    def _pause(self) -> None:
        self.player.playing = not self.player.playing

    def _toggle(self, what: str) -> None:
        setattr(self, what, not getattr(self, what))

    _actions: ClassVar[dict[int, Callable[["Controls"], None]]] = {
        glfw.KEY_SPACE: lambda self: self._pause(),
        glfw.KEY_H: lambda self: self._toggle("help"),
        glfw.KEY_ESCAPE: lambda self: self._toggle("closing"),
        glfw.KEY_S: lambda self: self.wishes.add("picture"),
        glfw.KEY_C: lambda self: self._calibrate(),
        glfw.KEY_R: lambda self: self.wishes.add("video"),
        glfw.KEY_COMMA: lambda self: self.player.step(-1),
        glfw.KEY_PERIOD: lambda self: self.player.step(1),
        glfw.KEY_LEFT: lambda self: self._turn(-STEP_DEGREES, 0.0),
        glfw.KEY_RIGHT: lambda self: self._turn(STEP_DEGREES, 0.0),
        glfw.KEY_UP: lambda self: self._turn(0.0, STEP_DEGREES),
        glfw.KEY_DOWN: lambda self: self._turn(0.0, -STEP_DEGREES),
        glfw.KEY_HOME: lambda self: self._reset(),
        glfw.KEY_EQUAL: lambda self: self.wheel(1.0),
        glfw.KEY_KP_ADD: lambda self: self.wheel(1.0),
        glfw.KEY_MINUS: lambda self: self.wheel(-1.0),
        glfw.KEY_KP_SUBTRACT: lambda self: self.wheel(-1.0),
    }


def _show(screen: Screen, controls: Controls, capture: Capture, background: Color, now: float) -> None:
    """Show the picture that was drawn, save it if the user wishes, and lay the help over it."""
    screen.show(background)
    if controls.wishes or capture.recording:
        capture.take(composite(screen.read(), background), controls.wishes, now)
        controls.wishes.clear()
    if controls.help:
        screen.show_text(controls.help_lines())


def _open_window(size: int, controls: Controls, stack: ExitStack) -> Window:
    """A window with an OpenGL 3.3 context, its keys and mouse tied to the controls; closed when the stack is."""
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
        window = glfw.create_window(size, size, controls.title(), None, None)
    if not window:
        raise UserError(
            f"cannot open a window: {_reason()}; without a display, add --record clip.mp4 to write a video instead"
        )
    glfw.make_context_current(window)
    glfw.swap_interval(1)
    _tie_input(window, controls)
    return window


def _reason() -> str:
    """What glfw says went wrong."""
    text = glfw.get_error()[1]
    return text.decode() if isinstance(text, bytes) else str(text or "no display")


def _tie_input(window: Window, controls: Controls) -> None:
    pointer = [0.0, 0.0]

    def moved(_: object, x: float, y: float) -> None:
        if glfw.get_mouse_button(window, glfw.MOUSE_BUTTON_LEFT) == glfw.PRESS:
            controls.drag(x - pointer[0], y - pointer[1])
        pointer[:] = x, y

    def pressed(_: object, key: int, code: int, action: int, modifiers: int) -> None:
        if action in (glfw.PRESS, glfw.REPEAT):
            controls.key(key)

    glfw.set_cursor_pos_callback(window, moved)
    glfw.set_key_callback(window, pressed)
    glfw.set_scroll_callback(window, lambda _, right, up: controls.wheel(up))
