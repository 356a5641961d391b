"""A player without a window: what a head does at which time, from where it is seen, and its picture in a program's own OpenGL context."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from facecraft4d.runtime.camera import OrbitCamera, framing
from facecraft4d.runtime.held import Held
from facecraft4d.runtime.sources import PoseSource
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Camera, Pose
from facecraft4d.toolkit.core.rigging import neutral_pose

if TYPE_CHECKING:
    import moderngl

    from facecraft4d.runtime.gl.drawing import Look
    from facecraft4d.runtime.gl.levelled import LevelledStage

FADE_SECONDS = 0.3
"""How long one source takes to lead over to another."""

STEP_SECONDS = 1 / 30
"""One frame on: the rate of the clips that come along."""


class Player:
    """Plays one of several sources of poses on an avatar, with what a program holds of it in its place.

    It knows no window and no keys: programs and tests drive it.

        player = Player(load(Path("avatar.glb")))
        player.expression["jawOpen"] = 0.4
        player.draw(player.camera.camera(800, 600))  # into the framebuffer that is bound
    """

    def __init__(
        self,
        avatar: Avatar,
        sources: Mapping[str, PoseSource] | None = None,
        camera: OrbitCamera | None = None,
        life: PoseSource | None = None,
    ) -> None:
        """Plays the first source at once; without any, the head rests: quite still, or with a `life` of its own (idle.Idle).

        Without a `camera` it is seen from in front, filling the picture.
        """
        self.avatar, self.sources, self.life = avatar, dict(sources or {}), life
        self.home = self.camera = camera or framing(avatar)
        self.expression = Held("expression", avatar.rig.expression_names, 1)
        """Weights that hold whatever the sources say, by name."""
        self.joints = Held("joint", avatar.rig.joint_names, 3)
        """Rotations that hold, axis-angle vectors in radians, in the frame of the parent joint."""
        self.position = (0.0, 0.0, 0.0)
        """Where the head stands, metres, world; added to what the sources say."""
        self.current: str | None = next(iter(self.sources), None)
        """Name of the source that plays; None at rest."""
        self.seconds, self.playing = 0.0, True
        self._lived = 0.0
        self._rest = neutral_pose(avatar.rig)
        self._from, self._fade = self._rest, 1.0
        self.frame_seconds = float("inf")
        """How long drawing the head may take in a frame: what is beyond is saved by levels of detail, where the avatar has some."""
        self._stage: tuple[moderngl.Context, LevelledStage] | None = None

    def advance(self, elapsed: float) -> None:
        """Let that many seconds pass."""
        self._fade = min(1.0, self._fade + elapsed / FADE_SECONDS)
        if self.playing:
            self.seconds += elapsed
            self._lived += elapsed

    def pose(self) -> Pose:
        """What the head does now: what is held, else what the source says, else its own life, else rest."""
        told = self._told()
        expression, joints = self.expression.over(told.expression), self.joints.over(told.joint_rotations)
        if expression is told.expression and joints is told.joint_rotations and not any(self.position):
            return told
        moved = (told.translation + np.array(self.position)).astype(np.float32)
        return replace(told, expression=expression, joint_rotations=joints, translation=moved)

    def draw(self, camera: Camera, look: "Look | None" = None, context: "moderngl.Context | None" = None) -> None:
        """Draw the head as it is now over what is in the bound framebuffer, behind what its depth buffer says is nearer.

        `camera` has the viewport's size in pixels; `look.clip` says which planes the depth buffer was drawn with. The context is moderngl's
        current one unless another is given. What is drawn is premultiplied and in sRGB as displayed. What moderngl's state keeps:
        gl.stage.Stage. Several heads that may overlap: `Stage`.
        """
        stage = self._drawn_in(context)
        stage.keeper.seconds = self.frame_seconds
        stage.draw(self.pose(), camera, *(() if look is None else (look,)))

    def draw_depth(self, camera: Camera, look: "Look | None" = None, context: "moderngl.Context | None" = None) -> None:
        """After `draw`, with the same camera: what is drawn from now on is hidden behind the head, where that is at least half opaque."""
        self._drawn_in(context).draw_depth(camera, *(() if look is None else (look,)))

    def release(self) -> None:
        """Give back what `draw` put on the graphics card; the next one puts it there again."""
        if self._stage is not None:
            self._stage[1].release()
        self._stage = None

    def _drawn_in(self, context: "moderngl.Context | None") -> "LevelledStage":
        """What draws this head in that context."""
        import moderngl

        from facecraft4d.runtime.gl.levelled import LevelledStage

        context = context or moderngl.get_context()
        if self._stage is None or self._stage[0] is not context:
            self.release()
            self._stage = context, LevelledStage(context, self.avatar)
        return self._stage[1]

    def _told(self) -> Pose:
        """What the source says; one that has nothing to say leaves the head to its own life, or at rest."""
        said = None if self.current is None else self.sources[self.current].pose(self.seconds)
        goal = self._idle() if said is None else said
        return goal if self._fade == 1.0 else self._from.towards(goal, self._fade)

    def _idle(self) -> Pose:
        """What the head does of itself."""
        lived = None if self.life is None else self.life.pose(self._lived)
        return self._rest if lived is None else lived

    def choose(self, name: str | None) -> None:
        """Lead over to the source of that name, from its beginning, or to rest. ValueError for a name that is none."""
        if name is not None and name not in self.sources:
            raise ValueError(f"name must be one of {', '.join(self.sources)}, got {name}")
        self._from, self._fade = self._told(), 0.0
        self.current, self.seconds = name, 0.0

    def step(self, frames: int) -> None:
        """Pause, and go that many frames of a thirtieth of a second on."""
        self.playing = False
        self.seconds += frames * STEP_SECONDS
