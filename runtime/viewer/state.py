"""All that the viewer's user has chosen. It knows no window: keys, panel and tests change it alike."""

from collections.abc import Mapping
from dataclasses import replace

from facecraft4d.runtime.camera import OrbitCamera, framing
from facecraft4d.runtime.drivers.keyboard import Keyboard
from facecraft4d.runtime.drivers.shaping import added
from facecraft4d.runtime.idle import Idle
from facecraft4d.runtime.picture import Color
from facecraft4d.runtime.player import Player
from facecraft4d.runtime.sources import ClipSource, PoseSource
from facecraft4d.runtime.viewer.appearance import Appearance
from facecraft4d.runtime.viewer.face import Face
from facecraft4d.runtime.viewer.relaid import relaid
from facecraft4d.runtime.viewer.statistics import Statistics
from facecraft4d.runtime.viewer.timeline import Timeline
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Motion, Pose, Sound
from facecraft4d.toolkit.core.motion import on_rig

DEGREES_PER_PIXEL = 0.4
STEP_DEGREES = 5.0
ZOOM_STEP = 1.1
TURN_DEGREES = 30.0
"""A second, of the turntable."""
RECORDED_FPS = 30
EXACT = ("once", "turn")
"""Recordings that count frames instead of seconds."""
TOLD_SECONDS = 5.0
"""How long a message stays."""
WHITE: Color = (1.0, 1.0, 1.0)


