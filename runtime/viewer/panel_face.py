"""Sliders of the face and the head."""

from imgui_bundle import imgui

from facecraft4d.runtime.idle import MOODS, Idle
from facecraft4d.runtime.viewer.face import JOINT_DEGREES, movable_joints
from facecraft4d.runtime.viewer.panel_play import scale
from facecraft4d.runtime.viewer.regions import limits, matching, mirrored, partner, regions
from facecraft4d.runtime.viewer.state import ViewerState

LABEL = 150.0
"""Room for a slider's name."""
AXES = {
    "neck": ("nod", "turn", "lean"),
    "jaw": ("open", "aside", "twist"),
    "eye_left": ("down", "left", ""),
    "eye_right": ("down", "left", ""),
}
"""What a turn about x, y and z does; no slider where it does nothing that is seen."""


class _Typed:
    """What stands in the search box: of the widget, not of the face."""

    text = ""


def face(state: ViewerState) -> None:
    """All expressions by region, and emotions."""
    _emotions(state)
    imgui.separator()
    for label, act in (("Reset", state.face.reset), ("Random", state.face.randomise), ("Mirror", state.face.mirror)):
        if imgui.button(label):
            act()
        imgui.same_line()
    state.face.paired = imgui.checkbox("both sides", state.face.paired)[1]
    imgui.set_next_item_width(-1.0)
    _Typed.text = imgui.input_text_with_hint("##search", "search, for instance: smile left", _Typed.text)[1]
    names = state.face.rig.expression_names
    for region, members in regions(matching(names, _Typed.text)).items():
        if imgui.tree_node_ex(region, imgui.TreeNodeFlags_.default_open | imgui.TreeNodeFlags_.framed):
            for name in members:
                if not (state.face.paired and _shown_by_partner(name, members)):
                    _expression(state, name)
            imgui.tree_pop()


def _shown_by_partner(name: str, members: tuple[str, ...]) -> bool:
    """True for the right one of a pair whose left one has the slider."""
    other = partner(name)
    return other != name and other in members and name.endswith("Right") and not other.endswith("Right")


def _expression(state: ViewerState, name: str) -> None:
    paired = state.face.paired and partner(name) != name
    label = name.removesuffix("Left").removesuffix("Right") if paired and partner(name) == mirrored(name) else name
    imgui.set_next_item_width(imgui.get_content_region_avail().x - LABEL * scale())
    low, high = limits(name)
    moved, value = imgui.slider_float(f"{label}###{name}", state.face.weight(name), low, high, "%.2f")
    if moved:
        state.face.move(name, value)


def _emotions(state: ViewerState) -> None:
    imgui.set_next_item_width(120 * scale())
    moods = list(MOODS)
    changed, chosen = imgui.combo("##emotion", moods.index(state.face.emotion), moods)
    if changed:
        state.set_mood(moods[chosen])
    imgui.same_line()
    imgui.set_next_item_width(-1.0)
    state.face.strength = imgui.slider_float("##strength", state.face.strength, 0.0, 2.0, "strength %.2f")[1]


def head(state: ViewerState) -> None:
    """Joints, and what the head does of itself."""
    for joint in movable_joints(state.face.rig):
        imgui.separator_text(joint.replace("_", " "))
        row = state.face.rig.joint_names.index(joint)
        for axis, label in enumerate(AXES.get(joint, ("x", "y", "z"))):
            if label:
                imgui.set_next_item_width(imgui.get_content_region_avail().x - 60 * scale())
                shown = float(state.face.degrees[row, axis])
                moved, value = imgui.slider_float(
                    f"{label}##{joint}", shown, -JOINT_DEGREES, JOINT_DEGREES, "%.0f degrees"
                )
                if moved:
                    state.face.turn(joint, axis, value)
    if imgui.button("Straight"):
        state.face.degrees[:] = 0.0
    imgui.separator_text("idle life, at rest")
    life = state.player.life
    if isinstance(life, Idle):
        imgui.set_next_item_width(-1.0)
        moved, amount = imgui.slider_float(
            "##idle", life.amount, 0.0, 1.0, "amount %.2f", imgui.SliderFlags_.always_clamp
        )
        if moved:
            state.live_by(amount)
