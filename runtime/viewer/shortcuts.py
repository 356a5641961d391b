"""The keys: one table for what they do and for what the help says."""

from collections.abc import Callable
from typing import NamedTuple

import glfw

from facecraft4d.runtime.drivers.keyboard import KEYS
from facecraft4d.runtime.drivers.live import Live
from facecraft4d.runtime.viewer.appearance import Layer
from facecraft4d.runtime.viewer.state import STEP_DEGREES, ZOOM_STEP, ViewerState


class Shortcut(NamedTuple):
    """One thing that keys do."""

    keys: tuple[int, ...]
    """glfw's codes."""
    words: str
    """The keys as the help names them."""
    does: str
    act: Callable[[ViewerState, int], object]
    """Called with the key that was pressed."""


def _toggle(name: str) -> Callable[[ViewerState, int], None]:
    def act(state: ViewerState, key: int) -> None:
        setattr(state, name, not getattr(state, name))

    return act


def _wish(name: str) -> Callable[[ViewerState, int], None]:
    return lambda state, key: state.wishes.add(name)


def calibrate(state: ViewerState) -> None:
    """Take what live sources see now for the user's neutral face."""
    heard = [source for source in state.player.sources.values() if isinstance(source, Live)]
    for source in heard:
        source.calibrate()
    state.tell("this is your neutral face now" if heard else "nobody is heard: start with --live")


def _turn(state: ViewerState, key: int) -> None:
    right, up = {
        glfw.KEY_LEFT: (-1, 0), glfw.KEY_RIGHT: (1, 0), glfw.KEY_UP: (0, 1), glfw.KEY_DOWN: (0, -1),
    }[key]  # fmt: skip
    state.turn(right * STEP_DEGREES, up * STEP_DEGREES)


def _zoom(state: ViewerState, key: int) -> None:
    nearer = key in (glfw.KEY_EQUAL, glfw.KEY_KP_ADD)
    state.player.camera = state.player.camera.zoomed(ZOOM_STEP if nearer else 1 / ZOOM_STEP)


def _wireframe(state: ViewerState, key: int) -> None:
    state.look.wireframe = not state.look.wireframe


def _loop(state: ViewerState, key: int) -> None:
    state.timeline.loop = not state.timeline.loop


FACES = {glfw.KEY_F1 + int(name[1:]) - 1: name for name in KEYS}
"""glfw's codes of the keys that make faces."""

SHORTCUTS: tuple[Shortcut, ...] = (
    Shortcut((glfw.KEY_SPACE,), "space", "pause or go on", lambda state, key: state.timeline.toggle()),
    Shortcut(
        (glfw.KEY_COMMA, glfw.KEY_PERIOD),
        ", and .",
        "one frame back or on",
        lambda state, key: state.player.step(-1 if key == glfw.KEY_COMMA else 1),
    ),
    Shortcut(
        (glfw.KEY_LEFT_BRACKET, glfw.KEY_RIGHT_BRACKET),
        "[ and ]",
        "slower or faster",
        lambda state, key: state.timeline.faster(-1 if key == glfw.KEY_LEFT_BRACKET else 1),
    ),
    Shortcut((glfw.KEY_L,), "L", "repeat the clip or not", _loop),
    Shortcut(
        tuple(range(glfw.KEY_0, glfw.KEY_9 + 1)),
        "1 to 9, 0",
        "a clip; rest",
        lambda state, key: state.choose(key - glfw.KEY_0),
    ),
    Shortcut((glfw.KEY_LEFT, glfw.KEY_RIGHT, glfw.KEY_UP, glfw.KEY_DOWN), "arrows", "turn", _turn),
    Shortcut((glfw.KEY_EQUAL, glfw.KEY_KP_ADD, glfw.KEY_MINUS, glfw.KEY_KP_SUBTRACT), "+ and -", "zoom", _zoom),
    Shortcut((glfw.KEY_HOME,), "Home", "back to the front", lambda state, key: state.front()),
    Shortcut((glfw.KEY_T,), "T", "turntable", _toggle("turntable")),
    Shortcut((glfw.KEY_N,), "N", "another face at random", lambda state, key: state.face.randomise()),
    Shortcut((glfw.KEY_X,), "X", "left and right change places", lambda state, key: state.face.mirror()),
    Shortcut((glfw.KEY_BACKSPACE,), "Backspace", "sliders back to rest", lambda state, key: state.face.reset()),
    Shortcut((glfw.KEY_M,), "M", "mesh or splats", lambda state, key: state.look.toggle(Layer.MESH)),
    Shortcut((glfw.KEY_E,), "E", "ellipses or splats", lambda state, key: state.look.toggle(Layer.ELLIPSES)),
    Shortcut((glfw.KEY_W,), "W", "wireframe", _wireframe),
    Shortcut((glfw.KEY_C,), "C", "your face is neutral now", lambda state, key: calibrate(state)),
    Shortcut((glfw.KEY_S,), "S", "save the picture", _wish("picture")),
    Shortcut((glfw.KEY_R,), "R", "start or stop a video", lambda state, key: state.record("video")),
    Shortcut((glfw.KEY_TAB, glfw.KEY_F1), "Tab, F1", "show or hide the panel", _toggle("panel")),
    Shortcut((glfw.KEY_F, glfw.KEY_F11), "F, F11", "full screen", _wish("fullscreen")),
    Shortcut(tuple(FACES), "F2 to F10", "faces, while held", lambda state, key: state.keyboard.key(FACES[key], True)),
    Shortcut((glfw.KEY_H,), "H", "this help", _toggle("help")),
    Shortcut((glfw.KEY_ESCAPE,), "Esc", "close", _toggle("closing")),
)

MOUSE: tuple[tuple[str, str], ...] = (
    ("drag", "turn"),
    ("right drag", "move (middle, Shift too)"),
    ("wheel", "zoom; sideways turns"),
    ("drop a file", "clip or avatar"),
)
"""What the mouse and the touchpad do."""

_BY_KEY = {key: shortcut for shortcut in SHORTCUTS for key in shortcut.keys}


def press(state: ViewerState, key: int) -> None:
    """React to a key by its glfw code; other keys do nothing."""
    if key in _BY_KEY:
        _BY_KEY[key].act(state, key)


def release(state: ViewerState, key: int) -> None:
    """A key goes up."""
    if key in FACES:
        state.keyboard.key(FACES[key], False)


def help_rows() -> tuple[tuple[str, str], ...]:
    """Keys and what they do, and the mouse."""
    return (*((each.words, each.does) for each in SHORTCUTS), *MOUSE)


def help_lines(state: ViewerState) -> tuple[str, ...]:
    """The same and the numbered clips as lines of text, for a window without a panel: two columns, a tab between."""
    clips = tuple((str(number), name) for number, name in enumerate([*state.player.sources][:9], 1))
    cells = [f"{words}: {does}" for words, does in (*help_rows(), *clips)]
    half = (len(cells) + 1) // 2
    return tuple(f"{left}\t{right}" for left, right in zip(cells[:half], [*cells[half:], ""], strict=False))
