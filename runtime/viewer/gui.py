"""Dear ImGui in a window of ours: events in, widgets out. Its own C++ code draws them; no other OpenGL binding is needed."""

from collections.abc import Callable

import glfw
from imgui_bundle import imgui

from facecraft4d.runtime.window import Window

FONT_SIZE = 15.0

KEYS = {
    glfw.KEY_TAB: imgui.Key.tab, glfw.KEY_LEFT: imgui.Key.left_arrow, glfw.KEY_RIGHT: imgui.Key.right_arrow,
    glfw.KEY_UP: imgui.Key.up_arrow, glfw.KEY_DOWN: imgui.Key.down_arrow, glfw.KEY_HOME: imgui.Key.home,
    glfw.KEY_END: imgui.Key.end, glfw.KEY_DELETE: imgui.Key.delete, glfw.KEY_BACKSPACE: imgui.Key.backspace,
    glfw.KEY_ENTER: imgui.Key.enter, glfw.KEY_KP_ENTER: imgui.Key.enter, glfw.KEY_ESCAPE: imgui.Key.escape,
    glfw.KEY_A: imgui.Key.a, glfw.KEY_C: imgui.Key.c, glfw.KEY_V: imgui.Key.v, glfw.KEY_X: imgui.Key.x, glfw.KEY_Z: imgui.Key.z,
    glfw.KEY_LEFT_CONTROL: imgui.Key.mod_ctrl, glfw.KEY_RIGHT_CONTROL: imgui.Key.mod_ctrl,
    glfw.KEY_LEFT_SHIFT: imgui.Key.mod_shift, glfw.KEY_RIGHT_SHIFT: imgui.Key.mod_shift,
    glfw.KEY_LEFT_SUPER: imgui.Key.mod_super, glfw.KEY_RIGHT_SUPER: imgui.Key.mod_super,
}  # fmt: skip
"""Those that editing a text or a number needs."""


class Gui:
    """One context of widgets. `draw` makes a frame of them; who hears events asks `takes_*` whether they were meant for a widget."""

    def __init__(self, window: Window) -> None:
        self._window = window
        start_context(self.scale)
        imgui.backends.opengl3_init("#version 330")
        platform = imgui.get_platform_io()
        platform.platform_get_clipboard_text_fn = lambda _: _text(glfw.get_clipboard_string(window.handle))
        platform.platform_set_clipboard_text_fn = lambda _, text: glfw.set_clipboard_string(window.handle, text)

    @property
    def scale(self) -> float:
        """How much larger than usual widgets are, in the window's units."""
        return self._window.text_scale / self._window.density

    def draw(self, elapsed: float, widgets: Callable[[], None]) -> None:
        """A frame of widgets over what is in the window."""
        io = imgui.get_io()
        width, height = self._window.size
        if not (width and height and all(self._window.pixels)):  # minimised since the head was drawn
            return
        io.display_size = imgui.ImVec2(width, height)
        io.display_framebuffer_scale = imgui.ImVec2(self._window.density, self._window.density)
        io.delta_time = max(elapsed, 1e-4)
        imgui.backends.opengl3_new_frame()
        imgui.new_frame()
        widgets()
        imgui.render()
        imgui.backends.opengl3_render_draw_data(imgui.get_draw_data())

    def close(self) -> None:
        """Give back what the graphics driver holds."""
        imgui.backends.opengl3_shutdown()
        imgui.destroy_context()

    # ---- events

    def pointer(self, x: float, y: float) -> bool:
        """The pointer moved; True where a widget has it."""
        imgui.get_io().add_mouse_pos_event(x, y)
        return bool(imgui.get_io().want_capture_mouse)

    def button(self, which: int, down: bool) -> bool:
        """A button of the mouse; True where a widget takes it."""
        if 0 <= which < 3:  # left, right, middle: in the same order there
            imgui.get_io().add_mouse_button_event(which, down)
        return bool(imgui.get_io().want_capture_mouse)

    def wheel(self, right: float, up: float) -> bool:
        """The wheel; True where a widget takes it."""
        imgui.get_io().add_mouse_wheel_event(-right, up)
        return bool(imgui.get_io().want_capture_mouse)

    def key(self, key: int, down: bool) -> bool:
        """A key by glfw's code; True where somebody types."""
        if key in KEYS:
            imgui.get_io().add_key_event(KEYS[key], down)
        return bool(imgui.get_io().want_text_input)

    def letter(self, code: int) -> None:
        """A letter that was typed."""
        imgui.get_io().add_input_character(code)

    def focus(self, focused: bool) -> None:
        """The window has the keyboard, or has lost it."""
        imgui.get_io().add_focus_event(focused)


def _text(clipboard: str | bytes | None) -> str:
    return clipboard.decode(errors="replace") if isinstance(clipboard, bytes) else clipboard or ""


def start_context(scale: float) -> None:
    """A context with our font, sizes and colours; it writes no file."""
    imgui.create_context()
    io, style = imgui.get_io(), imgui.get_style()
    io.set_ini_filename("")
    io.fonts.add_font_default_vector()
    imgui.style_colors_dark()
    style.window_rounding = style.child_rounding = 0.0
    style.frame_rounding = style.grab_rounding = 3.0
    style.window_border_size = 0.0
    style.item_spacing, style.window_padding = imgui.ImVec2(6, 5), imgui.ImVec2(10, 10)
    style.scale_all_sizes(scale)
    style.font_size_base, style.font_scale_dpi = FONT_SIZE, scale
