"""How long the CPU rasteriser takes for a frame and for a training step, beside its peers and over the number of splats.

    python benchmarks/bench_rasterizer.py [--prototype path/to/diff_nb2.py] [--repeats 10]

The peers: a prototype (numba kernels under torch's own projection), the runtime's OpenGL pass (frames only, picture read back; on a machine
without a graphics card that is an emulator, and the triangles it draws are faster there than quads), and the readable twin in torch, at a
size that it can bear. Peers take turns within one run; the least of all turns counts, as wall time and as processor time.
"""

import argparse
import importlib.util
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import torch
from machine import described

from facecraft4d.runtime.gl.drawing import Picture
from facecraft4d.runtime.gl.instances import UploadedSplats
from facecraft4d.runtime.opengl import NoOpenGL, offscreen_context
from facecraft4d.toolkit.core import geometry
from facecraft4d.toolkit.core.datatypes import Camera, Splats
from facecraft4d.toolkit.splatting import reference
from facecraft4d.toolkit.splatting.rasterize import rasterization
from facecraft4d.toolkit.splatting.settings import Settings

CASES = [(n, size) for n in (20_000, 50_000, 100_000) for size in (256, 512)]
SCALING = [(10_000, 512), (20_000, 512), (50_000, 512), (100_000, 512), (200_000, 512), (200_000, 1024)]
TWIN_CASE = (2_000, 128)
FOV_Y_DEGREES = 30.0


def head(n: int, opaque: bool = False) -> dict[str, torch.Tensor]:
    """n flat splats on an egg the size of a head, evenly spread, of about the size that covers it."""
    rng = np.random.default_rng(0)
    polar, around = np.arccos(1 - 2 * (np.arange(n) + 0.5) / n), np.pi * (1 + 5**0.5) * (np.arange(n) + 0.5)
    unit = np.stack([np.cos(around) * np.sin(polar), np.cos(polar), np.sin(around) * np.sin(polar)], 1)
    axes = np.array([0.085, 0.12, 0.10])
    normals = geometry.normalized(unit / axes)
    quats = geometry.normalized(np.stack([1 + normals[:, 2], -normals[:, 1], normals[:, 0], np.zeros(n)], 1) + 1e-6)
    flat = 1.2e-3 * np.sqrt(50_000 / n) * np.exp(rng.normal(0, 0.4, (n, 2)))
    opacities = np.full(n, 0.98) if opaque else np.clip(rng.beta(4, 1.5, n), 0.02, 0.99)
    arrays = {"means": unit * axes + rng.normal(0, 2e-4, (n, 3)), "quats": quats,
              "scales": np.column_stack([flat, np.full(n, 2e-4)]), "opacities": opacities, "colors": rng.random((n, 3))}  # fmt: skip
    return {name: torch.tensor(a, dtype=torch.float32).requires_grad_() for name, a in arrays.items()}


def camera(size: int) -> tuple[torch.Tensor, torch.Tensor, float]:
    """viewmats, Ks and the focal length of a view of the head."""
    focal = 0.5 * size / np.tan(np.radians(FOV_Y_DEGREES) / 2)
    view = geometry.camera_from_world_looking_at(np.array([0.1, 0.02, 0.59]), np.zeros(3))
    intrinsics = torch.tensor([[focal, 0, size / 2], [0, focal, size / 2], [0, 0, 1]], dtype=torch.float32)
    return torch.tensor(view, dtype=torch.float32)[None], intrinsics[None], float(focal)


