"""What stands behind the widgets: an avatar's splats and mesh, drawn as the user wants to see them."""

import moderngl
import numpy as np

from facecraft4d.runtime.animate import Animator
from facecraft4d.runtime.camera import framing
from facecraft4d.runtime.gl.drawing import Look
from facecraft4d.runtime.picture import Color, composite
from facecraft4d.runtime.screen import Screen, emphasized
from facecraft4d.runtime.viewer.appearance import Appearance, Layer
from facecraft4d.runtime.viewer.mesh import MeshPass
from facecraft4d.runtime.viewer.statistics import Statistics
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Camera, Pose
from facecraft4d.toolkit.core.geometry import transform_points


class Stage:
    """One avatar in a context, at one level of detail."""

    def __init__(self, context: moderngl.Context, avatar: Avatar) -> None:
        self.avatar = avatar
        self._context = context
        self._screen = Screen(context, (avatar,))
        self._mesh: MeshPass | None = None
        self._animator: Animator | None = None

    @property
    def emulated(self) -> bool:
        """Whether OpenGL runs on the processor, so that our own rasteriser draws."""
        return self._screen.emulated

    def compile_kernels(self, pose: Pose) -> None:
        """Draw a tiny picture on the processor: compiles, once on a machine, what draws the large ones. Needs no context."""
        from facecraft4d.runtime.software import draw_splats

        draw_splats(Animator(self.avatar).splats(pose), framing(self.avatar).camera(16, 16))

    def draw(self, pose: Pose, camera: Camera, appearance: Appearance, statistics: Statistics) -> None:
        """Draw the head in that pose."""
        self._screen.draw((pose,), camera, appearance.look)
        statistics.note(self._screen.milliseconds)
        surface = appearance.layer is Layer.MESH
        if surface or appearance.wireframe:
            self._mesh = self._mesh or MeshPass(self._context, self.avatar, self._screen.brightest)
            with statistics.timed("mesh"):
                self._mesh.draw(self._screen.picture, pose, camera, surface, appearance.wireframe)

    def show(self, background: Color) -> None:
        """The picture at the window's left, on the background."""
        self._screen.show(background)

    @property
    def seconds(self) -> float:
        """What the last `draw` of splats took on the processor."""
        return sum(self._screen.milliseconds.values()) / 1e3

    def head_pixels(self, camera: Camera) -> float:
        """How many pixels high the head is, about."""
        low, high = self.avatar.rig.vertices.min(0), self.avatar.rig.vertices.max(0)
        depth = float(transform_points(camera.camera_from_world, ((low + high) / 2)[None].astype(np.float64))[0, 2])
        return camera.fy * float(high[1] - low[1]) / max(depth, 0.05)

    def overdraw(self, pose: Pose, camera: Camera, look: Look) -> float:
        """How many splats are blended for each pixel of the head: the areas of all ellipses over the area of what is half opaque at least."""
        from facecraft4d.runtime.software import blended_pixels

        self._animator = self._animator or Animator(self.avatar)
        covered = float((self._screen.read()[..., 3] > 0.5).sum())
        return blended_pixels(emphasized(self._animator.splats(pose), look), camera) / covered if covered else 0.0

    def image(self, background: Color) -> np.ndarray:
        """The last picture as RGB bytes [h, w, 3]."""
        return composite(self._screen.read(), background)
