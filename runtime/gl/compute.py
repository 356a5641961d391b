"""Compute shaders (OpenGL 4.3) pose, project and sort; nothing comes back from the card."""

from collections.abc import Sequence

import moderngl
import numpy as np

from facecraft4d.runtime.gl.instances import Tier
from facecraft4d.runtime.gl.packing import PackedHeads
from facecraft4d.runtime.gl.shaders import HEAD, set_camera, set_uniforms, source
from facecraft4d.runtime.gl.tables import Tables
from facecraft4d.toolkit.core.datatypes import Camera, Pose, Rig
from facecraft4d.toolkit.splatting.cpu import ELLIPSE_FLOATS

VERSION = 430
GROUP, BLOCK = 64, 256
"""Threads of a work group, and of one that sorts."""
DIGIT_BITS, KEY_BITS = 8, 32

POSED, PROJECTED, KEYS, ORDER, INSTANCES, KEYS_OUT, ORDER_OUT, COUNTS = range(8)
"""Bindings of the buffers in the shaders."""


class RadixSort:
    """Sorts keys and what goes with them on the card; stable, exact."""

    def __init__(self, context: moderngl.Context, count: int) -> None:
        """For `count` rows."""
        self._context, self._count, self._blocks = context, count, max(1, -(-count // BLOCK))
        size = max(4 * count, 4)
        self.keys, self.order = context.buffer(reserve=size), context.buffer(reserve=size)
        self._spare = context.buffer(reserve=size), context.buffer(reserve=size)
        self._counts = context.buffer(reserve=4 * BLOCK * self._blocks)
        self._program = context.compute_shader(source("radix.comp", version=VERSION))
        set_uniforms(self._program, count=count, blocks=self._blocks)

    def run(self) -> None:
        """Sort `order` by ascending `keys`."""
        there, back = (self.keys, self.order), self._spare
        self._counts.bind_to_storage_buffer(COUNTS)
        for shift in range(0, KEY_BITS, DIGIT_BITS):  # four passes: the result lies where it began
            for buffer, binding in zip((*there, *back), (KEYS, ORDER, KEYS_OUT, ORDER_OUT), strict=True):
                buffer.bind_to_storage_buffer(binding)
            self._program["shift"] = shift
            for stage, groups in enumerate((self._blocks, 1, self._blocks)):
                self._program["stage"] = stage
                self._program.run(groups)
                self._context.memory_barrier(moderngl.SHADER_STORAGE_BARRIER_BIT)
            there, back = back, there

    def release(self) -> None:
        """Give back the buffers."""
        for resource in (self.keys, self.order, *self._spare, self._counts, self._program):
            resource.release()


class ComputeInstances:
    """Everything of a frame on the card."""

    tier = Tier.COMPUTE

    def __init__(self, context: moderngl.Context, rigs: Sequence[Rig], packed: PackedHeads) -> None:
        self._context, self._tables = context, Tables(context, rigs, packed)
        count = self._tables.splats
        self._pose, self._place, self._gather = (
            context.compute_shader(source(*names, version=VERSION))
            for names in ((*HEAD, "pose.comp"), (*HEAD, "place.comp"), ("gather.comp",))
        )
        self.posed = context.buffer(reserve=16 * self._tables.vertices)
        self._projected = context.buffer(reserve=max(4 * ELLIPSE_FLOATS * count, 4))
        self.buffer = context.buffer(reserve=max(4 * ELLIPSE_FLOATS * count, 4))
        self._sort = RadixSort(context, count)

    def write(self, poses: Sequence[Pose], camera: Camera, antialiased: bool) -> int:
        """As `Instances` says; those that are not drawn come last."""
        self._tables.move(poses)
        self._dispatch(self._pose, self._tables.vertices)
        set_camera(self._place, camera, antialiased)
        self._dispatch(self._place, self._tables.splats)
        self._sort.run()
        self._dispatch(self._gather, self._tables.splats)
        self._context.memory_barrier(moderngl.VERTEX_ATTRIB_ARRAY_BARRIER_BIT)
        return self._tables.splats

    def release(self) -> None:
        """As `Instances` says."""
        self._tables.release()
        self._sort.release()
        for resource in (self._pose, self._place, self._gather, self.posed, self._projected, self.buffer):
            resource.release()

    def _dispatch(self, program: moderngl.ComputeShader, count: int) -> None:
        """One thread for each of `count`, after everything before."""
        self._tables.bind(program)
        set_uniforms(program, count=count)
        buffers = {
            POSED: self.posed,
            PROJECTED: self._projected,
            KEYS: self._sort.keys,
            ORDER: self._sort.order,
            INSTANCES: self.buffer,
        }
        for binding, buffer in buffers.items():
            buffer.bind_to_storage_buffer(binding)
        program.run(max(1, int(np.ceil(count / GROUP))))
        self._context.memory_barrier(moderngl.SHADER_STORAGE_BARRIER_BIT)
