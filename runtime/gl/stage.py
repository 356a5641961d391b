"""Heads in somebody else's OpenGL program: drawn into the framebuffer that is bound, among the meshes that are there."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import moderngl
import numpy as np

from facecraft4d.runtime.gl.drawing import LOOK, Look, Picture, SplatDrawing
from facecraft4d.runtime.gl.instances import Instances, Tier
from facecraft4d.runtime.gl.shaders import drawing_into, set_uniforms, source
from facecraft4d.runtime.gl.tiers import open_instances
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Camera, Pose

TRIANGLE = np.array([(-1, -1), (3, -1), (-1, 3)], np.float32)
"""Covers the whole picture."""


class Stage:
    """Some avatars in one context, whose splats are sorted together.

    Drawing changes moderngl's blend function and leaves framebuffer, flags and masks as they were. A sampler of the program's own that
    stands at a texture unit from 0 to 5 must be bound again.
    """

    def __init__(self, context: moderngl.Context, avatars: Sequence[Avatar], tier: Tier | None = None) -> None:
        """By `suitable_tier` where no tier is asked for."""
        self._context = context
        self.instances: Instances = open_instances(context, avatars, tier)
        self._drawing = SplatDrawing(context, self.instances.buffer)
        self._picture: Picture | None = None
        self._count = 0
        self._query = context.query(time=True)
        self._timed, self._writing = False, 0.0
        self._filler = context.program(vertex_shader=source("depth.vert"), fragment_shader=source("depth.frag"))
        self._triangle = context.buffer(TRIANGLE.tobytes())
        self._whole = context.vertex_array(self._filler, [(self._triangle, "2f", "at")])

    def draw(self, poses: Sequence[Pose], camera: Camera, look: Look = LOOK) -> None:
        """Over what is in the bound framebuffer, and behind what its depth buffer says is nearer; premultiplied, sRGB as displayed.

        `camera` has the viewport's size, `look.clip` the planes that the depth buffer was drawn with.
        """
        with self._query, self._masks(color=True, depth=False):
            begun = perf_counter()
            self._count = self.instances.write(poses, camera, look.antialiased)
            self._writing = perf_counter() - begun
            self._drawing.draw(self._count, camera, look, rows_down=False)
        self._timed = True

    @property
    def seconds(self) -> float:
        """What the last `draw` took of card and processor; 0 before the first. Asked for at once, it waits for the card."""
        return self._query.elapsed / 1e9 + self._writing if self._timed else 0.0

    def draw_depth(self, camera: Camera, look: Look = LOOK) -> None:
        """Put the heads as last drawn into the depth buffer, so that what is drawn from now on is hidden behind them.

        Where a head is at least half opaque, at the mean depth of what is seen.
        """
        size = camera.width, camera.height
        if self._picture is None or self._picture.size != size:
            if self._picture is not None:
                self._picture.release()
            self._picture = Picture(self._context, size, self.instances.buffer, depth=True)
        self._picture.draw(self._count, camera, look)
        assert self._picture.depth_texture is not None
        self._picture.depth_texture.use(0)
        set_uniforms(self._filler, depth=0, clip=look.clip)
        with self._masks(color=False, depth=True):
            self._whole.render(moderngl.TRIANGLES)

    def release(self) -> None:
        """Give back what is on the card."""
        self._drawing.release()
        if self._picture is not None:
            self._picture.release()
        for resource in (self._whole, self._triangle, self._filler):
            resource.release()
        self.instances.release()

    @contextmanager
    def _masks(self, color: bool, depth: bool) -> Iterator[None]:
        """Draw into the bound framebuffer with these masks, tested against its depth; then everything as before."""
        target = self._context.fbo
        masks = target.color_mask, target.depth_mask
        target.color_mask, target.depth_mask = masks[0] if color else _closed(masks[0]), depth
        try:
            with drawing_into(
                self._context, target, moderngl.BLEND | moderngl.DEPTH_TEST if color else moderngl.DEPTH_TEST
            ):
                target.use()  # moderngl applies masks when a framebuffer is bound
                yield
        finally:
            target.color_mask, target.depth_mask = masks
            target.use()


def _closed(mask: Any) -> Any:
    """The mask of one attachment or of several that lets nothing through."""
    return tuple(_closed(part) if isinstance(part, tuple) else False for part in mask)
