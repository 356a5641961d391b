"""Packed heads on the graphics card, and what both pre-passes do with them."""

from collections.abc import Sequence
from typing import Any

import moderngl
import numpy as np

from facecraft4d.runtime.gl.packing import PackedHeads, first_coefficient, moving_rows
from facecraft4d.runtime.gl.shaders import set_uniforms
from facecraft4d.toolkit.core.datatypes import Pose, Rig
from facecraft4d.toolkit.core.rigging import neutral_pose

ROW = 1024
"""Texels in a row of a table; rig.glsl knows it too."""

UNITS = {"mesh": 0, "deltas": 1, "triangles": 2, "bound": 3, "moving": 4, "posed": 5}
"""Texture units of the tables."""


class Tables:
    """Textures of four floats a texel, read by index."""

    def __init__(self, context: moderngl.Context, rigs: Sequence[Rig], packed: PackedHeads) -> None:
        """Of the avatars with these rigs, packed."""
        self._context, self._rigs = context, rigs
        self.vertices, self.splats = packed.vertices, packed.splats
        self._vertex_texels = packed.vertex_texels
        self._textures = {name: self.table(getattr(packed, name)) for name in ("mesh", "deltas", "triangles", "bound")}
        self._textures["moving"] = self.empty(len(moving_rows(rigs, [neutral_pose(rig) for rig in rigs])))

    def empty(self, rows: int) -> moderngl.Texture:
        """A table for that many rows of four floats."""
        texture = self._context.texture((ROW, max(1, -(-rows // ROW))), 4, dtype="f4")
        texture.filter = moderngl.NEAREST, moderngl.NEAREST
        return texture

    def table(self, rows: np.ndarray) -> moderngl.Texture:
        """A table of these rows."""
        texture = self.empty(len(rows))
        texture.write(padded(rows, texture.height))
        return texture

    def move(self, poses: Sequence[Pose]) -> None:
        """Take the pose of each avatar."""
        moving = self._textures["moving"]
        moving.write(padded(moving_rows(self._rigs, poses), moving.height))

    def bind(self, program: Any, **more: moderngl.Texture) -> None:
        """Give a program the tables that it reads."""
        for name, texture in {**self._textures, **more}.items():
            if name in program:
                texture.use(UNITS[name])
                program[name] = UNITS[name]
        set_uniforms(program, vertex_texels=self._vertex_texels, first_coefficient=first_coefficient(self._rigs))

    def release(self) -> None:
        """Give back the textures."""
        for texture in self._textures.values():
            texture.release()


def padded(rows: np.ndarray, height: int) -> bytes:
    """The rows and zeros up to the end of a table so high."""
    return rows.astype("<f4").tobytes().ljust(ROW * height * 16, b"\0")
