"""The panel at the window's right: what plays, and a tab for each thing that can be changed. Widgets only; the state is `ViewerState`'s."""

from imgui_bundle import imgui

from facecraft4d.runtime.viewer import panel_face, panel_look, panel_play
from facecraft4d.runtime.viewer.shortcuts import help_rows
from facecraft4d.runtime.viewer.state import ViewerState

WIDTH = 340.0
"""In the screen's units at usual text."""

FIXED = (
    imgui.WindowFlags_.no_title_bar
    | imgui.WindowFlags_.no_resize
    | imgui.WindowFlags_.no_move
    | imgui.WindowFlags_.no_collapse
)
BARE = FIXED | imgui.WindowFlags_.no_inputs | imgui.WindowFlags_.always_auto_resize

TABS = (
    ("Face", panel_face.face),
    ("Head", panel_face.head),
    ("Look", panel_look.look),
    ("Live", panel_play.live),
    ("Info", panel_look.info),
)


def panel(state: ViewerState, size: tuple[float, float], scale: float) -> None:
    """All widgets of a frame, in a window of that size in the screen's units."""
    if state.panel:
        width = WIDTH * scale
        imgui.set_next_window_pos((size[0] - width, 0))
        imgui.set_next_window_size((width, size[1]))
        imgui.begin("panel", None, FIXED)
        panel_play.transport(state)
        if imgui.begin_tab_bar("tabs"):
            for label, content in TABS:
                if imgui.begin_tab_item(label)[0]:
                    imgui.begin_child("content")
                    content(state)
                    imgui.end_child()
                    imgui.end_tab_item()
            imgui.end_tab_bar()
        imgui.end()
    if state.help:
        _help()
    if state.told:
        _message(state.told, size)


def _help() -> None:
    """Keys in two columns over the head."""
    imgui.set_next_window_pos((12, 12))
    imgui.set_next_window_bg_alpha(0.85)
    imgui.begin("help", None, BARE)
    rows = help_rows()
    half = (len(rows) + 1) // 2
    if imgui.begin_table("keys", 4, imgui.TableFlags_.sizing_fixed_fit):
        for left, right in zip(rows[:half], [*rows[half:], ("", "")], strict=False):
            for number, text in enumerate((*left, *right)):
                imgui.table_next_column()
                (imgui.text_colored((1.0, 0.8, 0.4, 1.0), text) if number % 2 == 0 else imgui.text_unformatted(text))
        imgui.end_table()
    imgui.end()


def _message(text: str, size: tuple[float, float]) -> None:
    """What is being said, at the bottom of the picture."""
    imgui.set_next_window_pos((12, size[1] - 12), imgui.Cond_.always, (0, 1))
    imgui.set_next_window_bg_alpha(0.85)
    imgui.begin("message", None, BARE)
    imgui.push_text_wrap_pos(size[0] * 0.55)
    imgui.text_unformatted(text)
    imgui.pop_text_wrap_pos()
    imgui.end()
