"""The panel's widgets, driven by events without any window or driver: Dear ImGui needs neither until something is drawn."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from clip_cases import constant
from places import TINY

from facecraft4d.exporters import load
from facecraft4d.runtime.camera import framing
from facecraft4d.runtime.drivers.live import Live
from facecraft4d.runtime.drivers.reading import Reading
from facecraft4d.runtime.idle import Idle
from facecraft4d.runtime.player import Player
from facecraft4d.runtime.sources import clip_sources
from facecraft4d.runtime.viewer.appearance import Layer
from facecraft4d.runtime.viewer.state import ViewerState

imgui = pytest.importorskip("imgui_bundle", reason="the extra [viewer] is not installed").imgui

from facecraft4d.runtime.viewer.gui import start_context  # noqa: E402
from facecraft4d.runtime.viewer.panel import WIDTH, panel  # noqa: E402

SIZE = 900.0, 2400.0
WIDGETS = ("slider_float", "button", "checkbox", "combo", "radio_button", "begin_tab_item", "input_text_with_hint")
AVATAR = load(TINY)


class Face:
    """Somebody who is heard."""

    def latest(self) -> tuple[Reading | None, float]:
        return Reading({"jawOpen": 0.5}), 1.0


class Screen:
    """What a user sees and does, widgets by their labels."""

    def __init__(self, state: ViewerState, monkeypatch: pytest.MonkeyPatch) -> None:
        self.state, self.places = state, {}
        for name in WIDGETS:
            monkeypatch.setattr(imgui, name, self._noting(getattr(imgui, name)))

    def _noting(self, widget: object) -> object:
        def noted(label: str, *arguments: object) -> object:
            result = widget(label, *arguments)
            low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
            self.places[label] = (low.x, low.y, high.x, high.y)
            return result

        return noted

    def frame(self) -> None:
        io = imgui.get_io()
        io.display_size, io.delta_time = imgui.ImVec2(*SIZE), 1 / 60
        self.places.clear()
        imgui.new_frame()
        panel(self.state, SIZE, 1.0)
        imgui.render()

    def point(self, label: str, across: float = 0.5) -> None:
        left, top, right, bottom = self.places[label]
        imgui.get_io().add_mouse_pos_event(left + across * (right - left), (top + bottom) / 2)
        self.frame()

    def press(self, down: bool) -> None:
        imgui.get_io().add_mouse_button_event(0, down)
        self.frame()
        self.frame()

    def click(self, label: str, across: float = 0.5) -> None:
        self.point(label, across)
        self.press(True)
        self.press(False)

    def type(self, label: str, text: str) -> None:
        self.click(label)
        for letter in text:
            imgui.get_io().add_input_character(ord(letter))
        self.frame()
        self.frame()


@pytest.fixture
def state() -> ViewerState:
    heard = {"live": Live(Face(), AVATAR.rig, clock=lambda: 1.1)}
    sources = clip_sources((constant("half", 0.5), constant("full", 1.0)), AVATAR.rig) | heard
    avatar = replace(AVATAR, levels=(AVATAR.level(100).splats,))
    return ViewerState(Player(avatar, sources, framing(avatar), Idle(AVATAR.rig)))


@pytest.fixture
def screen(state: ViewerState, monkeypatch: pytest.MonkeyPatch) -> Iterator[Screen]:
    start_context(1.0)
    imgui.get_io().backend_flags |= imgui.BackendFlags_.renderer_has_textures
    shown = Screen(state, monkeypatch)
    for _ in range(3):
        shown.frame()
    yield shown
    imgui.destroy_context()


@pytest.mark.slow
def test_every_expression_has_a_slider_that_moves_it(screen: Screen, state: ViewerState) -> None:
    screen.click("both sides", 0.1)
    assert not state.face.paired
    for name in state.face.rig.expression_names:
        screen.click(f"{name}###{name}", 0.3)
        assert state.face.weight(name) > 0.2, name
        state.face.reset()


def test_a_pair_has_one_slider(screen: Screen, state: ViewerState) -> None:
    assert "eyeBlink###eyeBlinkLeft" in screen.places and not any("eyeBlinkRight" in label for label in screen.places)
    screen.click("eyeBlink###eyeBlinkLeft", 0.3)
    assert state.face.weight("eyeBlinkRight") == state.face.weight("eyeBlinkLeft") > 0.2
    labels = [label for label in screen.places if "###" in label]
    shown = {label.split("###")[1] for label in labels}
    assert {"eyeLookInLeft", "eyeLookOutLeft", "jawLeft", "jawRight", "mouthLeft", "mouthRight", "tongueOut"} <= shown


def test_reset_random_mirror(screen: Screen, state: ViewerState) -> None:
    screen.click("Random")
    before = state.face.weights.copy()
    assert before.any()
    screen.click("Mirror")
    screen.click("Mirror")
    assert (state.face.weights == before).all()
    screen.click("Reset")
    assert not state.face.weights.any()


def test_search_leaves_what_fits(screen: Screen, state: ViewerState) -> None:
    screen.type("##search", "smile")
    assert [label for label in screen.places if "###" in label] == ["mouthSmile###mouthSmileLeft"]
    assert imgui.get_io().want_text_input


def test_time_and_clips(screen: Screen, state: ViewerState) -> None:
    screen.click("Pause")
    assert not state.player.playing
    screen.click("Play")
    assert state.player.playing
    screen.click("##time", 0.5)
    assert 0.4 < state.timeline.at < 0.6
    screen.click(">")
    assert not state.player.playing
    screen.click("loop", 0.1)
    assert not state.timeline.loop
    screen.click("##speed", 0.9)
    assert state.timeline.speed > 2


def test_pictures_and_recordings(screen: Screen, state: ViewerState) -> None:
    for label, wish, recording in (
        ("Picture", "picture", ""),
        ("Turn", "video", "turn"),
        ("Stop##turn", "video", ""),
        ("Clip", "video", "once"),
    ):
        screen.click(label)
        assert state.wishes == {wish} and state.recording == recording, label
        state.wishes.clear()


def test_the_head_turns(screen: Screen, state: ViewerState) -> None:
    screen.click("Head")
    screen.click("turn##neck", 0.75)
    neck = state.face.rig.joint_names.index("neck")
    assert state.face.degrees[neck, 1] > 20
    screen.click("##idle", 0.02)
    assert state.player.life.amount < 0.1
    screen.click("Straight")
    assert not state.face.degrees.any()


def test_looks(screen: Screen, state: ViewerState) -> None:
    screen.click("Look")
    for layer in Layer:
        screen.click(layer.value, 0.2)
        assert state.look.layer is layer
    screen.click("wireframe", 0.1)
    screen.click("##scale", 0.1)
    screen.click("##opacity", 0.5)
    screen.click("black")
    screen.click("Back")
    assert state.look.wireframe and state.look.scale < 0.6 and state.look.opacity < 0.7
    assert state.look.background == (0.0, 0.0, 0.0) and abs(state.camera.yaw_degrees) == pytest.approx(180)
    screen.click("Full screen")
    assert state.wishes == {"fullscreen"}


def test_live_and_info(screen: Screen, state: ViewerState) -> None:
    screen.click("Live")
    screen.click("Calibrate##live")
    assert "neutral" in state.told
    screen.click("Info")
    state.statistics.note({"splats": 3.0})
    state.help = True
    screen.frame()


def test_a_hidden_panel_takes_no_place_and_no_clicks(screen: Screen, state: ViewerState) -> None:
    state.panel = False
    screen.frame()
    assert not screen.places
    imgui.get_io().add_mouse_pos_event(SIZE[0] - WIDTH / 2, 100)
    screen.frame()
    screen.frame()
    assert not imgui.get_io().want_capture_mouse
