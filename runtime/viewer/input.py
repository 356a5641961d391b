"""Who hears of a key or the mouse: a widget, or the head behind it."""

from pathlib import Path
from typing import TYPE_CHECKING

import glfw

from facecraft4d.runtime.viewer.files import take_dropped
from facecraft4d.runtime.viewer.shortcuts import press, release
from facecraft4d.runtime.viewer.state import ViewerState
from facecraft4d.runtime.window import Events, Window

if TYPE_CHECKING:
    from facecraft4d.runtime.viewer.gui import Gui


class Input:
    """Hands a window's events to the widgets first (if there are any), and what they leave to the state."""

    def __init__(self, window: Window, state: ViewerState, gui: "Gui | None") -> None:
        self._window, self._state, self._gui = window, state, gui
        self._held: int | None = None
        """Button of the mouse that drags the head."""
        self._at = (0.0, 0.0)
        window.events = Events(
            self._pointer, self._button, self._wheel, self._key, self._letter, self._drop, self._focus
        )

    def _pointer(self, x: float, y: float) -> None:
        if self._gui is not None:
            self._gui.pointer(x, y)
        right, down = x - self._at[0], y - self._at[1]
        self._at = x, y
        if self._held == glfw.MOUSE_BUTTON_LEFT and not self._window.shift():
            self._state.drag(right, down)
        elif self._held is not None:
            self._state.pan(right, down, self._window.size[1])

    def _button(self, which: int, down: bool) -> None:
        taken = self._gui is not None and self._gui.button(which, down)
        self._held = which if down and not taken else None

    def _wheel(self, right: float, up: float) -> None:
        if self._gui is None or not self._gui.wheel(right, up):
            self._state.wheel(right, up, self._window.shift(), self._window.size[1])

    def _key(self, key: int, down: bool) -> None:
        if (self._gui is None or not self._gui.key(key, down)) and down:
            press(self._state, key)
        elif not down:
            release(self._state, key)

    def _letter(self, code: int) -> None:
        if self._gui is not None:
            self._gui.letter(code)

    def _focus(self, focused: bool) -> None:
        if self._gui is not None:
            self._gui.focus(focused)

    def _drop(self, paths: list[Path]) -> None:
        for path in paths:
            take_dropped(self._state, path)
