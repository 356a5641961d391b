"""Runs the passes of the deformation on whatever device is there: GLSL by OpenGL, WGSL and (through SPIR-V) HLSL by WebGPU."""

import re
import subprocess
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from shutil import which
from typing import Any

import moderngl
import numpy as np
import pytest

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
    return (1, *(-(-count // GROUP) for count in counts[2:]))[stage]


def godot_glsl() -> str:
    """The compute pass of Godot 4 as OpenGL takes it: no file includes another, and push constants are uniforms."""
    text = (ENGINES / "godot4" / "deform_passes.glsl").read_text(encoding="utf-8")
    included = (ENGINES / "godot4" / "deform.glsl").read_text(encoding="utf-8")
    text = text.replace("#[compute]\n", "").replace('#include "deform.glsl"', included).replace("set = 0, ", "")
    pushed = re.search(r"layout\(push_constant, std430\) uniform Counts \{\s*uint ([^;]*);\s*\} counts;", text)
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
        for name, count in zip(("expressions", "joints", "vertices", "splats"), counts, strict=True):
            program[f"counts_{name}"] = count
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
        pytest.skip(f"no WebGPU: {error}")


def webgpu_runner(device: Any, modules: tuple[Any, ...]) -> Runner:
    """One module for each stage, whose entry point is named after it; binding 0 has the counts."""

    def run(arrays: Arrays, counts: tuple[int, ...]) -> Arrays:
        inputs = {"counts": np.array(counts, np.uint32), **arrays}
        usage = "STORAGE|COPY_SRC"
        buffers = {
            name: device.create_buffer_with_data(data=array.tobytes(), usage="UNIFORM" if name == "counts" else usage)
            for name, array in inputs.items()
        }
        layout = device.create_bind_group_layout(entries=list(_layout_entries(buffers)))
        resources = [
            {"binding": binding, "resource": {"buffer": buffer, "offset": 0, "size": buffer.size}}
            for binding, buffer in enumerate(buffers.values())
        ]
        group = device.create_bind_group(layout=layout, entries=resources)
        common = device.create_pipeline_layout(bind_group_layouts=[layout])
        for stage, module in enumerate(modules):
            compute = {"module": module, "entry_point": STAGES[stage]}
            encoder = device.create_command_encoder()
            dispatch = encoder.begin_compute_pass()
            dispatch.set_pipeline(device.create_compute_pipeline(layout=common, compute=compute))
            dispatch.set_bind_group(0, group)
            dispatch.dispatch_workgroups(spread(stage, counts))
            dispatch.end()
            device.queue.submit([encoder.finish()])
        return {
            name: np.frombuffer(device.queue.read_buffer(buffers[name]), np.float32).reshape(arrays[name].shape)
            for name in WRITTEN
        }

    return run


READ_WRITE = ("matrices", "coefficients", *WRITTEN)


def _layout_entries(buffers: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for binding, name in enumerate(buffers):
        kind = "uniform" if name == "counts" else "storage" if name in READ_WRITE else "read-only-storage"
        yield {"binding": binding, "visibility": "COMPUTE", "buffer": {"type": kind}}


def wgsl_modules(device: Any) -> tuple[Any, ...]:
    """WGSL."""
    text = shader("deform.wgsl") + (ROOT / "tests" / "shaders" / "passes.wgsl").read_text(encoding="utf-8")
    return (device.create_shader_module(code=text),) * len(STAGES)


def hlsl_modules(device: Any, scratch: Path) -> tuple[Any, ...]:
    """HLSL, Unity's compute pass, as glslang compiles it to SPIR-V. Skips the test where there is no glslang."""
    return tuple(device.create_shader_module(code=spirv(stage, scratch)) for stage in STAGES)


def spirv(stage: str, scratch: Path) -> bytes:
    """A kernel of Unity's compute pass; its buffers have the bindings 1, 2, ... in the order of the source."""
    compiler = which("glslangValidator")
    if compiler is None:
        pytest.skip("no glslangValidator")
    text = (ENGINES / "unity" / "DeformPasses.compute").read_text(encoding="utf-8")
    bindings = iter(range(1, 100))
    text = re.sub(
        r"^(?:RW)?StructuredBuffer<", lambda found: f"[[vk::binding({next(bindings)}, 0)]] {found[0]}", text, flags=re.M
    )
    source, target = scratch / "DeformPasses.hlsl", scratch / f"{stage}.spv"
    source.write_text(text, encoding="utf-8")
    command = [compiler, "-D", "-V", "-S", "comp", "-e", stage, "--amb", f"-I{ENGINES / 'unity'}", "-o", str(target), str(source)]  # fmt: skip
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout
    return target.read_bytes()
