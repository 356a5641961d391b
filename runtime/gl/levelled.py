"""One head in somebody else's OpenGL program, at the level of detail that distance and time ask for."""

import moderngl
import numpy as np

from facecraft4d.runtime.gl.drawing import LOOK, Look
from facecraft4d.runtime.gl.stage import Stage
from facecraft4d.runtime.levels import LevelKeeper
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Camera, Pose
from facecraft4d.toolkit.core.geometry import transform_points


class LevelledStage:
    """The whole and each trained level of an avatar, put on the card when it is first needed.

    Levels that were not trained are no levels here: the first half of a whole's splats is 27 dB from it at any distance (docs/levels.md).
    """

    def __init__(self, context: moderngl.Context, avatar: Avatar) -> None:
        self._context, self._avatar = context, avatar
        self._counts = tuple(len(each.means) for each in (avatar.splats, *avatar.levels))
        self.keeper = LevelKeeper(self._counts, float("inf"))
        self._stages: dict[int, Stage] = {}
        low, high = avatar.rig.vertices.min(0), avatar.rig.vertices.max(0)
        self._middle, self._tall = (low + high) / 2, float(np.ptp(avatar.rig.vertices[:, 1]))

    @property
    def splats(self) -> int:
        """Of the level that was drawn last."""
        return self._counts[self.keeper.level]

    def draw(self, pose: Pose, camera: Camera, look: Look = LOOK) -> None:
        """As `Stage.draw`, at the level that the frames before call for."""
        last = self._stages.get(self.keeper.level)
        if last is not None and len(self._counts) > 1:
            self.keeper.frame(last.seconds, self._height(pose, camera))
        level = self.keeper.level
        if level not in self._stages:
            self._stages[level] = Stage(self._context, (self._avatar.level(self._counts[level]),))
        self._stages[level].draw((pose,), camera, look)

    def draw_depth(self, camera: Camera, look: Look = LOOK) -> None:
        """As `Stage.draw_depth`."""
        self._stages[self.keeper.level].draw_depth(camera, look)

    def release(self) -> None:
        """Give back what is on the card."""
        for stage in self._stages.values():
            stage.release()

    def _height(self, pose: Pose, camera: Camera) -> float:
        """Pixels of the head, about."""
        depth = float(transform_points(camera.camera_from_world, (self._middle + pose.translation)[None])[0, 2])
        return camera.fy * self._tall / max(depth, 0.05)
