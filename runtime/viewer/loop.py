"""The viewer's loop: time passes, the head is posed and drawn, widgets lie over it, and what the user wishes is done."""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from facecraft4d import exporters
from facecraft4d.runtime.camera import framing
from facecraft4d.runtime.capture import Capture
from facecraft4d.runtime.levels import LevelKeeper
from facecraft4d.runtime.options import PlayOptions
from facecraft4d.runtime.picture import opaque_color
from facecraft4d.runtime.player import Player
from facecraft4d.runtime.sources import PoseSource
from facecraft4d.runtime.viewer.files import Watched, read_again
from facecraft4d.runtime.viewer.input import Input
from facecraft4d.runtime.viewer.memory import SIDES, Remembered
from facecraft4d.runtime.viewer.shortcuts import help_lines
from facecraft4d.runtime.viewer.stage import Stage
from facecraft4d.runtime.viewer.state import ViewerState
from facecraft4d.runtime.window import Window
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Camera, Pose
from facecraft4d.toolkit.splatting.cpu import COMPILING, is_compiled

if TYPE_CHECKING:
    from facecraft4d.runtime.viewer.gui import Gui

FRAME_SECONDS = 1 / 30
"""How long drawing may take before a coarser level of detail is tried."""
COUNT_SECONDS = 1.0
"""Between two counts of overdraw."""
WORDS_SECONDS = 0.1
"""Between two looks at the window while kernels are compiled."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a window has beside an avatar and what plays on it."""

    life: PoseSource | None = None
    """What the head does of itself at rest."""
    watch: Callable[[Pose], None] = lambda pose: None
    """Sees every pose that is shown."""
    face: Pose | None = None
    """Lies on top of whatever plays."""
    at_rest: bool = False
    """Plays nothing at first."""
    path: Path | None = None
    """Where the avatar comes from: it is read again whenever this file changes."""
    load: Callable[[Path], Avatar] = exporters.load
    """Reads it again."""
    remembered: Remembered | None = None
    """Size and camera of an earlier window."""


def play(
    avatar: Avatar,
    sources: Mapping[str, PoseSource],
    options: PlayOptions | None = None,
    setup: Setup | None = None,
    window: Window | None = None,
) -> Remembered:
    """Play until the window is closed; number keys choose among the sources by name, the first plays at once.

    Returns what of this window might be remembered. Pictures and videos that the user takes go into the current folder. A `window` that is
    open already is used, and closed by who opened it. Raises UserError without a display.
    """
    options, setup = options or PlayOptions(), setup or Setup()
    before, background = setup.remembered or Remembered(*options.window), opaque_color(options.background)
    player = Player(avatar, sources, framing(avatar), setup.life)
    player.camera = before.camera(player.home)
    state = ViewerState(player, background)
    state.panel = options.panel and before.panel
    if setup.face is not None:
        state.face.take(setup.face)
    if setup.at_rest:
        player.choose(None)
    with ExitStack() as stack:
        opened = window or stack.enter_context(Window(state.title(), (before.width, before.height), background))
        viewer = Viewer(opened, state, setup.watch, stack)
        viewer.run(options.seconds, None if setup.path is None else Watched(setup.path, setup.load))
        return viewer.remembered()