def ours(scene: dict[str, torch.Tensor], size: int, channels: int = 3) -> Callable[[], torch.Tensor]:
    """Draws the scene; six channels are the colours twice."""
    viewmats, Ks, _ = camera(size)

    def draw() -> torch.Tensor:
        colors = torch.cat([scene["colors"]] * (channels // 3), 1)
        return rasterization(**(scene | {"colors": colors}), viewmats=viewmats, Ks=Ks, width=size, height=size)[0]

    return draw


def prototype(module: Any, scene: dict[str, torch.Tensor], size: int) -> Callable[[], torch.Tensor]:
    """The same picture by the prototype."""
    viewmats, _, focal = camera(size)
    arguments = [scene[name] for name in ("means", "quats", "scales", "opacities", "colors")]
    return lambda: module.render(*arguments, viewmats[0], focal, size, size)


def frame(draw: Callable[[], torch.Tensor], scene: dict[str, torch.Tensor]) -> Callable[[], Any]:
    """One picture without gradients."""

    def run() -> None:
        with torch.no_grad():
            draw()

    return run


def step(draw: Callable[[], torch.Tensor], scene: dict[str, torch.Tensor]) -> Callable[[], Any]:
    """One training step: picture, loss, gradients of everything, Adam."""
    optimizer = torch.optim.Adam(scene.values(), lr=1e-7)

    def run() -> None:
        optimizer.zero_grad(set_to_none=True)
        draw().square().mean().backward()
        optimizer.step()

    return run


def least(runs: list[Callable[[], Any]], repeats: int) -> np.ndarray:
    """Least wall and processor milliseconds [runs, 2], the runs taking turns."""
    times = np.full((len(runs), 2), np.inf)
    for turn in range(repeats + 2):
        for i, run in enumerate(runs):
            wall, processor = time.perf_counter(), time.process_time()
            run()
            taken = time.perf_counter() - wall, time.process_time() - processor
            if turn >= 2:
                times[i] = np.minimum(times[i], taken)
    return 1e3 * times


def opengl(scene: dict[str, torch.Tensor], size: int) -> Callable[[], Any] | None:
    """The same picture by the runtime's OpenGL pass, read back; None where there is no OpenGL."""
    try:
        context = offscreen_context()
    except NoOpenGL as error:
        print(f"no OpenGL: {error}")
        return None
    arrays = [scene[name].detach().numpy() for name in ("means", "quats", "scales", "opacities", "colors")]
    viewmats, _, focal = camera(size)
    seen = Camera(viewmats[0].double().numpy(), focal, focal, size / 2, size / 2, size, size)
    uploaded = UploadedSplats(context, len(arrays[0]))
    drawn = Picture(context, (size, size), uploaded.buffer)

    def draw() -> Any:
        drawn.draw(uploaded.write(Splats(*arrays), seen), seen)
        return drawn.read()

    return draw


def by_twin(scene: dict[str, torch.Tensor], size: int) -> Callable[[], torch.Tensor]:
    """The same picture by the readable twin."""
    viewmats, Ks, _ = camera(size)
    s = Settings(size, size)

    def draw() -> torch.Tensor:
        parts = [scene[name] for name in ("means", "quats", "scales", "opacities")]
        projected = reference.project(*parts, viewmats[0], Ks[0], s)
        return reference.composite(*projected, scene["colors"], torch.zeros(3), s)[0]

    return draw


def line(what: str, n: int, size: int, times: np.ndarray) -> str:
    """Least times of ours and of one peer, and their ratios."""
    row = "".join(f"{wall:9.1f} ({processor:7.1f})" for wall, processor in times)
    ratio = times[0] / times[1]
    return f"{what:16} {n:7} splats {size:5} px {row}   {ratio[0]:.3f} ({ratio[1]:.3f})"


def compare(module: Any, repeats: int) -> None:
    """Ours beside each peer. OpenGL comes last: Mesa's emulator and torch's compiler both bring LLVM, and load in this order only."""
    print("\nleast wall (processor) ms                           ours               peer       ratio")
    for n, size in CASES if module else []:
        scene = head(n)
        draw, other = ours(scene, size), prototype(module, scene, size)
        difference = (draw() - other()).detach().abs().mean()
        assert difference < 2e-3, f"the prototype draws another picture: mean difference {difference}"
        for kind in (frame, step):
            times = least([kind(draw, scene), kind(other, scene)], repeats)
            print(line(f"{kind.__name__}, prototype", n, size, times), flush=True)
    scene = head(TWIN_CASE[0])
    peers = ours(scene, TWIN_CASE[1]), by_twin(scene, TWIN_CASE[1])
    for kind in (frame, step):
        print(
            line(f"{kind.__name__}, twin", *TWIN_CASE, least([kind(peer, scene) for peer in peers], repeats)),
            flush=True,
        )
    for n, size in CASES:
        scene = head(n)
        gl = opengl(scene, size)
        if gl is None:
            return
        times = least([frame(ours(scene, size), scene), gl], repeats)
        print(line("frame, OpenGL", n, size, times), flush=True)


def scaling(repeats: int) -> None:
    """Linear in the number of splats? What do six channels and an opaque head cost?"""
    print("\nleast wall (processor) ms      frame             step              peak MiB so far")
    rows = [(n, size, 3, False) for n, size in SCALING] + [(50_000, 512, 6, False), (50_000, 512, 3, True)]
    for n, size, channels, opaque in rows:
        scene = head(n, opaque)
        draw = ours(scene, size, channels)
        times = [least([kind(draw, scene)], repeats)[0] for kind in (frame, step)]
        row = "".join(f"{wall:8.1f} ({processor:6.1f})  " for wall, processor in times)
        note = f" {channels} channels" * (channels != 3) + " opaque" * opaque
        print(f"{n:7} splats {size:5} px {row} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024:6}{note}")


def load_prototype(path: Path) -> Any:
    """Import a module from a file, its folder on the path."""
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location("rasterizer_prototype", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """Print machine, versions and tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--prototype", type=Path, help="a file with render(means, quats, scales, opacities, colors, view, focal, w, h)"
    )
    parser.add_argument("--repeats", type=int, default=10)
    options = parser.parse_args()
    threads = numba.get_num_threads()
    torch.set_num_threads(threads)
    print(f"{described()}, {threads} threads")
    scaling(options.repeats)  # first: its column of peak memory must be its own
    compare(load_prototype(options.prototype) if options.prototype else None, options.repeats)


if __name__ == "__main__":
    main()
