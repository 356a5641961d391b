"""What plays: the clip and its time, and who is heard."""

from imgui_bundle import imgui

from facecraft4d.runtime.drivers.live import Live
from facecraft4d.runtime.viewer.shortcuts import calibrate
from facecraft4d.runtime.viewer.state import ViewerState
from facecraft4d.runtime.viewer.timeline import SPEEDS

REST = "at rest"
FULL = -1.0
"""A widget as wide as there is room."""


def transport(state: ViewerState) -> None:
    """Which clip, where in it, how fast; pictures and videos."""
    _clips(state)
    player, timeline = state.player, state.timeline
    if imgui.button("Pause" if player.playing else "Play", (64 * scale(), 0)):
        timeline.toggle()
    for label, frames in (("<", -1), (">", 1)):
        imgui.same_line()
        if imgui.button(label):
            player.step(frames)
    imgui.same_line()
    timeline.loop = imgui.checkbox("loop", timeline.loop)[1]
    imgui.same_line()
    imgui.set_next_item_width(FULL)
    timeline.speed = imgui.slider_float(
        "##speed",
        timeline.speed,
        *SPEEDS,
        "speed %.2f",
        imgui.SliderFlags_.logarithmic | imgui.SliderFlags_.always_clamp,
    )[1]
    imgui.set_next_item_width(FULL)
    duration = timeline.duration
    imgui.begin_disabled(duration is None)
    moved, seconds = imgui.slider_float(
        "##time", timeline.at if duration else 0.0, 0.0, duration or 1.0, f"%.2f s of {duration or 0:.1f}"
    )
    if moved:
        timeline.scrub(seconds)
    imgui.end_disabled()
    _captures(state)


def _clips(state: ViewerState) -> None:
    names = [REST, *state.player.sources]
    current = names.index(state.player.current) if state.player.current else 0
    imgui.set_next_item_width(FULL)
    labels = [f"{number}  {name}" for number, name in enumerate(names)]  # as the keys choose them
    changed, chosen = imgui.combo("##clip", current, labels)
    if changed:
        state.player.choose(None if chosen == 0 else names[chosen])
        state.player.playing = True


def _captures(state: ViewerState) -> None:
    if imgui.button("Picture"):
        state.wishes.add("picture")
    for label, what, tip in (
        ("Record", "video", "what is shown, until you stop"),
        ("Clip", "once", "the clip from its beginning to its end, every frame of it"),
        ("Turn", "turn", "once around the head"),
    ):
        imgui.same_line()
        imgui.begin_disabled(what == "once" and state.timeline.duration is None)
        if imgui.button("Stop##" + what if state.recording == what else label):
            state.record(what)
        imgui.end_disabled()
        imgui.set_item_tooltip(tip)
    imgui.same_line()
    state.turntable = imgui.checkbox("rotate", state.turntable)[1]


def live(state: ViewerState) -> None:
    """Who is heard and how well."""
    heard = {name: source for name, source in state.player.sources.items() if isinstance(source, Live)}
    if not heard:
        imgui.text_wrapped("Nobody is heard. Start with --live livelink, ifacialmocap, vmc or webcam: docs/drivers.md.")
    for name, source in heard.items():
        imgui.separator_text(name)
        for line in source.status():
            imgui.text_wrapped(line)
        if imgui.button(f"Calibrate##{name}"):
            calibrate(state)
        imgui.set_item_tooltip("take the face that is seen now for the neutral one (C)")


def scale() -> float:
    """How much larger than usual text is."""
    return float(imgui.get_style().font_scale_dpi)