class ViewerState:
    """Player, face, look and wishes. `wishes` is what the window should do next: picture, video, once, turn, fullscreen."""

    def __init__(self, player: Player, background: Color = WHITE) -> None:
        self.player, self.timeline = player, Timeline(player)
        self.face, self.look, self.statistics = Face(player.avatar.rig), Appearance(background), Statistics()
        self.panel, self.help, self.closing, self.turntable = True, False, False, False
        self.wishes: set[str] = set()
        self.recording = ""
        """What is being recorded: "" or as the wish says."""
        self.message, self._told = "", 0.0
        self.keyboard, self._seconds = Keyboard(player.avatar.rig), 0.0
        self._frames = 0
        self._levelled: tuple[Avatar, int, Avatar] | None = None
        self.counting, self.overdraw = False, 0.0
        """Whether somebody wants to know how many splats are blended for each pixel of the head, and how many they were."""
        if isinstance(player.life, Idle):  # the lasting part of a mood is the face's affair, so that clips have it too
            self.face.emotion, self.face.strength = player.life.mood, player.life.amount
            player.life = replace(player.life, lasting=False)

    # ---- time

    def advance(self, elapsed: float) -> None:
        """Let that many seconds pass."""
        self.timeline.advance(elapsed)
        self.face.advance(elapsed)
        self._seconds += elapsed
        self._told = max(0.0, self._told - elapsed)
        if self.turntable or self.recording == "turn":
            self.turn(TURN_DEGREES * elapsed, 0.0)

    def pose(self) -> Pose:
        """What the head does now."""
        pose, keys = self.face.added_to(self.player.pose()), self.keyboard.pose(self._seconds)
        return pose if keys is None else added(pose, keys)

    def tell(self, message: str) -> None:
        """Say something for a while."""
        self.message, self._told = message, TOLD_SECONDS

    @property
    def told(self) -> str:
        """What is being said; empty where nothing is."""
        return self.message if self._told > 0 else ""

    # ---- what plays

    def choose(self, number: int) -> None:
        """Source 1 to 9, or rest at 0; a number without a source changes nothing."""
        names = [None, *self.player.sources]
        if number < len(names):
            self.player.choose(names[number])

    def add_clip(self, clip: Motion) -> None:
        """A clip more, which plays at once; it replaces one of its name."""
        self.player.sources[clip.name] = ClipSource(on_rig(clip, self.player.avatar.rig))
        self.player.choose(clip.name)
        self.player.playing = True

    def change_avatar(self, avatar: Avatar, same: bool) -> None:
        """Another avatar, or `same` one built anew, in the place of the one that plays: clips, face and look stay, the same one's camera too."""
        old = self.player
        sources: Mapping[str, PoseSource] = {
            name: relaid(source, old.avatar.rig, avatar.rig) for name, source in old.sources.items()
        }
        life = replace(old.life, rig=avatar.rig) if isinstance(old.life, Idle) else None
        home = framing(avatar, old.home.fov_y_degrees)
        self.player = Player(avatar, sources, home, life)
        self.player.current, self.player.seconds, self.player.playing = old.current, old.seconds, old.playing
        self.player.camera = old.camera if same else home
        self.timeline.player = self.player
        self.face, self.keyboard = self.face.on(avatar.rig), Keyboard(avatar.rig)
        self.look.level = min(self.look.level, len(avatar.levels))

    @property
    def shown(self) -> Avatar:
        """The avatar at the level that was chosen; the same object as long as that is the same."""
        avatar, level = self.player.avatar, self.look.level
        if not level:
            return avatar
        if self._levelled is None or self._levelled[0] is not avatar or self._levelled[1] != level:
            self._levelled = avatar, level, avatar.level(len(avatar.levels[level - 1].means))
        return self._levelled[2]

    # ---- camera

    def turn(self, yaw: float, pitch: float) -> None:
        """Go around the head, degrees."""
        self.player.camera = self.player.camera.turned(yaw, pitch)

    def drag(self, right: float, down: float) -> None:
        """Turn the head with the mouse, in pixels."""
        self.turn(-right * DEGREES_PER_PIXEL, down * DEGREES_PER_PIXEL)

    def pan(self, right: float, down: float, height: int) -> None:
        """Move the head along with the mouse, pixels of a picture of that height."""
        self.player.camera = self.player.camera.panned(-right / height, down / height)

    def wheel(self, right: float, up: float, panning: bool, height: int) -> None:
        """A wheel or two fingers: up and down zoom, sideways turn; `panning` moves."""
        if panning:
            self.pan(right * height / 40, -up * height / 40, height)
            return
        self.player.camera = self.player.camera.zoomed(ZOOM_STEP**up)
        self.turn(-right * STEP_DEGREES, 0.0)

    def front(self) -> None:
        """Back to where the camera stood at first."""
        self.player.camera = self.player.home

    @property
    def camera(self) -> OrbitCamera:
        """Where the viewer stands."""
        return self.player.camera

    # ---- what else is wished

    def set_mood(self, mood: str) -> None:
        """An emotion: its lasting face on whatever plays, its blinks and restlessness at rest."""
        self.face.feel(mood)
        if isinstance(self.player.life, Idle):
            self.player.life = replace(self.player.life, mood=mood)

    def record(self, what: str) -> None:
        """Start or stop a recording: "video" as it is shown, "once" the clip from its beginning to its end, "turn" once around the head.

        The last two go on by exact thirtieths of a second, however slowly they are drawn.
        """
        self.wishes.add("video")
        if self.recording:
            self.recording = ""
            return
        self.recording, self._frames = what, 0
        if what == "once":
            self.player.seconds, self.player.playing = 0.0, True

    def exact_step(self, elapsed: float) -> float:
        """How much time passes until the next frame: `elapsed`, or what a recording of exact frames wants. Ends such a recording in time."""
        if self.recording not in EXACT:
            return elapsed
        if self._frames >= round(self._recorded_seconds() * RECORDED_FPS):
            self.record(self.recording)
            return elapsed
        self._frames += 1
        return 0.0 if self._frames == 1 else 1 / RECORDED_FPS

    def capture_time(self, now: float) -> float:
        """When the frame is shown, for the recording: `now`, or by the number of frames."""
        return self._frames / RECORDED_FPS if self.recording in EXACT else now

    @property
    def recorded_sound(self) -> Sound | None:
        """What is heard with the recording: the voice of a clip that is recorded once through as quickly as it is said."""
        source = self.player.sources.get(self.player.current or "")
        whole = self.recording == "once" and self.timeline.speed == 1
        return source.sound if whole and isinstance(source, ClipSource) else None

    def _recorded_seconds(self) -> float:
        return 360 / TURN_DEGREES if self.recording == "turn" else (self.timeline.duration or 0.0) / self.timeline.speed

    def live_by(self, amount: float) -> None:
        """How much the head does of itself at rest, 0 to 1."""
        if isinstance(self.player.life, Idle):
            self.player.life = replace(self.player.life, amount=amount)

    def title(self) -> str:
        """For the window's frame."""
        paused = "" if self.player.playing else " (paused)"
        recording = ", recording" if self.recording else ""
        return f"facecraft4d: {self.player.current or 'at rest'}{paused}{recording}, H for help"
