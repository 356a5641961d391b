"""What a player window shows, and how keys and mouse change it."""

from collections.abc import Callable
from typing import ClassVar

import glfw

from facecraft4d.runtime.camera import framing
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Motion, Pose
from facecraft4d.toolkit.core.motion import on_rig
from facecraft4d.toolkit.core.rigging import neutral_pose

HELP = (
    "drag or arrow keys: turn        wheel, + and -: zoom        Home: back to the front",
    "space: pause        , and .: one frame back or on        1 to 9: clip        0: at rest",
    "S: save the picture        R: start or stop a video        H: this text        Esc: close",
)
FADE_SECONDS = 0.3
"""How long one clip takes to lead over to another."""
DEGREES_PER_PIXEL = 0.4
STEP_DEGREES = 5.0
ZOOM_STEP = 1.1


class Viewer:
    """The state of a player: clip, time, camera. It knows no window, so that tests can drive it."""

    def __init__(self, avatar: Avatar, clips: tuple[Motion, ...]) -> None:
        self.clips = tuple(on_rig(clip, avatar.rig) for clip in clips)
        self.current: Motion | None = self.clips[0] if self.clips else None
        self.home = self.orbit = framing(avatar)
        self.seconds = 0.0
        self.playing, self.help, self.closing = True, True, False
        self.wishes: set[str] = set()
        """What the window should do next: picture, video."""
        self._rest = neutral_pose(avatar.rig)
        self._from, self._fade = self._rest, 1.0

    def advance(self, elapsed: float) -> None:
        """Let that many seconds pass."""
        self._fade = min(1.0, self._fade + elapsed / FADE_SECONDS)
        if self.playing:
            self.seconds += elapsed

    def pose(self) -> Pose:
        """What the head does now."""
        goal = self.current.at(self.seconds) if self.current else self._rest
        return goal if self._fade == 1.0 else self._from.towards(goal, self._fade)

    def choose(self, number: int) -> None:
        """Play clip 1 to 9, or rest at 0; a number without a clip changes nothing."""
        if number <= len(self.clips):
            self._from, self._fade = self.pose(), 0.0
            self.current, self.seconds = (self.clips[number - 1] if number else None), 0.0

    def drag(self, right: float, down: float) -> None:
        """Turn the head with the mouse, in pixels."""
        self.orbit = self.orbit.turned(-right * DEGREES_PER_PIXEL, down * DEGREES_PER_PIXEL)

    def wheel(self, steps: float) -> None:
        """Zoom in by positive steps."""
        self.orbit = self.orbit.zoomed(ZOOM_STEP**steps)

    def step(self, frames: int) -> None:
        """Pause, and go that many frames on."""
        self.playing = False
        if self.current:
            self.seconds = (self.seconds + frames / self.current.fps) % self.current.duration

    def key(self, key: int) -> None:
        """React to a key by its glfw code; other keys do nothing."""
        if glfw.KEY_0 <= key <= glfw.KEY_9:
            self.choose(key - glfw.KEY_0)
        elif key in self._actions:
            self._actions[key](self)

    def title(self) -> str:
        """For the window's frame."""
        what = self.current.name if self.current else "at rest"
        return f"facecraft4d: {what}{'' if self.playing else ' (paused)'}, H for help"

    def help_lines(self) -> tuple[str, ...]:
        """Keys and clips."""
        names = "        ".join(f"{number}: {clip.name}" for number, clip in enumerate(self.clips[:9], 1))
        return (*HELP, names) if names else HELP

    def _toggle(self, what: str) -> None:
        setattr(self, what, not getattr(self, what))

    def _turn(self, yaw: float, pitch: float) -> None:
        self.orbit = self.orbit.turned(yaw, pitch)

    def _reset(self) -> None:
        self.orbit = self.home

    _actions: ClassVar[dict[int, Callable[["Viewer"], None]]] = {
        glfw.KEY_SPACE: lambda self: self._toggle("playing"),
        glfw.KEY_H: lambda self: self._toggle("help"),
        glfw.KEY_ESCAPE: lambda self: self._toggle("closing"),
        glfw.KEY_S: lambda self: self.wishes.add("picture"),
        glfw.KEY_R: lambda self: self.wishes.add("video"),
        glfw.KEY_COMMA: lambda self: self.step(-1),
        glfw.KEY_PERIOD: lambda self: self.step(1),
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