class Viewer:
    """Ties state, window, drawing and recording together."""

    def __init__(self, window: Window, state: ViewerState, watch: Callable[[Pose], None], stack: ExitStack) -> None:
        self._window, self._state, self._watch = window, state, watch
        self._gui = _open_gui(window, stack)
        if self._gui is None and state.panel:
            state.tell('H shows the keys; for a panel: pip install "facecraft4d[viewer]"')
        Input(window, state, self._gui)
        self._capture = Capture()
        stack.callback(self._capture.stop)
        self._stages: dict[int, Stage] = {}
        self._levels: tuple[Avatar, LevelKeeper] | None = None
        self._counted = 0.0

    def run(self, seconds: float, watched: Watched | None) -> None:
        """Until the window is closed, or so many seconds are over."""
        self._wait_for_kernels()
        start = now = time.monotonic()
        while not (self._window.closing or self._state.closing or now - start > seconds):
            self._window.poll()
            elapsed, now = time.monotonic() - now, time.monotonic()
            if watched is not None and watched.changed(now):
                read_again(self._state, watched)
            self._state.statistics.frame(elapsed)
            self._state.advance(self._state.exact_step(elapsed))
            self._frame(elapsed, now)

    def remembered(self) -> Remembered:
        """What a next window might begin with."""
        state, (width, height) = self._state, self._window.size
        seen = Remembered(max(width, SIDES[0]), max(height, SIDES[0]), state.panel)
        return seen.seen_from(state.camera, state.player.home)

    def _frame(self, elapsed: float, now: float) -> None:
        state, statistics = self._state, self._state.statistics
        with statistics.timed("pose"):
            pose = state.pose()
        self._watch(pose)
        if "fullscreen" in state.wishes:
            state.wishes.discard("fullscreen")
            self._window.toggle_fullscreen()
        width, height = self._head_pixels()
        if width and height:  # both are 0 while the window is minimised
            stage = self._current_stage()
            camera = state.camera.camera(width, height)
            stage.draw(pose, camera, state.look, statistics)
            self._judge_level(stage, camera)
            self._count(stage, pose, camera, now)
            with statistics.timed("show"):
                stage.show(state.look.background)
            self._take(stage, now)
            with statistics.timed("panel"):
                self._lay_widgets(elapsed)
        with statistics.timed("screen"):
            self._window.show(state.title())

    def _head_pixels(self) -> tuple[int, int]:
        """The part of the window that the panel leaves."""
        width, height = self._window.pixels
        if self._gui is None or not self._state.panel or not width:
            return width, height
        from facecraft4d.runtime.viewer.panel import WIDTH

        return max(width - round(WIDTH * self._window.text_scale), width // 4), height

    def _current_stage(self) -> Stage:
        """For the avatar and the level that are wanted now."""
        avatar, look = self._state.player.avatar, self._state.look
        if self._levels is None or self._levels[0] is not avatar:
            self._stages.clear()
            self._levels = (
                avatar,
                LevelKeeper([len(each.means) for each in (avatar.splats, *avatar.levels)], FRAME_SECONDS),
            )
        if look.fitting:
            look.level = self._levels[1].level
        if look.level not in self._stages:
            self._stages[look.level] = Stage(self._window.context, self._state.shown)
        return self._stages[look.level]

    def _judge_level(self, stage: Stage, camera: Camera) -> None:
        """Tell who chooses the level what this frame took."""
        assert self._levels is not None
        if self._state.look.fitting and self._state.player.avatar.levels:
            self._levels[1].frame(stage.seconds, stage.head_pixels(camera))

    def _count(self, stage: Stage, pose: Pose, camera: Camera, now: float) -> None:
        """How many splats are blended for a pixel, once a second while somebody looks at the number."""
        state = self._state
        if state.counting and now - self._counted > COUNT_SECONDS:
            state.overdraw, self._counted = stage.overdraw(pose, camera, state.look.look), now
        state.counting = False

    def _take(self, stage: Stage, now: float) -> None:
        """Save what the user wishes."""
        state = self._state
        wishes = state.wishes & {"picture", "video"}
        if wishes or self._capture.recording:
            image, shown_at = stage.image(state.look.background), state.capture_time(now)
            for path in self._capture.take(image, wishes, shown_at, state.recorded_sound):
                state.tell(f"{path} is there")
            state.wishes -= wishes
            if not self._capture.recording:  # a window that changed its size ends it too
                state.recording = ""

    def _lay_widgets(self, elapsed: float) -> None:
        if self._gui is None:
            if self._state.help or self._state.told:
                self._window.caption(help_lines(self._state) if self._state.help else (self._state.told,))
            return
        from facecraft4d.runtime.viewer.panel import panel

        width, height = self._window.size
        scale = self._gui.scale
        self._gui.draw(elapsed, lambda: panel(self._state, (width, height), scale))

    def _wait_for_kernels(self) -> None:
        """Where the kernels of the processor's rasteriser have to be compiled first, say so, and let the window live meanwhile."""
        stage = self._current_stage()
        if not (stage.emulated and not is_compiled()):
            return
        pose = self._state.pose()
        work = threading.Thread(target=stage.compile_kernels, args=(pose,), daemon=True)
        work.start()
        start = time.monotonic()
        while work.is_alive() and not (self._window.closing or self._state.closing):
            self._window.say(COMPILING, f"{time.monotonic() - start:.0f} s")
            work.join(WORDS_SECONDS)


def _open_gui(window: Window, stack: ExitStack) -> "Gui | None":
    """Widgets, where the extra [viewer] is installed."""
    if find_spec("imgui_bundle") is None:
        return None
    from facecraft4d.runtime.viewer.gui import Gui

    gui = Gui(window)
    stack.callback(gui.close)
    return gui
