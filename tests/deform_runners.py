"""Runs the passes of the deformation on whatever device is there: GLSL by OpenGL, WGSL and (through SPIR-V) HLSL by WebGPU."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.resources import files
from itertools import count
from pathlib import Path
from shutil import which
from typing import Any

import moderngl
import numpy as np
import pytest
from absent import absent

ROOT = Path(__file__).resolve().parents[1]
ENGINES = ROOT / "samples" / "engines"
STAGES = ("TurnJoints", "PoseVertices", "PlaceSplats")
GROUP = 64
"""Threads of a work group."""

Arrays = dict[str, np.ndarray]
Runner = Callable[[Arrays, tuple[int, ...]], Arrays]
"""From what goes in, in the order of the bindings (zeros where a pass writes), and the four counts, to what the passes wrote."""
WRITTEN = ("posed", "placed")


def shader(name: str) -> str:
    return (files("facecraft4d.shaders") / name).read_text(encoding="utf-8")


def spread(stage: int, counts: tuple[int, ...]) -> int:
    """Work groups of a stage."""
    return (1, *(-(-number // GROUP) for number in counts[2:]))[stage]


def godot_glsl() -> str:
    """The compute pass of Godot 4 as OpenGL takes it: no file includes another, and push constants are uniforms."""
    text = (ENGINES / "godot4" / "deform_passes.glsl").read_text(encoding="utf-8")
    included = (ENGINES / "godot4" / "deform.glslinc").read_text(encoding="utf-8")
    text = text.replace("#[compute]\n", "").replace('#include "deform.glslinc"', included).replace("set = 0, ", "")
    pushed = re.search(r"layout\(push_constant, std430\) uniform Counts \{\s*uint ([^;]*);[^}]*\} counts;", text)
    assert pushed
    names = [name.strip() for name in pushed[1].split(",")]
    text = text.replace(pushed[0], "\n".join(f"uniform uint counts_{name};" for name in names))
    return re.sub(r"\bcounts\.", "counts_", text)


def opengl_runner(context: moderngl.Context) -> Runner:
    """GLSL."""
    program = context.compute_shader(godot_glsl())

    def run(arrays: Arrays, counts: tuple[int, ...]) -> Arrays:
        buffers = {name: context.buffer(array.tobytes()) for name, array in arrays.items()}
        for binding, buffer in enumerate(buffers.values()):
            buffer.bind_to_storage_buffer(binding)
        for name, number in zip(("expressions", "joints", "vertices", "splats"), counts, strict=True):
            program[f"counts_{name}"] = number
        for stage in range(len(STAGES)):
            program["counts_stage"] = stage
            program.run(spread(stage, counts))
            context.memory_barrier()
        return {name: np.frombuffer(buffers[name].read(), np.float32).reshape(arrays[name].shape) for name in WRITTEN}

    return run


def webgpu_device() -> Any:
    """A device that can bind as many buffers as the passes have. Skips the test where there is none."""
    wgpu = pytest.importorskip("wgpu")
    try:
        adapter = wgpu.gpu.request_adapter_sync()
        limits = {"max-storage-buffers-per-shader-stage": 12}
        return adapter.request_device_sync(required_limits=limits)
    except Exception as error:  # whatever its drivers say
        absent(f"no WebGPU: {error}")


def webgpu_runner(device: Any, modules: tuple[Any, ...]) -> Runner:
    """One module for each stage, whose entry point is named after it; binding 0 has the counts."""

    def run(arrays: Arrays, counts: tuple[int, ...]) -> Arrays:
        bound = Bound(device, {"counts": np.array(counts, np.uint32), **arrays})
        for stage, module in enumerate(modules):
            bound.dispatch(module, STAGES[stage], spread(stage, counts))
        return {name: bound.read(name).reshape(arrays[name].shape) for name in WRITTEN}

    return run


READ_WRITE = ("matrices", "coefficients", *WRITTEN)


class Bound:
    """Buffers on a device, bound in their order."""

    def __init__(self, device: Any, arrays: Arrays) -> None:
        self._device = device
        self._buffers = {
            name: device.create_buffer_with_data(
                data=array.tobytes(), usage="UNIFORM" if name == "counts" else "STORAGE|COPY_SRC"
            )
            for name, array in arrays.items()
        }
        layout = device.create_bind_group_layout(entries=list(_layout_entries(arrays)))
        resources = [
            {"binding": binding, "resource": {"buffer": buffer, "offset": 0, "size": buffer.size}}
            for binding, buffer in enumerate(self._buffers.values())
        ]
        self._group = device.create_bind_group(layout=layout, entries=resources)
        self._layout = device.create_pipeline_layout(bind_group_layouts=[layout])

    def dispatch(self, module: Any, entry: str, groups: int) -> None:
        """Run a kernel."""
        compute = {"module": module, "entry_point": entry}
        encoder = self._device.create_command_encoder()
        dispatch = encoder.begin_compute_pass()
        dispatch.set_pipeline(self._device.create_compute_pipeline(layout=self._layout, compute=compute))
        dispatch.set_bind_group(0, self._group)
        dispatch.dispatch_workgroups(groups)
        dispatch.end()
        self._device.queue.submit([encoder.finish()])

    def read(self, name: str) -> np.ndarray:
        """What a buffer of floats holds now."""
        return np.frombuffer(self._device.queue.read_buffer(self._buffers[name]), np.float32)


def _layout_entries(names: Iterable[str]) -> Iterator[dict[str, Any]]:
    for binding, name in enumerate(names):
        kind = "uniform" if name == "counts" else "storage" if name in READ_WRITE else "read-only-storage"
        yield {"binding": binding, "visibility": "COMPUTE", "buffer": {"type": kind}}


def wgsl_modules(device: Any) -> tuple[Any, ...]:
    """WGSL."""
    text = shader("deform.wgsl") + (ROOT / "tests" / "shaders" / "passes.wgsl").read_text(encoding="utf-8")
    return (device.create_shader_module(code=text),) * len(STAGES)


def hlsl_modules(device: Any, scratch: Path) -> tuple[Any, ...]:
    """HLSL: Unity's compute pass; binding 0 has the counts."""
    source = ENGINES / "unity" / "DeformPasses.compute"
    return tuple(device.create_shader_module(code=spirv(source, stage, scratch, first=1)) for stage in STAGES)


def spirv(source: Path, entry: str, scratch: Path, first: int, includes: Path | None = None) -> bytes:
    """A kernel in HLSL as glslang compiles it; its buffers have the bindings `first`, ... in the order of the source.

    Skips the test where there is no glslang.
    """
    compiler = which("glslangValidator", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if compiler is None:
        absent("no glslangValidator")
    bindings = count(first)
    text = re.sub(
        r"^(?:RW)?StructuredBuffer<",
        lambda found: f"[[vk::binding({next(bindings)}, 0)]] {found[0]}",
        source.read_text(encoding="utf-8"),
        flags=re.M,
    )
    bound, target = scratch / f"{source.stem}.hlsl", scratch / f"{entry}.spv"
    bound.write_text(text, encoding="utf-8")
    options = ["-D", "-V", "-S", "comp", "-e", entry, "--amb", f"-I{includes or source.parent}"]
    found = subprocess.run([compiler, *options, "-o", target, bound], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout
    return target.read_bytes()
