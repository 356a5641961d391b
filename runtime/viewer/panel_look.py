"""How the head is shown, and what it costs."""

from imgui_bundle import imgui

from facecraft4d.runtime.viewer.appearance import OPACITIES, SCALES, Layer
from facecraft4d.runtime.viewer.panel_play import scale
from facecraft4d.runtime.viewer.state import ViewerState

BACKGROUNDS = {"white": (1.0, 1.0, 1.0), "grey": (0.5, 0.5, 0.5), "black": (0.0, 0.0, 0.0), "green": (0.0, 0.69, 0.25)}


def look(state: ViewerState) -> None:
    """Layers, splats, background, camera."""
    chosen = state.look
    for number, layer in enumerate(Layer):
        if number:
            imgui.same_line()
        if imgui.radio_button(layer.value, chosen.layer is layer):
            chosen.layer = layer
    chosen.wireframe = imgui.checkbox("wireframe", chosen.wireframe)[1]
    for label, name, (low, high) in (("size", "scale", SCALES), ("opacity", "opacity", OPACITIES)):
        imgui.set_next_item_width(-1.0)
        value = imgui.slider_float(f"##{name}", getattr(chosen, name), low, high, f"{label} of splats %.2f")[1]
        setattr(chosen, name, value)
    if imgui.button("As they are"):
        chosen.scale = chosen.opacity = 1.0
    _level(state)
    imgui.separator_text("background")
    for label, color in BACKGROUNDS.items():
        if imgui.button(label):
            chosen.background = color
        imgui.same_line()
    red, green, blue = imgui.color_edit3("##color", list(chosen.background), imgui.ColorEditFlags_.no_inputs)[1]
    chosen.background = red, green, blue
    imgui.separator_text("camera")
    camera = state.camera
    imgui.text_unformatted(
        f"yaw {camera.yaw_degrees:.0f}, pitch {camera.pitch_degrees:.0f} degrees, {camera.distance:.2f} m away"
    )
    for label, yaw in (("Front", 0.0), ("Left", 90.0), ("Right", -90.0), ("Back", 180.0)):
        if imgui.button(label):
            state.front()
            state.turn(yaw, 0.0)
        imgui.same_line()
    if imgui.button("Full screen"):
        state.wishes.add("fullscreen")


def _level(state: ViewerState) -> None:
    avatar = state.player.avatar
    counts = [len(each.means) for each in (avatar.splats, *avatar.levels)]
    imgui.set_next_item_width(-1.0)
    fitting = f"by itself: {counts[state.look.level]:,} splats"
    shown = 0 if state.look.fitting else 1 + state.look.level
    changed, chosen = imgui.combo("##level", shown, [fitting, *(f"{count:,} splats" for count in counts)])
    if changed:
        state.look.fitting, state.look.level = chosen == 0, max(chosen - 1, 0)


def info(state: ViewerState) -> None:
    """Frames a second and what they are spent on; what the avatar is."""
    statistics, avatar = state.statistics, state.player.avatar
    imgui.text_unformatted(f"{statistics.fps:.0f} frames a second, {1e3 * statistics.frame_seconds:.1f} ms each")
    for name, milliseconds in statistics.milliseconds.items():
        _row(name, f"{milliseconds:.2f} ms")
    state.counting = True
    _row("overdraw", f"{state.overdraw:.0f} splats a pixel" if state.overdraw else "")
    imgui.separator_text("avatar")
    shown = state.shown
    for name, text in (
        ("splats", f"{len(shown.splats.means):,}"), ("vertices", f"{len(avatar.rig.vertices):,}"),
        ("triangles", f"{len(avatar.rig.triangles):,}"), ("expressions", f"{len(avatar.rig.expression_names)}"),
        ("may be sold", str(avatar.provenance.verdict.value)),
    ):  # fmt: skip
        _row(name, text)
    if imgui.is_item_hovered():
        imgui.set_tooltip(avatar.provenance.reason)


def _row(name: str, text: str) -> None:
    imgui.text_unformatted(name)
    imgui.same_line(110 * scale())
    imgui.text_unformatted(text)
