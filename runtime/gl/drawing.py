"""Instances as triangles: into a picture of our own, or into whatever framebuffer is bound."""

from typing import NamedTuple

import moderngl
import numpy as np
from jaxtyping import Float32

from facecraft4d.runtime.gl.instances import LAYOUT, NAMES
from facecraft4d.runtime.gl.shaders import Clip, drawing_into, set_camera, set_uniforms, source
from facecraft4d.toolkit.core.datatypes import Camera

# corners of the equilateral triangle around the unit circle: a quarter fewer vertices than a square, and one triangle in place of two
CORNERS = np.array([(-(3**0.5), -1), (3**0.5, -1), (0, 2)], np.float32)


class Look(NamedTuple):
    """How splats are drawn."""

    antialiased: bool = False
    """Opacity makes up for the low-pass filter. Not for avatars that were trained without: they would look thinner than in training."""
    clip: Clip = Clip()
    scale: float = 1.0
    """Times the ellipses' axes."""
    gain: float = 1.0
    """Times the opacities; beyond 1 splats turn into disks with an edge."""
    inscribed: float = 0.8
    """Radius of the circle in a splat's triangle; 1 is the ellipse where the splat fades to the cutoff, so that nothing of it is left out.

    A triangle around all of a splat has 1.65 times its area. With 0.8 it has 1.06 times, and takes about 0.7 of the time; what lies beyond its sides,
    where alpha is 1/35 at most (255 to the power of -0.64), is not drawn: 51 dB and more from the whole on built heads (benchmarks/bench_inscribed.py).
    """


LOOK = Look()
"""As in training."""

EVERYTHING = Clip(0.001, 1e6)
"""Cuts nothing that project.glsl leaves."""

BRIGHTEST = 4.0
"""The colour that a picture holds as 1: splats may be brighter than white where darker ones cover them (a trained head: 1.32). What is beyond is cut."""
UNITS = np.array([BRIGHTEST, BRIGHTEST, BRIGHTEST, 1.0], np.float32) / 65535
"""What a step of its 16 bits is in each channel."""


class SplatDrawing:
    """One instanced triangle for each splat, blended over what lies behind."""

    def __init__(
        self, context: moderngl.Context, instances: moderngl.Buffer, depth: bool = False, brightest: float = 1.0
    ) -> None:
        """With `depth` a second colour attachment of the target takes camera z; `brightest` is the colour that the target holds as 1."""
        self._context = context
        defines = ("DEPTH",) if depth else ()
        self._program = context.program(
            vertex_shader=source("splat.vert", defines=defines), fragment_shader=source("splat.frag", defines=defines)
        )
        set_uniforms(self._program, brightest=brightest)
        self._corners = context.buffer(CORNERS.tobytes())
        self._vertices = context.vertex_array(
            self._program, [(self._corners, "2f", "corner"), (instances, LAYOUT, *NAMES)]
        )

    def draw(self, count: int, camera: Camera, look: Look, rows_down: bool) -> None:
        """The first `count` instances into the bound framebuffer; `rows_down` where its row 0 is the top of the picture.

        Blending must be on: this sets its function to premultiplied over.
        """
        self._context.blend_func = moderngl.ONE, moderngl.ONE_MINUS_SRC_ALPHA
        set_camera(self._program, camera, look.antialiased)
        set_uniforms(
            self._program,
            upwards=1.0 if rows_down else -1.0,
            clip=look.clip,
            scale=look.scale,
            gain=look.gain,
            inscribed=look.inscribed,
        )
        if count:
            self._vertices.render(moderngl.TRIANGLES, vertices=3, instances=count)

    def release(self) -> None:
        """Give back program and corners; the instances belong to another."""
        for resource in (self._vertices, self._corners, self._program):
            resource.release()


class Picture:
    """A picture of its own on the card: 16 bits a channel, from 0 to `BRIGHTEST`, since with 8 every layer of the blend would round.

    Half floats round more (alpha near 1 by 1/2048), and llvmpipe takes half as long again for them.
    """

    def __init__(
        self, context: moderngl.Context, size: tuple[int, int], instances: moderngl.Buffer, depth: bool = False
    ) -> None:
        """`size` is (width, height). With `depth` also the depth of what is seen."""
        self._context, self.size = context, size
        self.texture = context.texture(size, 4, dtype="nu2")
        self.depth_texture = context.texture(size, 2, dtype="f4") if depth else None
        self.target = context.framebuffer(
            [self.texture] if self.depth_texture is None else [self.texture, self.depth_texture]
        )
        self._drawing = SplatDrawing(context, instances, depth, BRIGHTEST)

    def draw(self, count: int, camera: Camera, look: Look = LOOK) -> None:
        """The first `count` instances: premultiplied RGBA, row 0 at the top. ValueError for a camera of another size."""
        if (camera.width, camera.height) != self.size:
            raise ValueError(f"camera must be {self.size} pixels, got {(camera.width, camera.height)}")
        with drawing_into(self._context, self.target, moderngl.BLEND):
            self.target.clear()
            self._drawing.draw(count, camera, look._replace(clip=EVERYTHING), rows_down=True)

    def read(self) -> Float32[np.ndarray, "h w 4"]:
        """What was drawn last."""
        width, height = self.size
        return np.frombuffer(self.texture.read(), np.uint16).reshape(height, width, 4) * UNITS

    def read_depth(self) -> Float32[np.ndarray, "h w"]:
        """Mean camera z of what is seen, weighed by how much it is seen, metres; infinity where nothing is. Only `depth` pictures have it."""
        assert self.depth_texture is not None, "depth=True at the start"
        width, height = self.size
        weighed, alpha = (
            np.frombuffer(self.depth_texture.read(), np.float32).reshape(height, width, 2).transpose(2, 0, 1)
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(alpha > 0, weighed / alpha, np.float32(np.inf)).astype(np.float32)

    def release(self) -> None:
        """Give back target and program."""
        self._drawing.release()
        for resource in (self.target, self.texture, self.depth_texture):
            if resource is not None:
                resource.release()
