"""The rig's mesh in the picture: a grey surface, or its edges over the splats."""

import moderngl
import numpy as np

from facecraft4d.runtime.animate import Animator
from facecraft4d.runtime.gl.shaders import source
from facecraft4d.toolkit.core.asset import EYEWEAR, Avatar
from facecraft4d.toolkit.core.datatypes import Camera, Pose
from facecraft4d.toolkit.core.rigging import in_regions

NEAR, FAR = 0.01, 100.0
"""Metres from the camera between which the mesh is drawn."""
SURFACE, EDGE = (0.78, 0.78, 0.8, 1.0), (0.1, 0.35, 0.75, 0.4)
"""Colours, sRGB with straight alpha."""


class MeshPass:
    """Draws one avatar's mesh into a picture with row 0 at the top, which holds the colour `brightest` as 1."""

    def __init__(self, context: moderngl.Context, avatar: Avatar, brightest: float) -> None:
        self._context, self._animator = context, Animator(avatar)
        rig = avatar.rig
        surface = rig.triangles[~in_regions(rig, EYEWEAR, optional=True)]
        self._program = context.program(vertex_shader=source("mesh.vert"), fragment_shader=source("mesh.frag"))
        self._positions = context.buffer(reserve=max(rig.vertices.nbytes, 4), dynamic=True)
        indices = context.buffer(surface.astype(np.int32).tobytes())
        self._vertices = context.vertex_array(
            self._program, [(self._positions, "3f", "position")], index_buffer=indices, index_element_size=4
        )
        self._colors = [(*(part / brightest for part in color[:3]), color[3]) for color in (SURFACE, EDGE)]
        self._target: moderngl.Framebuffer | None = None
        self._picture: moderngl.Texture | None = None

    def draw(self, picture: moderngl.Texture, pose: Pose, camera: Camera, surface: bool, edges: bool) -> None:
        """The `surface` in place of what is in the picture, its `edges` over it; both where both are wanted."""
        self._positions.write(np.ascontiguousarray(self._animator.vertices(pose), np.float32).tobytes())
        target = self._onto(picture)
        self._set_camera(camera)
        self._open(target, surface)
        self._context.enable_only(moderngl.DEPTH_TEST)
        target.clear()  # of a closed picture only the depth
        self._context.polygon_offset = 1.0, 1.0  # edges are in front of the triangles that they bound
        self._program["color"], self._program["lit"] = self._colors[0], True
        self._vertices.render(moderngl.TRIANGLES)
        self._context.polygon_offset = 0.0, 0.0
        self._open(target, True)
        if edges:
            self._draw_edges()

    def _open(self, target: moderngl.Framebuffer, colors: bool) -> None:
        """Bind the target, its colours open or closed; moderngl sets masks when it binds."""
        target.color_mask = colors, colors, colors, colors
        target.viewport = 0, 0, *target.size
        target.use()

    def _draw_edges(self) -> None:
        self._context.enable_only(moderngl.DEPTH_TEST | moderngl.BLEND)
        self._context.blend_func = moderngl.ONE, moderngl.ONE_MINUS_SRC_ALPHA
        self._context.depth_func = "<="
        self._context.wireframe = True
        self._program["color"], self._program["lit"] = self._colors[1], False
        self._vertices.render(moderngl.TRIANGLES)
        self._context.wireframe = False

    def _onto(self, picture: moderngl.Texture) -> moderngl.Framebuffer:
        if self._target is None or self._picture is not picture:
            self._picture = picture
            self._target = self._context.framebuffer([picture], self._context.depth_renderbuffer(picture.size))
        return self._target

    def _set_camera(self, camera: Camera) -> None:
        self._program["camera_from_world"] = tuple(camera.camera_from_world.T.ravel().tolist())
        self._program["focal"] = camera.fx, camera.fy
        self._program["principal"] = camera.cx, camera.cy
        self._program["size"] = camera.width, camera.height
        self._program["planes"] = NEAR, FAR
