"""Who poses, projects and sorts: three ways to fill one buffer with the splats that are drawn, from back to front.

splatting/ellipses.py says what a row of it holds.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol, runtime_checkable

import moderngl
import numpy as np

from facecraft4d.runtime.animate import Heads
from facecraft4d.runtime.gl.packing import PackedHeads
from facecraft4d.runtime.gl.shaders import HEAD, drawing_into, set_camera, source
from facecraft4d.runtime.gl.tables import ROW, Tables
from facecraft4d.runtime.sort import SplatOrder, descending
from facecraft4d.toolkit.core.datatypes import Camera, Pose, Rig, Splats
from facecraft4d.toolkit.splatting.cpu import ELLIPSE_FLOATS, project_ellipses

LAYOUT, NAMES = "4f 4f 4f /i", ("place", "axes", "color")
"""Of an instance, as moderngl writes it."""


class Tier(StrEnum):
    """Who does what of a frame."""

    COMPUTE = "compute"
    """OpenGL 4.3: compute shaders pose, project and sort."""
    FEEDBACK = "feedback"
    """OpenGL 3.3, every Mac: transform feedback poses and projects; the processor sorts."""
    UPLOAD = "upload"
    """OpenGL 3.3 whose driver runs on the processor: compiled kernels pose, project and sort; OpenGL draws."""


@runtime_checkable
class Instances(Protocol):
    """Fills `buffer` with the instances of a picture."""

    tier: Tier
    buffer: moderngl.Buffer

    def write(self, poses: Sequence[Pose], camera: Camera, antialiased: bool) -> int:
        """Pose every avatar, and lay out what the camera sees from back to front. Returns how many rows there are."""
        ...

    def release(self) -> None:
        """Give back what is on the card."""
        ...


class UploadedSplats:
    """Instances of any splats in the world, made on the processor; what the camera does not see is not even sent."""

    def __init__(self, context: moderngl.Context, most: int) -> None:
        """For at most so many splats."""
        self._rows = np.empty((most, ELLIPSE_FLOATS), np.float32)
        self.buffer = context.buffer(reserve=max(self._rows.nbytes, 1), dynamic=True)

    def write(self, splats: Splats, camera: Camera, antialiased: bool = False) -> int:
        """Lay out what the camera sees from back to front. Returns how many rows there are."""
        rows = project_ellipses(splats, camera, antialiased)
        order = descending(rows[:, 3], np.flatnonzero(rows[:, 2]))
        np.take(rows, order, 0, out=self._rows[: len(order)])
        self.buffer.orphan()
        self.buffer.write(self._rows[: len(order)])
        return len(order)


class UploadedInstances:
    """All on the processor."""

    tier = Tier.UPLOAD

    def __init__(self, context: moderngl.Context, heads: Heads) -> None:
        self._heads, self._uploaded = heads, UploadedSplats(context, heads.count)
        self.buffer = self._uploaded.buffer

    def write(self, poses: Sequence[Pose], camera: Camera, antialiased: bool) -> int:
        """As `Instances` says."""
        return self._uploaded.write(self._heads.splats(poses), camera, antialiased)

    def release(self) -> None:
        """As `Instances` says."""
        self.buffer.release()


class FeedbackInstances:
    """Posed and projected by vertex shaders, in an order that the processor finds from its own copy of the pose."""

    tier = Tier.FEEDBACK

    def __init__(
        self, context: moderngl.Context, rigs: Sequence[Rig], packed: PackedHeads, heads: Heads, order: SplatOrder
    ) -> None:
        self._context = context
        self._heads, self._order, self._tables = heads, order, Tables(context, rigs, packed)
        self._posed_table = self._tables.empty(self._tables.vertices)
        self.posed = context.buffer(reserve=ROW * self._posed_table.height * 16)
        self._pose = context.program(vertex_shader=source(*HEAD, "pose.vert"), varyings=("posed",))
        self._place = context.program(vertex_shader=source(*HEAD, "place.vert"), varyings=NAMES)
        self._sorted = context.buffer(reserve=max(4 * heads.count, 1), dynamic=True)
        self.buffer = context.buffer(reserve=max(4 * ELLIPSE_FLOATS * heads.count, 1))
        self._vertices = context.vertex_array(self._pose, [])
        self._splats = context.vertex_array(self._place, [(self._sorted, "1i", "splat")])
        self._target = context.framebuffer([context.renderbuffer((1, 1))])
        """OpenGL wants a complete framebuffer even where nothing is drawn into it."""

    def write(self, poses: Sequence[Pose], camera: Camera, antialiased: bool) -> int:
        """As `Instances` says."""
        order = self._order(self._heads.splats(poses).means, camera)
        self._tables.move(poses)
        self._tables.bind(self._pose)
        with drawing_into(self._context, self._target):
            self._vertices.transform(self.posed, moderngl.POINTS, vertices=self._tables.vertices)
        self._posed_table.write(self.posed)
        if len(order):
            self._sorted.orphan()
            self._sorted.write(order.astype(np.int32))
            self._tables.bind(self._place, posed=self._posed_table)
            set_camera(self._place, camera, antialiased)
            with drawing_into(self._context, self._target):
                self._splats.transform(self.buffer, moderngl.POINTS, vertices=len(order))
        return len(order)

    def release(self) -> None:
        """As `Instances` says."""
        self._tables.release()
        self._order.close()
        parts = (
            self._vertices,
            self._splats,
            self._pose,
            self._place,
            self._posed_table,
            self.posed,
            self._sorted,
            self._target,
        )
        for resource in (*parts, self.buffer):
            resource.release()
