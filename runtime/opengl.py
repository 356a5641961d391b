"""Draws with OpenGL 3.3: one instanced triangle per splat, blended over what lies behind in sRGB as displayed."""

import sys
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import moderngl
import numpy as np
from jaxtyping import Float32

from facecraft4d.runtime.animate import Heads
from facecraft4d.runtime.kernels import gather_instances
from facecraft4d.runtime.sort import back_to_front
from facecraft4d.toolkit.core.datatypes import Camera, Pose, Splats
from facecraft4d.toolkit.splatting.settings import Settings

EMULATORS = ("llvmpipe", "softpipe", "swiftshader", "software", "swrast")
"""OpenGL drivers that run on the processor, as they call themselves."""

INSTANCE_LAYOUT = "3f 1f 4f 3f 3f /i"
INSTANCE_FLOATS = 14
INSTANCE_NAMES = ("mean", "opacity", "rotation_wxyz", "scales", "color")

# corners of the equilateral triangle around the unit circle: a quarter fewer vertices than a square, and one triangle in place of two
CORNERS = np.array([(-(3**0.5), -1), (3**0.5, -1), (0, 2)], np.float32)


class NoOpenGL(Exception):
    """There is no OpenGL on this machine that could draw."""


def shader(name: str) -> str:
    """A GLSL source of the package."""
    return (files("facecraft4d.shaders") / name).read_text(encoding="utf-8")


class SplatPass:
    """Draws splats into a picture on the graphics card, in any context."""

    def __init__(self, context: moderngl.Context, width: int, height: int) -> None:
        self._context, self._size = context, (width, height)
        self._program = context.program(vertex_shader=shader("splat.vert"), fragment_shader=shader("splat.frag"))
        # half floats: with 8 bits every layer of the blend would round, and colours above 1 would clip
        self.picture = context.texture((width, height), 4, dtype="f2")
        self.target = context.framebuffer([self.picture])
        self._corners = context.buffer(CORNERS.tobytes())
        self._capacity = 0

    def draw(self, splats: Splats, camera: Camera) -> None:
        """Draw into `target`: premultiplied RGBA, row 0 at the top."""
        if (camera.width, camera.height) != self._size:
            raise ValueError(f"camera must be {self._size} pixels, got {(camera.width, camera.height)}")
        order = back_to_front(splats.means, camera, Settings(*self._size).near_plane)
        self._upload(order, splats)
        self._set_camera(camera)
        self.target.use()
        self.target.clear()
        self._context.enable_only(moderngl.BLEND)
        self._context.blend_func = moderngl.ONE, moderngl.ONE_MINUS_SRC_ALPHA
        if len(order):
            self._vertices.render(moderngl.TRIANGLES, vertices=3, instances=len(order))

    def read(self) -> Float32[np.ndarray, "h w 4"]:
        """What was drawn last."""
        width, height = self._size
        data = self.target.read(components=4, dtype="f2")
        return np.frombuffer(data, np.float16).reshape(height, width, 4).astype(np.float32)

    def release(self) -> None:
        """Give back the buffers."""
        for resource in (self.target, self.picture, self._corners, self._program):
            resource.release()
        if self._capacity:
            self._vertices.release()
            self._buffer.release()

    def _upload(self, order: np.ndarray, splats: Splats) -> None:
        """Instances in drawing order."""
        if len(splats.means) > self._capacity:
            self._capacity = len(splats.means)
            self._instances = np.empty((self._capacity, INSTANCE_FLOATS), np.float32)
            self._buffer = self._context.buffer(reserve=self._instances.nbytes, dynamic=True)
            layout = [(self._corners, "2f", "corner"), (self._buffer, INSTANCE_LAYOUT, *INSTANCE_NAMES)]
            self._vertices = self._context.vertex_array(self._program, layout)
        parts = splats.means, splats.opacities, splats.rotations_wxyz, splats.scales, splats.colors
        gather_instances(order, parts, self._instances)
        self._buffer.orphan()
        self._buffer.write(self._instances[: len(order)])

    def _set_camera(self, camera: Camera) -> None:
        settings, program = Settings(*self._size), self._program
        program["camera_from_world"] = tuple(camera.camera_from_world.T.ravel().tolist())
        program["focal"] = camera.fx, camera.fy
        program["principal"] = camera.cx, camera.cy
        program["size"] = self._size
        program["near_plane"] = settings.near_plane
        program["low_pass"] = settings.eps2d
        program["cutoff"] = settings.alpha_cutoff
        program["sigma_clamp"] = settings.sigma_clamp
        program["alpha_max"] = settings.alpha_max


class OffscreenRenderer:
    """OpenGL without a window, as a `Renderer`."""

    def __init__(self, heads: Heads, width: int, height: int) -> None:
        self._heads, self._context = heads, offscreen_context()
        driver = str(self._context.info["GL_RENDERER"])
        self.emulated = any(name in driver.lower() for name in EMULATORS)
        self.note = f"drawing with OpenGL on {driver}"
        self._pass = SplatPass(self._context, width, height)

    def draw(self, poses: Sequence[Pose], camera: Camera) -> Float32[np.ndarray, "h w 4"]:
        """Premultiplied RGBA in sRGB as displayed, row 0 at the top."""
        with self._context:
            self._pass.draw(self._heads.splats(poses), camera)
            return self._pass.read()

    def close(self) -> None:
        """Give back buffers and context."""
        with self._context:
            self._pass.release()
        self._context.release()


def offscreen_context() -> moderngl.Context:
    """A context without a window: through EGL on Linux, the system's own way elsewhere. Raises NoOpenGL."""
    options: dict[str, Any] = {"backend": "egl"} if sys.platform.startswith("linux") else {}
    try:
        return moderngl.create_context(standalone=True, require=330, **options)
    except Exception as error:  # glcontext has no exception of its own
        raise NoOpenGL(str(error).splitlines()[0] if str(error) else type(error).__name__) from None
